"""A command whose CPU seconds are counted with those of all its processes."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from reprise.stalling import tree_cpu_s

LOOK_S = 0.1  # what a process uses after the last look at it is not seen


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command took and said."""

    status: int
    lines: list[str]  # of its standard output
    cpu_s: float
    wall_s: float


def watched(command: Sequence[str]) -> Ended:
    """Runs the command to its end.

    Its processes are looked at while they live: one whose parent ends first, as a decoder's does, is nobody's child
    then, and the system counts it nowhere.
    """
    began_s, cpu_s, lines = time.monotonic(), 0.0, list[str]()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=lines.extend, args=(process.stdout,))
        reader.start()
        while process.poll() is None:
            cpu_s = max(cpu_s, tree_cpu_s(process.pid))
            time.sleep(LOOK_S)  # between two looks
        wall_s = time.monotonic() - began_s
        reader.join()
    return Ended(process.returncode, lines, cpu_s, wall_s)
