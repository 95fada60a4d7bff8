"""Worker processes that outlive a job: each does one task after another, and a crash costs that task alone.

`reprise.workers` has processes for one long ingest; these are kept, as starting one takes longer than a short query.
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from queue import LifoQueue
from typing import Any

from reprise.child_process import ending_of, start_process
from reprise.errors import DecodeError, ReprisError
from reprise.service import tasks

_START = (
    "import sys; sys.path[:] = sys.argv[2:]; from reprise.service.processes import serve; serve(int(sys.argv[1]))"
)


class Worker:
    """A process that is started with its first task, and again after it died. For one thread at a time."""

    def __init__(self, time_limit_s: float) -> None:
        self._time_limit_s = time_limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._is_closed = False

    def run(self, task: str, *arguments: Any) -> Any:
        """What the function `task` of `reprise.service.tasks` gives for these arguments.

        Raises what it raises, a ReprisError; DecodeError if the process dies of it or takes too long.
        """
        connection = self._connected()
        try:
            connection.send((task, arguments))
            if not connection.poll(self._time_limit_s):
                self.end()
                raise DecodeError(f"the video took longer than {self._time_limit_s:g} s and was given up")
            result, error = connection.recv()
        except (EOFError, OSError) as lost:
            status = self.end()
            raise DecodeError(
                f"the process that decoded the video ended ({ending_of(status)}); the file may be damaged"
            ) from lost
        if error is not None:
            raise error
        return result

    def close(self) -> None:
        """Ends the process, whatever it does, from any thread; no other is started."""
        self._is_closed = True
        self.end()

    def end(self) -> int:
        """Ends the process, whatever it does; its exit status."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if process is None:
            return 0
        with suppress(OSError):
            process.kill()
        if connection is not None:
            connection.close()
        return process.wait()

    def _connected(self) -> Connection[Any, Any]:
        if self._connection is not None and self._process is not None and self._process.poll() is None:
            return self._connection
        self.end()
        if self._is_closed:
            raise ReprisError("the service is ending")
        self._process, self._connection = start_process(_START)
        return self._connection


class Team:
    """A few workers that are lent out; for tasks so short that whoever asks can wait."""

    def __init__(self, size: int, time_limit_s: float) -> None:
        self._all = [Worker(time_limit_s) for _ in range(size)]
        # The one last used is the one that is running already.
        self._idle: LifoQueue[Worker] = LifoQueue()
        for worker in self._all:
            self._idle.put(worker)

    @contextmanager
    def lent(self) -> Iterator[Worker]:
        """A worker, as soon as one is free."""
        worker = self._idle.get()
        try:
            yield worker
        finally:
            self._idle.put(worker)

    def run(self, task: str, *arguments: Any) -> Any:
        """As `Worker.run`, by the next that is free."""
        with self.lent() as worker:
            return worker.run(task, *arguments)

    def end(self) -> None:
        """Ends all of them."""
        for worker in self._all:
            worker.end()


def serve(descriptor: int) -> None:
    """The worker's side: does what comes in through the socket `descriptor` until it is closed."""
    logging.getLogger("towhee").setLevel(logging.CRITICAL + 1)  # what fails goes back as a result
    owner: Connection[Any, Any] = Connection(descriptor)
    watch = threading.Thread(target=_watch, args=(os.getppid(),), daemon=True)
    watch.start()
    while True:
        try:
            task, arguments = owner.recv()
        except (EOFError, OSError):
            return
        answer: tuple[Any, ReprisError | None]
        try:
            answer = (tasks.TASKS[task](*arguments), None)
        except ReprisError as error:
            answer = (None, error)
        except Exception as error:  # noqa: BLE001 - whatever a damaged file brings about must not end the process
            answer = (None, ReprisError(f"unexpected fault ({type(error).__name__}: {error})"))
        owner.send(answer)


def _watch(owner: int) -> None:
    # A service that is killed closes no connection in the middle of a task.
    done = threading.Event()
    while os.getppid() == owner:
        done.wait(2)
    os._exit(0)
