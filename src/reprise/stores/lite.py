"""What a killed process leaves in a Milvus Lite folder and Milvus Lite 3.2 cannot cope with.

Three things are put right before the folder is opened, or when it cannot be loaded:

- A flush writes its rows into a file, names the file in the manifest, then removes the log it took them from. Killed
  in the last step, it leaves part of a log that is written already. Replayed, that brings deleted rows back, hides
  rows that are there, writes over the file that the manifest names, and makes the next flush fail ("current_seq is
  monotonic"). The manifest tells the number of the log in use: older ones are of no use and are removed.
- A collection is a folder with a schema in it. Killed between the two, a folder is left in which no collection can be
  made ever after.
- Index files are written in place. A torn one cannot be loaded; without it the index is built again.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from reprise.errors import LibraryInUseError, StoreError, with_remedy
from reprise.stores.patience import first_line

_LOG = re.compile(r"wal_(?:data|delta)_(\d+)\.arrow")
_KNOWN_MANIFEST = 2  # the version of the manifest's format whose meaning is known here


def tidy(folder: str) -> None:
    """Puts right what a killed process left in the Milvus Lite `folder`; nothing happens where another holds it."""
    with _held(Path(folder)) as is_held:
        if is_held:
            for collection in _collections(folder):
                # Torn while it was being made, or removed: there is nothing in it that could be read.
                if not (collection / "schema.json").exists():
                    shutil.rmtree(collection, ignore_errors=True)
                else:
                    _remove_written_logs(collection)


def drop_index_files(folder: str, collection: str) -> bool:
    """Removes the index files of a collection, which are made again from its rows; whether there were any."""
    files = list(Path(folder).glob(f"collections/{collection}/partitions/*/indexes/*.idx"))
    for file in files:
        file.unlink(missing_ok=True)
    return bool(files)


def silence_training() -> None:
    """Keeps faiss from writing, past Python, to the screen that a small segment has few vectors for its clusters.

    It has: segments have as many frames as were ingested at a time, until Milvus Lite puts them together.
    """
    import faiss

    try:
        from milvus_lite.index import faiss_ivf_flat, faiss_ivf_sq8
    except ImportError:  # another version, which may train without a word
        return

    def quiet(kind: Any) -> Any:
        def made(*arguments: Any) -> Any:
            index = kind(*arguments)
            index.cp.min_points_per_centroid = 1
            return index

        return made

    names = ("IndexIVFFlat", "IndexIVFScalarQuantizer")
    changed = SimpleNamespace(**{**vars(faiss), **{name: quiet(getattr(faiss, name)) for name in names}})
    faiss_ivf_flat.faiss = faiss_ivf_sq8.faiss = changed


class Overheard(logging.Handler):
    """The exception that Milvus Lite logs where it tells its caller no more than that it could not open a folder."""

    def __init__(self) -> None:
        super().__init__()
        self.error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Takes note of a record's exception."""
        if record.exc_info is not None and record.exc_info[1] is not None:
            self.error = record.exc_info[1]


@contextmanager
def overheard() -> Iterator[Overheard]:
    """Listens to Milvus Lite's opening of a folder, which is not printed."""
    logger = logging.getLogger("milvus_lite.server_manager")
    handler = Overheard()
    was, propagated = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.setLevel(was)
        logger.propagate = propagated


def _remove_written_logs(collection: Path) -> None:
    try:
        manifest = json.loads((collection / "manifest.json").read_text())
        in_use = manifest["active_wal_number"]
    except (OSError, ValueError, KeyError):
        return  # none yet, or a damaged one, which Milvus Lite has a way of its own with
    if manifest.get("manifest_format_version") != _KNOWN_MANIFEST or not isinstance(in_use, int):
        return
    for log in sorted((collection / "wal").glob("wal_*.arrow")):
        number = _LOG.fullmatch(log.name)
        if number and int(number[1]) < in_use:
            log.unlink(missing_ok=True)


def _collections(folder: str) -> list[Path]:
    place = Path(folder) / "collections"
    return [entry for entry in place.iterdir() if entry.is_dir()] if place.is_dir() else []


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Holds the lock that Milvus Lite itself takes, and tells whether that was possible."""
    try:
        descriptor = os.open(folder / "LOCK", os.O_RDWR)
    except OSError:
        yield False
        return
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    with suppress(OSError):  # what another holds
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def cannot_open(shown: str, error: BaseException) -> StoreError | LibraryInUseError:
    """What is wrong with a Milvus Lite folder: another process has it open, or what its exception says."""
    if "holds the lock" in str(error):
        return LibraryInUseError(f"{shown}: another process has this Milvus Lite folder open; wait until it ends")
    return StoreError(f"{shown}: Milvus Lite cannot open it: {with_remedy(first_line(error))}")
