"""Worker processes that embed videos: a video that crashes its process costs no other video.

Not `multiprocessing`: its workers run the caller's script again, so that a script with no
`if __name__ == "__main__"` fails; they print a traceback each on Ctrl-C; and when one dies its pool cannot say
over which video.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any

from reprise.child_process import ending_of, start_process
from reprise.embedding import Attempt, attempt
from reprise.errors import DecodeError, ProcessLostError, ReprisError, printable
from reprise.settings import EmbedSettings
from reprise.stalling import LOOK_S, STALL_S, StallWatch, given_up

# The worker sees the modules that this process sees, and nothing of its main script.
_START = "import sys; sys.path[:] = sys.argv[2:]; from reprise.workers import serve; serve(int(sys.argv[1]))"


@dataclass(frozen=True, slots=True)
class Job:
    """A video to embed, unless its content hash is `known_hash`."""

    path: str
    known_hash: str | None = None


ENDING_S = 5.0  # that a killed worker is waited for


def embed_in_workers(
    jobs: Iterable[Job], settings: EmbedSettings, workers: int, *, stall_s: float = STALL_S
) -> Iterator[tuple[int, Attempt]]:
    """(index of the job, its embedded video, None or error) for every job, in the order in which they get done.

    A job is drawn from `jobs` when a worker is free for it, and a worker with an answer that was not fetched does no
    more work. A job whose worker dies has a DecodeError, one whose worker uses no CPU for `stall_s` seconds a
    ProcessLostError. Closing the iterator ends all workers at once. Raises ReprisError if workers cannot be started.
    """
    drawn: list[Job] = []
    source = _numbered(jobs, drawn)
    waiting = deque(islice(source, workers))
    team: list[_Worker] = []
    try:
        # One by one, so that `finally` knows the first if the second cannot be started.
        team.extend(_Worker() for _ in range(len(waiting)))
        while team:
            for worker in _with_news(team, stall_s):
                done, answer = worker.index, worker.answer(drawn)
                index = waiting.popleft() if waiting else next(source, None)
                if worker.dead:
                    team.remove(worker)
                    if index is not None:
                        waiting.append(index)
                        team.append(_Worker())
                elif index is not None:
                    # Before the answer is stored, so that the worker need not wait for that.
                    worker.take(index, drawn, settings)
                else:
                    team.remove(worker)
                    worker.dismiss()
                if done is not None:
                    yield done, answer
    finally:
        for worker in team:
            worker.kill()


def _numbered(jobs: Iterable[Job], drawn: list[Job]) -> Iterator[int]:
    """The index of each job, which is in `drawn` by then."""
    for index, job in enumerate(jobs):
        drawn.append(job)
        yield index


class _Worker:
    """A process of its own that embeds one video at a time."""

    def __init__(self) -> None:
        self.index: int | None = None  # of the job under way; None while it starts
        self.dead = False
        self._stalled_s = 0.0
        self._process, self.connection = start_process(_START)
        self._watch = StallWatch(self._process.pid)

    def take(self, index: int, jobs: Sequence[Job], settings: EmbedSettings) -> None:
        """Begins with a job."""
        self.index = index
        self._watch.restart()
        with suppress(OSError):  # it has just died, which `answer` will tell
            self.connection.send((jobs[index], settings))

    def answer(self, jobs: Sequence[Job]) -> Attempt:
        """What became of the job under way; waits for it. Raises ReprisError if the worker could not start."""
        if self._stalled_s:
            return self._given_up(jobs)
        try:
            answer: Attempt = self.connection.recv()
        except (EOFError, OSError):
            self.dead = True
            status = self._end()
            if self.index is None:
                raise ReprisError(f"a worker process ended while it started ({ending_of(status)})") from None
            kind = ProcessLostError if status == -signal.SIGKILL else DecodeError
            return kind(f"{printable(jobs[self.index].path)}: {_crash(status)}")
        return answer

    def has_stalled(self, stall_s: float) -> bool:
        """Whether it has used no CPU for so long; its answer is then that it was ended."""
        stalled_s = self._watch.stalled_s()
        self._stalled_s = stalled_s if stalled_s >= stall_s else 0.0
        return self._stalled_s > 0

    def _given_up(self, jobs: Sequence[Job]) -> Attempt:
        self.dead = True
        self._process.kill()
        self.connection.close()
        with suppress(subprocess.TimeoutExpired):  # in a system call that never ends it cannot even be killed
            self._process.wait(ENDING_S)
        if self.index is None:
            raise ReprisError(f"a worker process did nothing for {self._stalled_s:.0f} s while it started")
        return given_up(jobs[self.index].path, self._stalled_s)

    def dismiss(self) -> None:
        """Lets the idle worker go."""
        self._end()

    def kill(self) -> None:
        """Ends the worker whatever it does."""
        self._process.kill()
        self._end()

    def _end(self) -> int:
        self.connection.close()
        return self._process.wait()


def _with_news(team: list[_Worker], stall_s: float) -> list[_Worker]:
    """The workers that have an answer, died or stalled; waits for the first."""
    while True:
        ready = wait([worker.connection for worker in team], min(LOOK_S, stall_s / 2))
        news = [worker for worker in team if worker.connection in ready or worker.has_stalled(stall_s)]
        if news:
            return news


def _crash(status: int) -> str:
    if status == -signal.SIGKILL:
        return "the process that decoded it was killed; the machine may have run out of memory, try again"
    return f"the decoder crashed on it ({ending_of(status)}); the file is damaged"


def serve(descriptor: int) -> None:
    """The worker's side: embeds what comes in through the socket `descriptor` until it is closed."""
    logging.getLogger("towhee").setLevel(logging.CRITICAL + 1)  # what fails goes back as a result
    owner: Connection[Any, Any] = Connection(descriptor)
    jobs: queue.SimpleQueue[tuple[Job, EmbedSettings]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(owner, jobs), daemon=True).start()
    owner.send(None)  # ready
    while True:
        job, settings = jobs.get()
        owner.send(attempt(job.path, settings, job.known_hash))


def _receive(owner: Connection[Any, Any], jobs: queue.SimpleQueue[tuple[Job, EmbedSettings]]) -> None:
    # On a thread of its own, so that a worker ends with its owner even in the middle of a long video.
    try:
        while True:
            jobs.put(owner.recv())
    except (EOFError, OSError):
        os._exit(0)
