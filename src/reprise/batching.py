"""One process that embeds, for networks on a GPU: videos are decoded on all cores, and embedded in common batches.

As many networks as there are workers (see `reprise.workers`) would each take a GPU's memory and wait for their own
videos' frames. `reprise.embedding_process` is the process's side.
"""

from __future__ import annotations

import signal
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from reprise import descriptor
from reprise.child_process import ending_of, start_process
from reprise.embedding import Attempt
from reprise.errors import DecodeError, ProcessLostError, ReprisError, printable
from reprise.models.backends import GPU_FILES, torch_device
from reprise.models.catalogue import BUILT_IN
from reprise.settings import EmbedSettings
from reprise.stalling import LOOK_S, STALL_S, StallWatch, given_up
from reprise.workers import Job

_START = (
    "import sys; sys.path[:] = sys.argv[2:]; from reprise.embedding_process import serve; serve(int(sys.argv[1]))"
)


def wants_batches(settings: EmbedSettings) -> bool:
    """Whether videos are best embedded together with these settings: each by its frames, on a GPU."""
    if settings.in_regions or settings.vectors_of != "frames" or settings.audio == "only":
        return False
    if settings.together is not None:
        return settings.together
    try:
        if settings.network is BUILT_IN:
            # Without a GPU ONNX Runtime need not be loaded here, only to be asked for one.
            may_be = settings.device == "cuda" or any(file.exists() for file in GPU_FILES)
            return may_be and descriptor.runs_on_gpu(settings.device)
        return torch_device(settings.device, settings.network) != "cpu"
    except ReprisError:
        return False  # what is wrong will be told where the network is loaded


def embed_in_batches(
    jobs: Iterable[Job], settings: EmbedSettings, decoders: int, *, stall_s: float = STALL_S
) -> Iterator[tuple[int, Attempt]]:
    """As `reprise.workers.embed_in_workers`, with one network and `decoders` videos that are decoded at a time.

    If the process dies, or uses no CPU for `stall_s` seconds and is ended, the videos that were under way are tried
    again, one at a time: the one that it dies of again has the error.
    """
    drawn: list[Job] = []
    source = _numbered(jobs, drawn)
    doubtful: deque[int] = deque()  # under way when the process died
    under_way: set[int] = set()
    process: _EmbeddingProcess | None = None
    try:
        while True:
            while not doubtful and len(under_way) < 2 * decoders:
                # Twice as many: a decoder goes on while its last video's frames wait for the network.
                index = next(source, None)
                if index is None:
                    break
                under_way.add(index)
                process = process or _EmbeddingProcess(settings, decoders)
                process.take(index, drawn[index])
            if doubtful and not under_way:
                index = doubtful.popleft()
                under_way.add(index)
                process = process or _EmbeddingProcess(settings, decoders)
                process.take(index, drawn[index])
            if not under_way or process is None:
                return
            was_alone = len(under_way) == 1
            try:
                index, answer = process.answer(stall_s)
            except (EOFError, OSError):
                stalled, status, process = process.has_stalled, process.end(), None
                if was_alone:
                    (index,) = under_way
                    path = drawn[index].path
                    answer = given_up(path, stall_s) if stalled else _lost(path, status)
                else:
                    doubtful.extend(sorted(under_way))
                    under_way.clear()
                    continue
            under_way.remove(index)
            yield index, answer
    finally:
        if process is not None:
            process.end()


def _numbered(jobs: Iterable[Job], drawn: list[Job]) -> Iterator[int]:
    for index, job in enumerate(jobs):
        drawn.append(job)
        yield index


class _EmbeddingProcess:
    """A process that embeds several videos at a time."""

    def __init__(self, settings: EmbedSettings, decoders: int) -> None:
        self._process: subprocess.Popen[bytes]
        self._connection: Connection[Any, Any]
        self._process, self._connection = start_process(_START)
        self._watch = StallWatch(self._process.pid)
        self.has_stalled = False
        try:
            self._connection.recv()
            self._connection.send((settings, decoders))
        except (EOFError, OSError):
            status = self.end()
            raise ReprisError(f"an embedding process ended while it started ({ending_of(status)})") from None

    def take(self, index: int, job: Job) -> None:
        """Begins with a job."""
        with suppress(OSError):  # it has just died, which `answer` will tell
            self._connection.send((index, job.path, job.known_hash))

    def answer(self, stall_s: float) -> tuple[int, Attempt]:
        """The next job that is done, and what became of it; EOFError or OSError if the process died or stalled."""
        self._watch.restart()
        while not self._connection.poll(min(LOOK_S, stall_s / 2)):
            if self._watch.stalled_s() >= stall_s:
                self.has_stalled = True
                raise EOFError
        answer: tuple[int, Attempt] = self._connection.recv()
        return answer

    def end(self) -> int:
        """Ends it, whatever it does; its exit status."""
        self._process.kill()
        self._connection.close()
        return self._process.wait()


def _lost(path: str, status: int) -> ReprisError:
    if status == -signal.SIGKILL:
        return ProcessLostError(
            f"{printable(path)}: the process that embedded it was killed; the machine may have run out of memory, "
            "try again"
        )
    return DecodeError(f"{printable(path)}: the process that embedded it crashed ({ending_of(status)})")
