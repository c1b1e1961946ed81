"""How rules become machine code, and where the machine code is kept between processes.

Every rule of the day is decorated with :func:`rule`. Numba notices an edit in the file of a compiled function but not
in a helper it imports, nor a change of its optimisation level; so the cache folder is named by a digest of all sources
that rules are made of, of the versions of numba and Python, and of that level. A stale rule can therefore never run.
With `NUMBA_DISABLE_JIT=1` the same source runs line by line in a debugger and gives the same numbers.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

#: Numba's level 1 runs this code 1.3 to 7 times faster than its default 3, and compiles sooner.
os.environ.setdefault("NUMBA_OPT", "1")


def rule_sources(folder: Path) -> list[Path]:
    """Return the files that compiled rules are made of: those that define rules, and what these import from here."""
    texts = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}
    wanted = [path for path, text in texts.items() if "from abm.compiled import" in text]
    found = set(wanted)
    while wanted:
        for module in re.findall(r"^from abm\.([\w.]+) import", texts[wanted.pop()], re.MULTILINE):
            path = folder / (module.replace(".", "/") + ".py")
            if path in texts and path not in found:
                found.add(path)
                wanted.append(path)
    return sorted(found)


def sources_digest(folder: Path = Path(__file__).parent) -> str:
    """Return a digest (16 hex digits) of everything that decides what the machine code must be."""
    state = hashlib.sha256()
    for path in rule_sources(folder):
        state.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for fact in (version("numba"), version("llvmlite"), sys.version, os.environ["NUMBA_OPT"]):
        state.update(fact.encode() + b"\0")
    return state.hexdigest()[:16]


def cache_folder() -> Path:
    """Return the folder of this very code's machine code, below the user's cache folder."""
    base = os.environ.get("TERRITOIRE_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "territoire" / f"rules-{sources_digest()}"


CACHE_FOLDER = cache_folder()
COMPILED_MARK = CACHE_FOLDER / "compiled"
os.environ["NUMBA_CACHE_DIR"] = str(CACHE_FOLDER)

import numba  # noqa: E402  (must see the two settings above)

numba.config.CACHE_DIR = str(CACHE_FOLDER)  # type: ignore[attr-defined]  # for whoever imported numba before us

#: True when the rules run line by line (`NUMBA_DISABLE_JIT=1`).
IS_DISABLED = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]

#: Decorator of a rule: compiled at first use, cached on disk, division by zero as in NumPy.
rule = numba.njit(cache=True, error_model="numpy", forceinline=True)


def is_compiled() -> bool:
    """Tell whether all rules of these very sources are in the cache, so that a wait can be announced."""
    return IS_DISABLED or COMPILED_MARK.exists()


def mark_compiled() -> None:
    """Note in the cache that every rule has been compiled."""
    if not IS_DISABLED:
        CACHE_FOLDER.mkdir(parents=True, exist_ok=True)
        COMPILED_MARK.touch()
