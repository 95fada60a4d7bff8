"""Files that come into folders while one watches, each when it is complete."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reprise.errors import printable
from reprise.scanning import find_videos

# What browsers, downloaders and copying programs add to the name of a file that they still write.
UNFINISHED = frozenset(
    [
        ".!qb",
        ".!ut",
        ".aria2",
        ".crdownload",
        ".download",
        ".filepart",
        ".opdownload",
        ".part",
        ".partial",
        ".temp",
        ".tmp",
        ".ytdl",
    ]
)
SETTLED_S = 2.0  # without a change of size and time

FileState = tuple[int, int, int]  # size, time of change in ns, inode: another one after a rename


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the folders found."""

    ready: list[str]  # complete, and not dealt with as they are now
    waits: bool  # whether others may be complete soon
    faults: list[str]  # one line for each folder that cannot be looked at


@dataclass(slots=True)
class Arrivals:
    """Looks for complete videos in files and folders, and remembers which were dealt with in which state."""

    paths: Sequence[str]
    settled_s: float = SETTLED_S
    _seen: dict[str, tuple[FileState, float]] = field(default_factory=dict)
    _dealt_with: dict[str, FileState] = field(default_factory=dict)

    def look(self) -> Look:
        """The videos that are complete now; a video is given again and again until it is said to be dealt with."""
        there = [path for path in self.paths if Path(path).exists()]
        faults = [f"{printable(path)}: is not there any more" for path in self.paths if path not in there]
        found = find_videos(there)
        # An empty folder is no failure: something may come.
        faults += [
            failure.reason for failure in found.failures if not failure.reason.endswith("no video in this folder")
        ]
        now_s = time.monotonic()
        ready, waits, seen = [], False, {}
        for path in found.videos:
            state = _state(path)
            if state is None or self._dealt_with.get(path) == state or is_unfinished(path):
                continue
            before, since_s = self._seen.get(path, (None, now_s))
            seen[path] = (state, since_s if before == state else now_s)
            if now_s - seen[path][1] < self.settled_s or is_being_written(path):
                waits = True
            else:
                ready.append(path)
        self._seen = seen
        self._dealt_with = {path: self._dealt_with[path] for path in found.videos if path in self._dealt_with}
        return Look(ready, waits, faults)

    def dealt_with(self, path: str) -> None:
        """Notes that nothing more is to be done with a video that `look` gave, unless it changes."""
        if path in self._seen:
            self._dealt_with[path] = self._seen[path][0]


def is_unfinished(path: str) -> bool:
    """Whether a name says that the file is not complete: `a.part.mp4`, `a.mp4` beside `a.mp4.aria2`, or in a folder
    `a.mp4.download`; a file `a.mp4.part` is no video by its name anyway.
    """
    file = Path(path)
    if Path(file.stem).suffix.lower() in UNFINISHED or file.parent.suffix.lower() in UNFINISHED:
        return True
    return any(file.with_name(file.name + suffix).exists() for suffix in UNFINISHED)


def is_being_written(path: str) -> bool:
    """Whether some process has the file open for writing, as far as that can be told.

    A read lease, which the system grants only where nobody writes, tells it of every process for a file of one's
    own; for others' files, and on file systems without leases, the processes that one may look into are asked.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False  # what is wrong with it the ingest will tell
    try:
        # Whoever opens it at this moment makes the system send a signal, by default one that ends us.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN or _has_writer(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    return False


def _has_writer(status: os.stat_result) -> bool:
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            links = list(os.scandir(f"{entry.path}/fd"))
        except OSError:
            continue  # somebody else's, or gone
        if any(_writes(entry.path, link, status) for link in links):
            return True
    return False


def _writes(process: str, link: os.DirEntry[str], status: os.stat_result) -> bool:
    try:
        its = link.stat()
        if (its.st_dev, its.st_ino) != (status.st_dev, status.st_ino):
            return False
        lines = Path(f"{process}/fdinfo/{link.name}").read_text().splitlines()
    except OSError:
        return False
    flags = next((int(line.split()[1], 8) for line in lines if line.startswith("flags:")), 0)
    return flags & os.O_ACCMODE != os.O_RDONLY


def _state(path: str) -> FileState | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
