"""A folder for as long as something runs. What a killed process left is removed by the next one."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HELD_NAME = "held"  # a file in each such folder, locked while its process lives
YOUNG_S = 60.0  # such a file may have been made, and not be locked yet


@contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """A new folder `reprise-KIND-…` in the system's place for temporary ones, removed at the end.

    Before it is made, those of this kind and user are removed whose process is dead.
    """
    prefix = f"reprise-{kind}-"
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        _remove_if_left(left)
    # Milvus Lite may still be writing a last file while its folder is removed.
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        held = os.open(Path(name) / HELD_NAME, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(held)


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError):  # it is another user's, or just being removed
        held = os.open(folder / HELD_NAME, os.O_RDWR | os.O_NOFOLLOW)
        try:
            facts = os.fstat(held)
            if facts.st_uid == os.getuid() and time.time() - facts.st_mtime > YOUNG_S:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(held)
