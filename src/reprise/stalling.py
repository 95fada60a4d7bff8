"""Telling whether a process has stopped working, from outside of it: whatever it is that it waits for."""

from __future__ import annotations

import os
import time
from pathlib import Path

from reprise.errors import ProcessLostError, printable

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


STALL_S = 900.0  # more than the longest wait for another process' export of a network, and for a slow disk
LOOK_S = 5.0  # between two looks


def given_up(path: str, stalled_s: float) -> ProcessLostError:
    """The error of a video whose process has stalled."""
    return ProcessLostError(
        f"{printable(path)}: given up, as its process did nothing for {stalled_s:.0f} s; see whether its disk or "
        "network drive still answers, and try again"
    )


class StallWatch:
    """Watches what a process and its children use of the CPU: they work as long as that grows.

    A file system that no longer answers, or a lock that nobody gives back, is a stall; slow work is none.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._used_s = 0.0
        self._since_s = time.monotonic()

    def restart(self) -> None:
        """Counts from now on: what was before was waiting for work."""
        self._since_s = time.monotonic()

    def stalled_s(self) -> float:
        """For how long, as far as was looked, the process has used no CPU; 0 if it has since the last look."""
        used_s = tree_cpu_s(self._pid)
        if used_s != self._used_s:
            self._used_s, self._since_s = used_s, time.monotonic()
            return 0.0
        return time.monotonic() - self._since_s


def tree_cpu_s(pid: int) -> float:
    """CPU seconds that a process, its descendants and its children that ended have used; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = {int(child) for thread in threads for child in (thread / "children").read_text().split()}
    except (OSError, ValueError):
        return 0.0
    # utime, stime and those of children that were waited for: fields 14 to 17 of proc(5), the state is field 3.
    own_s = sum(map(int, fields[11:15])) / _TICKS_A_SECOND
    return own_s + sum(tree_cpu_s(child) for child in children)
