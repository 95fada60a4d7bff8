"""The file that a download grows in."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from reprise.errors import DownloadError, printable


class Part:
    """A file that is appended to by one process at a time, with the version of what is in it beside it.

    It stays until it is finished or removed, unless it is empty.

    Raises DownloadError where another process holds it, OSError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version_path = path.with_name(f"{path.name}.version")

    def __enter__(self) -> Part:
        self._file = self.path.open("ab")
        if not self._is_mine():
            self._file.close()
            raise DownloadError(f"{printable(self.path)}: another process is downloading it; wait until it ends")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.length:
            self.path.unlink(missing_ok=True)
        self._file.close()

    def _is_mine(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another process may have finished with it, and named it otherwise, before it was locked here.
            return os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        except (BlockingIOError, FileNotFoundError):
            return False

    @property
    def length(self) -> int:
        """Bytes that are here."""
        return self._file.tell()

    @property
    def version(self) -> str:
        """What the server called the version that the bytes are of; empty where it is not known."""
        try:
            return self._version_path.read_text().strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return ""

    def set_version(self, version: str) -> None:
        """Remembers the version of what is appended from now on."""
        self._version_path.write_text(version)

    def append(self, piece: bytes) -> None:
        """Writes a piece, through to the system: a killed process loses nothing."""
        self._file.write(piece)
        self._file.flush()

    def clear(self) -> None:
        """Back to nothing."""
        self._file.seek(0)
        self._file.truncate()
        self._version_path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Takes the file away."""
        self._version_path.unlink(missing_ok=True)
        self.path.unlink()

    def finish(self, target: Path) -> None:
        """Gives the file its final name, in one step."""
        os.fsync(self._file.fileno())
        self.path.replace(target)
        self._version_path.unlink(missing_ok=True)
