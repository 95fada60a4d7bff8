"""One process at a time may hold an embedded library."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

from reprise.errors import LibraryError, LibraryInUseError, printable

LOCK_NAME = "lock"


class FolderLock:
    """An advisory lock on a library's folder, with its holder's process id and command inside.

    The system gives it back when the process ends, however it ends.
    """

    def __init__(self, folder: Path) -> None:
        """Takes the lock. Raises LibraryInUseError naming the holder, LibraryError if it cannot be written."""
        path = folder / LOCK_NAME
        try:
            self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise LibraryError(f"{printable(folder)}: the folder cannot be written ({error.strerror})") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 200, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise LibraryInUseError(
                f"{printable(folder)}: the library is in use by {holder or 'another process'}; wait until it ends"
            ) from error
        os.ftruncate(self._descriptor, 0)
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
        os.pwrite(self._descriptor, f"process {os.getpid()} ({command})\n".encode(), 0)

    def release(self) -> None:
        """Gives the lock back; once is enough, more does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
