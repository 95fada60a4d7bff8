"""One process at a time may hold an embedded library, or one slot of a server library's matrices."""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import time
from pathlib import Path

from reprise.errors import LibraryError, LibraryInUseError, SettingsError, printable

LOCK_NAME = "lock"
WAIT_VARIABLE = "REPRISE_WAIT"
LOOK_AGAIN_S = 0.2

_log = logging.getLogger(__name__)


class FolderLock:
    """An advisory lock on a library's folder, with its holder's process id and command inside.

    The system gives it back when the process ends, however it ends.
    """

    def __init__(self, folder: Path, *, name: str = LOCK_NAME, wait_s: float = 0.0) -> None:
        """Takes the lock, the file `name` in the folder; waits up to `wait_s` seconds for it.

        A wait is logged once, with whom it is for. Raises LibraryInUseError naming the holder, LibraryError if the
        lock cannot be written.
        """
        self._path = folder / name
        self._descriptor = -1
        shown = printable(folder)
        give_up_s = time.monotonic() + wait_s
        is_told = False
        while not self._taken(shown):
            holder = holder_of(self._path) or "another process"
            if time.monotonic() >= give_up_s:
                waited = f" (waited {wait_s:g} s)" if is_told else ""
                raise LibraryInUseError(
                    f"{shown}: the library is in use by {holder}{waited}; wait until it ends, or let --wait do so"
                )
            if not is_told:
                _log.warning("%s: waiting for %s, which has the library open", shown, holder)
                is_told = True
            time.sleep(LOOK_AGAIN_S)  # flock cannot wait for a time
        os.ftruncate(self._descriptor, 0)
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
        os.pwrite(self._descriptor, f"process {os.getpid()} ({command})\n".encode(), 0)

    def release(self) -> None:
        """Gives the lock back; once is enough, more does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _taken(self, shown: str) -> bool:
        try:
            self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise LibraryError(f"{shown}: the folder cannot be written ({error.strerror})") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            return False
        return True


def usual_wait_s() -> float:
    """How many seconds a library in use is waited for: $REPRISE_WAIT, "inf" for any time; 0 where it is not set.

    Raises SettingsError if that is no number of seconds.
    """
    given = os.environ.get(WAIT_VARIABLE) or "0"
    try:
        wait_s = float(given)
    except ValueError:
        wait_s = -1.0
    if not wait_s >= 0:
        raise SettingsError(f"${WAIT_VARIABLE} is {given!r}; give seconds, or inf")
    return wait_s


def holder_of(lock: Path) -> str:
    """Who wrote itself into the file of a lock that is held, as `process 12 (reprise ingest)`; empty if nobody."""
    try:
        with lock.open("rb") as file:
            return printable(file.read(200).decode(errors="replace").strip())
    except OSError:
        return ""
