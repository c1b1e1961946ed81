"""Memory for the world's large tables: aligned to cache lines, in huge pages where the system grants them.

A day touches rows all over tables of many megabytes. With rows across two cache lines and pages of 4 kB, half of the
time went into finding the memory instead of reading it. Owns no data.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

HUGE_PAGE_BYTES = 1 << 21


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of zeros whose first byte begins a page (small arrays: as NumPy makes them).

    Parameters
    ----------
    shape, dtype : as for `numpy.zeros`.
    """
    kind = np.dtype(dtype)
    n_bytes = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if n_bytes < HUGE_PAGE_BYTES // 2:
        return np.zeros(shape, kind)
    whole = -(-n_bytes // HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES
    # Private: Python's default is memory to be shared, which Linux gives in small pages only.
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_ANONYMOUS") else {}
    memory = mmap.mmap(-1, whole, **private)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, kind, count=n_bytes // kind.itemsize).reshape(shape)


def zero_rows(n_rows: int, dtype: np.dtype) -> np.recarray:
    """Return structured rows of zeros, shape (n_rows,), whose fields are attributes."""
    return zeros(n_rows, dtype).view(np.recarray)


def give_back() -> None:
    """Return to the system what the C library keeps of freed memory (where it can: glibc), after large temporaries."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
