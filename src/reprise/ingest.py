"""Ingesting many videos: embed in worker processes, store by one writer, one video's fault harming no other."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reprise.decoding.container import check_file
from reprise.embedding import Attempt, EmbeddedVideo, attempt, prepare_worker
from reprise.errors import DecodeError, InputError, printable
from reprise.scanning import Failure, video_id
from reprise.settings import EmbedSettings
from reprise.stores.videos import VideoRow

# Videos handed out per worker beyond the one it works on: enough that none waits for the writer.
QUEUED_PER_WORKER = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one video."""

    path: str
    status: str  # added, replaced, unchanged or failed
    reason: str = ""  # why it failed, or a warning
    duration_s: float = 0.0
    frames: int = 0


@dataclass(slots=True)
class IngestReport:
    """What became of all videos of one ingest."""

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)  # their files had changed
    unchanged: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)  # ingested, but with something wrong
    skipped: list[str] = field(default_factory=list)  # files in folders that are no videos
    frames: int = 0
    duration_s: float = 0.0

    def record(self, outcome: Outcome) -> None:
        """Counts one video's outcome in."""
        if outcome.status == "failed":
            self.failed.append(Failure(outcome.path, outcome.reason))
            return
        getattr(self, outcome.status).append(outcome.path)
        self.frames += outcome.frames
        self.duration_s += outcome.duration_s
        if outcome.reason:
            self.warnings.append(Failure(outcome.path, outcome.reason))


@dataclass(frozen=True, slots=True)
class Task:
    """A video to be looked at, and what the library knows of it already."""

    path: str
    id: str
    file_size: int
    modified_ns: int
    known: VideoRow | None

    @property
    def looks_unchanged(self) -> bool:
        """Whether size and time of change are what they were: then the file is not read again."""
        known = self.known
        return known is not None and (known.file_size, known.modified_ns) == (
            self.file_size,
            self.modified_ns,
        )

    @property
    def known_hash(self) -> str | None:
        """The content hash that the library has of it."""
        return self.known.content_hash if self.known is not None else None


def tasks(
    paths: Sequence[str], known: Callable[[list[str]], dict[str, VideoRow]]
) -> tuple[list[Task], list[Outcome]]:
    """The videos to look at, and the outcomes of those that need or allow no more work.

    `known` gives the rows of the ids that are in the library.
    """
    wanted: list[Task] = []
    settled: list[Outcome] = []
    for path in paths:
        try:
            status = check_file(path)
        except InputError as error:
            settled.append(Outcome(path, "failed", str(error)))
        else:
            wanted.append(Task(path, video_id(path), status.st_size, status.st_mtime_ns, None))
    rows = known([task.id for task in wanted])
    wanted = [replace(task, known=rows.get(task.id)) for task in wanted]
    settled += [Outcome(task.path, "unchanged") for task in wanted if task.looks_unchanged]
    return [task for task in wanted if not task.looks_unchanged], settled


def row_of(task: Task, video: EmbeddedVideo, settings: EmbedSettings, tags: Sequence[str]) -> VideoRow:
    """The library's row for an embedded video."""
    return VideoRow(
        id=task.id,
        path=printable(task.path),
        content_hash=video.content_hash,
        file_size=task.file_size,
        modified_ns=task.modified_ns,
        duration_s=video.duration_s,
        frame_count=len(video.matrix),
        fps=settings.fps,
        model=settings.identity,
        ingested_at=datetime.now(UTC).isoformat(timespec="seconds"),
        warning=video.warning,
        tags=list(tags),
    )


def embed_all(wanted: Sequence[Task], settings: EmbedSettings, workers: int) -> Iterator[tuple[Task, Attempt]]:
    """Each task with its embedded video, None if its content is unchanged, or the error that it met.

    In the order in which they get done. A worker that dies takes no other video with it.
    """
    if workers <= 1 or len(wanted) <= 1:
        for task in wanted:
            yield task, attempt(task.path, settings, task.known_hash)
        return
    # Two processes of one thread each decode more videos a second than one process of two threads.
    alone = replace(settings, threads=1)
    waiting = list(reversed(wanted))
    while waiting:
        suspects: list[Task] = []
        yield from _embed_in_pool(waiting, suspects, alone, workers)
        for task in suspects:
            # One of these killed its process: each on its own shows which.
            retried: list[Task] = []
            yield from _embed_in_pool([task], retried, alone, 1)
            if retried:
                yield (
                    task,
                    DecodeError(f"{printable(task.path)}: the decoder crashed on it; the file is damaged"),
                )


def _embed_in_pool(
    waiting: list[Task], suspects: list[Task], settings: EmbedSettings, workers: int
) -> Iterator[tuple[Task, Attempt]]:
    """Works `waiting` off from its end; if a process dies, stops with the tasks under way in `suspects`."""
    # spawn: a forked copy of a process with gRPC threads hangs.
    context = multiprocessing.get_context("spawn")
    running: dict[Future[Attempt], Task] = {}
    with ProcessPoolExecutor(min(workers, len(waiting)), context, prepare_worker) as pool:
        while (waiting or running) and not suspects:
            while waiting and len(running) < workers * (1 + QUEUED_PER_WORKER):
                task = waiting[-1]
                try:
                    running[pool.submit(attempt, task.path, settings, task.known_hash)] = task
                except BrokenProcessPool:
                    if not running:
                        suspects.append(waiting.pop())
                    break
                waiting.pop()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    suspects.append(task)
                else:
                    yield task, result
        suspects += running.values()
