"""Where do results go, so that nobody ever finds half of them?

Owns the writing of result folders. Files are written in a folder aside whose name begins with `_`, brought to disk, and
put in place at once; a folder is finished when `manifest.json` is there, which is therefore always the last.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
DISK_FAILURES = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def is_finished(folder: Path) -> bool:
    """Tell whether a folder holds a finished run."""
    return (folder / MANIFEST).is_file()


class Destination:
    """A folder that results will be put in, once they are complete.

    Parameters
    ----------
    folder : where the results shall stand.
    is_chosen : the user named this very folder; otherwise a free number is added when it is taken.
    force : a finished run there may be replaced.

    Raises
    ------
    InputError
        A finished run is in the way, or nothing can be written there. Found out at once, before anything is computed.
    """

    def __init__(self, folder: Path | str, *, is_chosen: bool = True, force: bool = False) -> None:
        self.folder, self.is_chosen, self.force = Path(folder), is_chosen, force
        self._refuse_taken()
        self._made: list[Path] = []
        base = self.folder if self.folder.is_dir() and is_chosen else self.folder.parent
        try:
            self._make(base)
            self.partial = base / f"_partial-{self.folder.name}-{uuid.uuid4().hex[:8]}"
            self.partial.mkdir()
        except (OSError, ValueError) as error:  # ValueError: a null character in the name
            self._remove_made()
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"cannot be written to: {reason}", file=self.folder) from None

    def __enter__(self) -> Destination:
        """Return itself; `partial` is the folder to write into."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not published."""
        shutil.rmtree(self.partial, ignore_errors=True)
        self._remove_made()

    def publish(self) -> Path:
        """Put the complete results in place; return the folder that they are in."""
        _sync_tree(self.partial)
        for folder in self._candidates():
            if not folder.exists() or (not self.is_chosen and _is_empty(folder)):
                with contextlib.suppress(OSError):  # somebody was faster: the next number
                    os.replace(self.partial, folder)
                    _sync(folder.parent)
                    return folder
            elif self.is_chosen and (self.force or not is_finished(folder)):
                _move_into(self.partial, folder)
                return folder
        raise AssertionError("there is always another number")

    def _candidates(self) -> Iterator[Path]:
        yield self.folder
        for number in itertools.count(2):
            yield self.folder.with_name(f"{self.folder.name}-{number}")

    def _refuse_taken(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError("is a file, a folder expected", file=self.folder)
        if self.is_chosen and is_finished(self.folder) and not self.force:
            message = "holds a finished run; name another folder with -o, or replace it with --force"
            raise InputError(message, file=self.folder)

    def _make(self, folder: Path) -> None:
        """Make a folder and those above it, and note which were new."""
        missing = list(itertools.takewhile(lambda path: not path.exists(), [folder, *folder.parents]))
        folder.mkdir(parents=True, exist_ok=True)
        self._made = missing

    def _remove_made(self) -> None:
        for folder in self._made:
            with contextlib.suppress(OSError):  # not empty: it has found another use
                folder.rmdir()


@contextlib.contextmanager
def put_in_place(path: Path) -> Iterator[Path]:
    """Yield a name aside to write a file to; when the block ends well, the file stands at `path`, whole and on disk."""
    aside = path.with_name(f"_{path.name}.{uuid.uuid4().hex}")
    try:
        yield aside
        publish(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def publish(aside: Path, path: Path) -> None:
    """Bring a file to disk and put it in place of another, at once: a reader finds the old one or the new one."""
    _sync(aside)
    os.replace(aside, path)
    _sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with put_in_place(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Any) -> None:
    """Write JSON that any reader accepts: NaN becomes null."""
    write_text(path, to_json(content) + "\n")


def to_json(content: Any) -> str:
    """Return JSON, indented; NaN and infinities, which JSON lacks, become null."""
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False)


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as CSV; numbers with as many digits as it takes to read the same number again."""
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as Parquet (zstd); the same table gives the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with put_in_place(path) as aside:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), aside, compression="zstd")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder but the manifest, by its path inside the folder."""
    import hashlib

    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _move_into(source: Path, folder: Path) -> None:
    """Replace the results of a folder by those of `source`, which stands in it or beside it; other files stay."""
    (folder / MANIFEST).unlink(missing_ok=True)
    for item in sorted(source.iterdir(), key=lambda path: path.name == MANIFEST):
        if (folder / item.name).is_dir():
            shutil.rmtree(folder / item.name)
        os.replace(item, folder / item.name)
    _sync(folder)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _sync_tree(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        _sync(path)


def _sync(path: Path) -> None:
    """Bring a file or a folder's list of names to disk, where the system can do that.

    Raises
    ------
    OSError
        The disk is full or broken: what was written is not there.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno in DISK_FAILURES:
            raise


def _plain(content: Any) -> Any:
    """Return the same content without what JSON cannot hold."""
    if isinstance(content, dict):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    if hasattr(content, "item"):
        return _plain(content.item())
    if isinstance(content, float) and not abs(content) < float("inf"):
        return None
    if content is None or isinstance(content, bool | int | float | str):
        return content
    return str(content)
