"""Being woken when something happens in folders, where the system tells; the caller looks itself what it was."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# Between two looks: where the system tells of changes they are for what it lost, as when its queue ran over.
LOOK_TOLD_S, LOOK_UNTOLD_S = 60.0, 5.0

# What other machines do on these is told to nobody here.
REMOTE = frozenset(
    ["9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs", "virtiofs"]
)


class Wakeups:
    """Waits until something happens in folders, or some time is over."""

    def __init__(self, paths: Sequence[str], look_every_s: float | None = None) -> None:
        """`look_every_s` is the longest wait; left out, it is short where the system does not tell of changes."""
        self._changed = threading.Event()
        self._observer: Any = None
        self.silent = _silent(paths) or self._observe(paths)
        usual_s = LOOK_UNTOLD_S if self.silent else LOOK_TOLD_S
        self.look_every_s = usual_s if look_every_s is None else look_every_s

    def wait(self, at_least_s: float, at_most_s: float) -> None:
        """Returns when something happened since the last wait, but within these times."""
        # Without the lower bound a file that is being written would keep us busy.
        threading.Event().wait(at_least_s)
        self._changed.wait(max(0.0, at_most_s - at_least_s))
        self._changed.clear()

    def close(self) -> None:
        """Ends the watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _observe(self, paths: Sequence[str]) -> str:
        """Begins to watch; gives why that is not possible, empty if it is."""
        try:
            from watchdog import events
            from watchdog.observers import Observer
        except ImportError:
            return "pip install '.[watch]' lets the system tell"
        # It tells of folders that come and go while it looks at them, as those of a library that lies within.
        logging.getLogger("watchdog").setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", module="watchdog")
        # Not of openings, which the looks are themselves.
        kinds = [
            events.FileCreatedEvent,
            events.FileModifiedEvent,
            events.FileClosedEvent,
            events.FileMovedEvent,
            events.DirCreatedEvent,
            events.DirMovedEvent,
        ]
        self._observer = Observer()
        try:
            for folder in {path if Path(path).is_dir() else str(Path(path).parent) for path in paths}:
                self._observer.schedule(
                    _Wake(self._changed), folder, recursive=Path(folder).is_dir(), event_filter=kinds
                )
            self._observer.start()
        except OSError as error:  # as when somebody has used up all watches of the system
            self.close()
            return f"the system does not tell of changes ({error.strerror or error})"
        return ""


class _Wake:
    """What watchdog calls, as its own FileSystemEventHandler is; only a look tells what has happened."""

    def __init__(self, changed: threading.Event) -> None:
        self._changed = changed

    def dispatch(self, event: object) -> None:  # noqa: ARG002 - watchdog's signature
        """Something has happened."""
        self._changed.set()


def _silent(paths: Sequence[str]) -> str:
    """Why the system will not tell of all that happens at these paths; empty if it will."""
    mounts = _mounts()
    for path in paths:
        real = Path(path).resolve()
        kind = next((mounts[folder] for folder in (real, *real.parents) if folder in mounts), "")
        if kind in REMOTE or kind.startswith("fuse."):
            return f"a file system of type {kind} does not tell of changes"
    return ""


def _mounts() -> dict[Path, str]:
    """The type of the file system at each place where one is mounted."""
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return {}
    fields = [line.split() for line in lines]
    return {Path(place.replace("\\040", " ")): kind for _, place, kind, *_ in fields}
