"""Pairs aligned, each by one or several settings of an aligner, in worker processes of one thread each.

A worker that dies costs the pair it was at, and no other; one whose owner dies ends after its chunk.
"""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np

from reprise.alignment.aligned import Align
from reprise.alignment.aligners import aligner
from reprise.errors import BenchmarkError, ReprisError, SettingsError
from reprise.vcsl.annotation import Boxes, Pair
from reprise.vcsl.sources import MapSource

CHUNK_PAIRS = 32
_PROBE_FRAMES = 16
# The worker sees the modules that this process sees, and nothing of its main script.
_START = "import sys; sys.path[:] = sys.argv[2:]; from reprise.vcsl.aligning import serve; serve(int(sys.argv[1]))"
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class AlignTask:
    """What is done with every pair: one prediction for each of `settings`."""

    source: MapSource
    aligner: str
    settings: tuple[Mapping[str, Any], ...]  # parameters of the aligner; those left out have its own defaults
    frame_counts: Mapping[str, int] | None = None  # which maps are expected to have


@dataclass(frozen=True, slots=True)
class AlignedPair:
    """What became of a pair."""

    pair: Pair
    boxes: tuple[Boxes, ...] = ()  # for each setting, in seconds with three decimals
    fault: str = ""  # why there are none
    remark: str = ""  # what is odd about its map


def checked_aligner(name: str, parameters: Mapping[str, Any]) -> Align:
    """The aligner with its parameters, tried on a small map.

    Raises SettingsError for a name or a parameter that there is not, and for a value that it does not take.
    """
    align = aligner(name, **parameters)
    try:
        align(np.eye(_PROBE_FRAMES, dtype=np.float32))
    except SettingsError:
        raise
    except (TypeError, ValueError, IndexError) as error:
        given = ", ".join(f"{key}={value}" for key, value in parameters.items())
        raise SettingsError(f"aligner {name} does not take {given}: {error}") from error
    return align


def align_pairs(task: AlignTask, pairs: Sequence[Pair], workers: int) -> Generator[list[AlignedPair], None, None]:
    """What became of every pair, a chunk at a time, in the order in which chunks get done.

    Closing the iterator ends all workers at once. Raises ReprisError if workers cannot be started.
    """
    size = max(1, min(CHUNK_PAIRS, math.ceil(len(pairs) / (4 * workers))))
    waiting = deque([*pairs[start : start + size]] for start in range(0, len(pairs), size))
    team: list[_Worker] = []
    try:
        # One by one, so that `finally` knows the first if the second cannot be started.
        team.extend(_Worker(task) for _ in range(min(workers, len(waiting))))
        while team:
            for worker in _with_news(team):
                chunk, aligned = worker.chunk, worker.answer()
                if aligned is None and len(chunk) > 1:
                    waiting.extendleft([pair] for pair in reversed(chunk))
                if aligned is None:
                    team.remove(worker)
                    if waiting:
                        team.append(_Worker(task))
                    if len(chunk) == 1:
                        yield [AlignedPair(chunk[0], fault=f"pair {chunk[0].id}: {worker.ending}")]
                    continue
                if waiting:
                    worker.take(waiting.popleft())
                else:
                    team.remove(worker)
                    worker.end()
                if chunk:
                    yield aligned
    finally:
        for worker in team:
            worker.kill()


class _Worker:
    """A process of its own that aligns one chunk of pairs at a time."""

    def __init__(self, task: AlignTask) -> None:
        self.chunk: list[Pair] = []  # under way; empty while it starts
        self.ending = ""  # how it ended, if it died
        ours, theirs = socket.socketpair()
        with ours, theirs:
            command = [sys.executable, "-c", _START, str(theirs.fileno()), *map(os.fspath, sys.path)]
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, **_ONE_THREAD},
                    # Ctrl-C reaches the whole group of a terminal's processes: workers are ended by their owner.
                    start_new_session=True,
                )
            except OSError as error:
                raise ReprisError(f"a worker process cannot be started ({error.strerror or error})") from error
            self.connection: Connection[Any, Any] = Connection(ours.detach())
        with suppress(OSError):  # it has just died, which `answer` will tell
            self.connection.send(task)

    def take(self, chunk: list[Pair]) -> None:
        """Begins with a chunk."""
        self.chunk = chunk
        with suppress(OSError):
            self.connection.send(chunk)

    def answer(self) -> list[AlignedPair] | None:
        """What became of the chunk; None if the worker died of it. Raises ReprisError if it could not start."""
        try:
            answer: list[AlignedPair] = self.connection.recv()
        except (EOFError, OSError):
            status = self.end()
            told = signal.Signals(-status).name if status < 0 else f"exit status {status}"
            if not self.chunk:
                raise ReprisError(f"a worker process ended while it started ({told})") from None
            self.ending = f"the process that aligned it ended ({told}); the machine may have run out of memory"
            return None
        return answer

    def end(self) -> int:
        """Lets the worker go; its exit status."""
        self.connection.close()
        return self._process.wait()

    def kill(self) -> None:
        """Ends the worker whatever it does."""
        self._process.kill()
        self.end()


def _with_news(team: list[_Worker]) -> list[_Worker]:
    ready = wait([worker.connection for worker in team])
    return [worker for worker in team if worker.connection in ready]


def serve(descriptor: int) -> None:
    """The worker's side: aligns what comes in through the socket `descriptor` until it is closed."""
    owner: Connection[Any, Any] = Connection(descriptor)
    with suppress(EOFError, OSError):
        task: AlignTask = owner.recv()
        aligners = [aligner(task.aligner, **parameters) for parameters in task.settings]
        owner.send([])  # ready
        while True:
            owner.send([_aligned(pair, task, aligners) for pair in owner.recv()])


def _aligned(pair: Pair, task: AlignTask, aligners: Sequence[Align]) -> AlignedPair:
    try:
        similarity = task.source.similarity(pair)
        # A copy each: an aligner that writes into its map must not spoil it for the next.
        found = [align(similarity.copy()) for align in aligners]
    except BenchmarkError as error:
        return AlignedPair(pair, fault=str(error))
    except Exception as error:  # noqa: BLE001 - whatever one pair's map brings about must not end the run
        return AlignedPair(pair, fault=f"pair {pair.id}: {task.aligner} failed ({type(error).__name__}: {error})")
    boxes = tuple([[round(float(end), 3) for end in segment.box] for segment in segments] for segments in found)
    return AlignedPair(pair, boxes, remark=_odd_size(pair, similarity.shape, task.frame_counts))


def _odd_size(pair: Pair, shape: tuple[int, ...], frame_counts: Mapping[str, int] | None) -> str:
    if frame_counts is None:
        return ""
    for video, frames in zip((pair.query, pair.reference), shape, strict=True):
        if frame_counts.get(video, frames) != frames:
            return f"video {video}: {frames} frames, {frame_counts[video]} in the list of frame counts"
    return ""
