"""Running `reprise` in this process, as the installed command does, and looking at processes under Linux."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise.cli import commands
from reprise.cli.running import run_command

COMMAND = [sys.executable, "-m", "reprise"]
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Finished:
    """What a command left."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[Any]:
        """The lines of the output, as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments: str | Path) -> Finished:
    """Runs `reprise` with these arguments; its output goes to no terminal."""
    before, out, err = sys.argv, io.StringIO(), io.StringIO()
    sys.argv = ["reprise", *map(str, arguments)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = run_command(commands, prog_name="reprise")
    finally:
        sys.argv = before
    return Finished(status, out.getvalue(), err.getvalue())


def children(pid: int) -> list[int]:
    """The processes whose parent is `pid`."""
    return [child for child in _pids() if _status(child)[1:2] == [str(pid)]]


def descendants(pid: int) -> list[int]:
    """The processes whose parent is `pid`, theirs, and so on."""
    below = children(pid)
    return below + [one for child in below for one in descendants(child)]


def is_running(pid: int) -> bool:
    """Whether the process is there and more than a zombie."""
    return _status(pid)[:1] not in ([], ["Z"])


def has_open(pid: int, path: Path) -> bool:
    """Whether the process has the file open."""
    try:
        return any(link.readlink() == path for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def cpu_s(pid: int) -> float:
    """The CPU seconds that the process has used so far."""
    user, system = _status(pid)[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def wait_until(condition: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
    """Waits for what another process brings about."""
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.02)  # between two looks; a deadline ends them


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _status(pid: int) -> list[str]:
    """The process's state and parent; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
