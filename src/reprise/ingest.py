"""Ingesting many videos: embed in worker processes, store by one writer, one video's fault harming no other."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reprise.audio import NO_SOUND
from reprise.decoding.container import check_file
from reprise.embedding import Attempt, EmbeddedVideo, HeardVideo, attempt
from reprise.errors import InputError, ModelError, ReprisError, printable
from reprise.scanning import Failure, video_id
from reprise.settings import EmbedSettings
from reprise.stores.library import LibraryStores
from reprise.stores.sounds import audio_of
from reprise.stores.videos import VideoRow
from reprise.workers import Job, embed_in_workers


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one video."""

    path: str
    status: str  # added, replaced, heard (only the sound's fingerprint was missing), unchanged or failed
    reason: str = ""  # why it failed, or a warning
    duration_s: float = 0.0
    frames: int = 0


@dataclass(slots=True)
class IngestReport:
    """What became of all videos of one ingest."""

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)  # their files had changed
    heard: list[str] = field(default_factory=list)  # unchanged, and the fingerprint of their sound was added
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
    known: VideoRow | None = None

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


def readable(paths: Sequence[str]) -> tuple[list[Task], list[Outcome]]:
    """The videos among `paths` that can be tried, and the outcomes of the files that cannot be videos at all."""
    wanted: list[Task] = []
    failed: list[Outcome] = []
    for path in paths:
        try:
            status = check_file(path)
        except InputError as error:
            failed.append(Outcome(path, "failed", str(error)))
        else:
            wanted.append(Task(path, video_id(path), status.st_size, status.st_mtime_ns))
    return wanted, failed


def unsettled(wanted: Sequence[Task], known: Mapping[str, VideoRow]) -> tuple[list[Task], list[Outcome]]:
    """The tasks that need work, with what the library knows of them, and the outcomes of the others.

    `known` are the rows of the library by id.
    """
    tasks = [replace(task, known=known.get(task.id)) for task in wanted]
    settled = [Outcome(task.path, "unchanged") for task in tasks if task.looks_unchanged]
    return [task for task in tasks if not task.looks_unchanged], settled


def lacks_sound(task: Task, sounds: Container[str]) -> bool:
    """Whether the library has no fingerprint of the sound of a video that it knows, and none was sought in vain."""
    return task.known is not None and task.known.audio != NO_SOUND and task.id not in sounds


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
        width=video.width,
        height=video.height,
        codec=video.codec,
        audio=audio_of(video.sound),
    )


def ingest_into(
    stores: LibraryStores,
    wanted: Sequence[Task],
    settings: EmbedSettings,
    *,
    workers: int,
    tags: Sequence[str],
    settle: Callable[[Outcome], None],
    hears_known: bool = False,
) -> None:
    """Puts the videos of `wanted` into the library, and hands over what became of each as it is known.

    `hears_known` makes the fingerprints of sound that videos which are there lack.

    Raises a ModelError where no video can be embedded, LibraryError if the library cannot be written.
    """
    stores.recover()
    rows = stores.videos.get([task.id for task in wanted])
    by_path = {task.path: replace(task, known=rows.get(task.id)) for task in wanted}
    wanted, unchanged = unsettled(wanted, rows)
    # As they can be read: a damaged one is made again, too.
    sounds = {video_id for video_id, _ in stores.sounds.all()} if hears_known else set()
    unheard: list[Task] = []

    def done(task: Task, outcome: Outcome) -> None:
        if hears_known and outcome.status == "unchanged" and lacks_sound(task, sounds):
            unheard.append(task)
        else:
            settle(outcome)

    for outcome in unchanged:
        done(by_path[outcome.path], outcome)
    try:
        # Closed, so that no worker outlives an exception here.
        with closing(embed_all(wanted, settings, workers)) as results:
            for task, result in results:
                done(task, store(stores, task, result, settings, tags))
        with closing(embed_all(unheard, replace(settings, audio="only"), workers)) as results:
            for task, result in results:
                settle(store(stores, task, result, settings, tags))
    finally:
        # Also when interrupted: what is done is kept in its final form.
        stores.flush()


def store(
    stores: LibraryStores, task: Task, result: Attempt, settings: EmbedSettings, tags: Sequence[str]
) -> Outcome:
    """What becomes of one video that was embedded, or failed to be. Raises a ModelError, or LibraryError."""
    if isinstance(result, ModelError):
        raise result  # which no other video would fare better with
    if isinstance(result, ReprisError):
        return Outcome(task.path, "failed", str(result))
    if result is None:
        # Its content is what it was: remembering the new time of change saves reading it all again next time.
        stores.videos.update(task.id, file_size=task.file_size, modified_ns=task.modified_ns)
        return Outcome(task.path, "unchanged")
    if isinstance(result, HeardVideo):
        stores.add_sound(task.id, result.sound)
        return Outcome(task.path, "heard")
    stores.add(row_of(task, result, settings, tags), result)
    status = "added" if task.known is None else "replaced"
    return Outcome(task.path, status, result.warning, result.duration_s, len(result.matrix))


def embed_all(
    wanted: Sequence[Task], settings: EmbedSettings, workers: int
) -> Generator[tuple[Task, Attempt], None, None]:
    """Each task with its embedded video, None if its content is unchanged, or the error that it met.

    In the order in which they get done. A worker that dies takes no other video with it.
    """
    if len(wanted) == 1:
        # In this process, where decoding may use every core.
        yield wanted[0], attempt(wanted[0].path, settings, wanted[0].known_hash)
        return
    # Two processes of one thread each decode more videos a second than one process of two threads.
    jobs = [Job(task.path, task.known_hash) for task in wanted]
    for index, result in embed_in_workers(jobs, replace(settings, threads=1), workers):
        yield wanted[index], result
