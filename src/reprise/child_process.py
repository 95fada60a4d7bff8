"""Starting Python processes that do what may crash, and telling how they ended."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
from multiprocessing.connection import Connection
from typing import Any

from reprise.errors import ReprisError


def start_process(code: str) -> tuple[subprocess.Popen[bytes], Connection[Any, Any]]:
    """A Python process of one thread that runs `code`, and a connection to it.

    The code sees this process's `sys.path` as its arguments from the second on; the first is the number of the
    descriptor of its end of the connection. Raises ReprisError if the process cannot be started.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-c", code, str(theirs.fileno()), *map(os.fspath, sys.path)]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Its libraries must not spread over cores that other workers use.
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                # Ctrl-C reaches the whole group of a terminal's processes: workers are ended by their owner.
                start_new_session=True,
            )
        except OSError as error:
            raise ReprisError(f"a worker process cannot be started ({error.strerror or error})") from error
        return process, Connection(ours.detach())


def give_up_reading_after(connection: Connection[Any, Any], stall_s: float) -> None:
    """Lets a read raise BlockingIOError when nothing at all has come for so long, also in the middle of a message.

    `poll` alone does not help there: a process that is stopped may have sent half of what it announced.
    """
    duration = struct.pack("@ll", int(stall_s), int(stall_s % 1 * 1e6))
    plug = socket.socket(fileno=connection.fileno())
    try:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, duration)
    finally:
        plug.detach()


def ending_of(status: int) -> str:
    """How a process ended, by its exit status: a signal's name, or the number."""
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
