"""Ingesting many videos: embed in worker processes, store by one writer, one video's fault harming no other."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice
from typing import Any

from reprise.audio import NO_SOUND
from reprise.audio.chromaprint import require_chromaprint
from reprise.audio.listening import listening
from reprise.batching import embed_in_batches, wants_batches
from reprise.decoding.container import check_file
from reprise.embedding import Attempt, EmbeddedVideo, HeardVideo, attempt
from reprise.errors import InputError, ModelError, ReprisError, printable
from reprise.failures import Failures, KeptFailure, without_known
from reprise.opening import Opening
from reprise.relocating import find_moved, relocate
from reprise.scanning import Failure, find_videos, real_path, video_id
from reprise.settings import EmbedSettings, default_workers
from reprise.stores.library import LibraryStores
from reprise.stores.sharing import Share
from reprise.stores.sounds import audio_of
from reprise.stores.videos import VideoRow
from reprise.tagging import tag_videos, with_tags
from reprise.workers import Job, embed_in_workers


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one video."""

    path: str
    # added, replaced, moved, heard (only the sound's fingerprint was missing), unchanged, elsewhere (done by another
    # process meanwhile) or failed
    status: str
    reason: str = ""  # why it failed, or a warning
    duration_s: float = 0.0
    frames: int = 0
    was: str = ""  # the path that a moved video had


@dataclass(slots=True)
class IngestReport:
    """What became of all videos of one ingest."""

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)  # their files had changed
    moved: list[str] = field(default_factory=list)  # their files were at other paths before
    heard: list[str] = field(default_factory=list)  # unchanged, and the fingerprint of their sound was added
    unchanged: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)  # another process put them in meanwhile
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


# Gives each task as it is done, with its embedded video, None if its content is unchanged, or the error it met.
Embed = Callable[[Iterable["Task"], EmbedSettings], Generator[tuple["Task", Attempt], None, None]]

# Called after every video of an ingest with its outcome, how many are done and how many there are.
Progress = Callable[[Outcome, int, int], None]


class Settling:
    """Tells of every video of an ingest as it is settled."""

    def __init__(self, report: IngestReport, total: int, progress: Progress | None) -> None:
        self._report, self._total, self._progress = report, total, progress
        self._done = 0

    def add(self, outcome: Outcome) -> None:
        """Counts an outcome in and tells of it."""
        self._done += 1
        self._report.record(outcome)
        if self._progress is not None:
            self._progress(outcome, self._done, self._total)


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
        tags=list(tags) if task.known is None else with_tags(task.known, tags),
        width=video.width,
        height=video.height,
        codec=video.codec,
        real_path=real_path(task.path),
        audio=audio_of(video.sound),
    )


def ingest_paths(
    opening: Opening,
    paths: Iterable[str | os.PathLike[str]],
    *,
    workers: int | None,
    tags: Sequence[str],
    audio: bool | None,
    progress: Progress | None,
    retry_failed: bool,
    ray: str | None = None,
) -> IngestReport:
    """Adds the videos at `paths` to the library of `opening`; arguments and errors as `Library.ingest`."""
    found = find_videos(paths)
    report = IngestReport(skipped=found.skipped)
    failed = [Outcome(failure.path, "failed", failure.reason) for failure in found.failures]
    settled = Settling(report, len(found.videos) + len(failed), progress)
    wanted, unreadable = readable(found.videos)
    for outcome in failed + unreadable:
        settled.add(outcome)
    if wanted:  # else make no library for a mistyped path
        if audio:
            require_chromaprint()
        with ExitStack() as connections:
            embed, at_once = None, workers or default_workers()
            if ray is not None:
                from reprise.ray_cluster import connected

                # Before a library is made: the address may be mistyped.
                cluster = connections.enter_context(connected(ray, opening.settings.device))
                embed, at_once = partial(cluster.embed_all, most=workers), cluster.at_once(workers)
            stores = opening.stores_to_embed(create=True)
            settings = opening.settings
            ingest_into(
                stores,
                wanted,
                settings if audio is False else listening(stores, settings, always=bool(audio)),
                workers=at_once,
                tags=tags,
                settle=settled.add,
                retry_failed=retry_failed,
                hears_known=bool(audio),
                embed=embed,
            )
    return report


def ingest_into(
    stores: LibraryStores,
    wanted: Sequence[Task],
    settings: EmbedSettings,
    *,
    workers: int,
    tags: Sequence[str],
    settle: Callable[[Outcome], None],
    retry_failed: bool = False,
    hears_known: bool = False,
    embed: Embed | None = None,
) -> None:
    """Puts the videos of `wanted` into the library, and hands over what became of each as it is known.

    Files that failed before and are unchanged fail again unread, unless `retry_failed`. `hears_known` makes the
    fingerprints of sound that videos which are there lack. `embed` does what else this machine's `workers` do.

    Raises a ModelError where no video can be embedded, LibraryError if the library cannot be written.
    """
    embed = embed or partial(embed_all, workers=workers)
    stores.recover()
    rows = stores.videos.get([task.id for task in wanted])
    by_path = {task.path: replace(task, known=rows.get(task.id)) for task in wanted}
    wanted, unchanged = unsettled(wanted, rows)
    failures = Failures(stores.notes)
    hopeless: list[tuple[Task, KeptFailure]] = []
    if not retry_failed:
        wanted, hopeless = without_known(wanted, failures)
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
    for task, failure in hopeless:
        settle(Outcome(task.path, "failed", failure.told_of(task.path)))
    if tags:
        tag_videos(stores, stores.videos.get([video_id(outcome.path) for outcome in unchanged]).values(), tags)
    wanted, moved = relocated(stores, wanted, tags)
    for outcome in moved:
        settle(outcome)

    def still_wanted(claimed: list[Task]) -> list[Task]:
        left, finished = unsettled(claimed, stores.videos.get([task.id for task in claimed]))
        for outcome in finished:
            settle(replace(outcome, status="elsewhere"))
        return left

    share = None if stores.claims is None else Share(stores.claims, wanted, still_wanted=still_wanted, ahead=workers)
    try:
        for tasks in [iter(wanted)] if share is None else share.rounds():
            # Closed, so that no worker outlives an exception here.
            with closing(embed(tasks, settings)) as results:
                for task, result in results:
                    done(task, store(stores, task, result, settings, tags))
                    if isinstance(result, ReprisError):
                        failures.keep(task, result)
                    else:
                        failures.forget(task.id)
                    if share is not None:
                        share.done(task)
        with closing(embed(unheard, replace(settings, audio="only"))) as results:
            for task, result in results:
                settle(store(stores, task, result, settings, tags))
    finally:
        # Also when interrupted: what is done is kept in its final form.
        stores.flush()


def relocated(stores: LibraryStores, tasks: Sequence[Task], tags: Sequence[str]) -> tuple[list[Task], list[Outcome]]:
    """The tasks that need decoding, and the outcomes of those whose videos were at other paths before."""
    new = {task.path: task for task in tasks if task.known is None}
    # Another machine may use a server's library: what is not here need not be gone.
    moved = find_moved(
        stores, {path: task.file_size for path, task in new.items()}, with_their_folder=stores.place.embedded
    )
    arrived = relocate(stores, moved, {path: task.modified_ns for path, task in new.items()}, tags)
    outcomes = [Outcome(path, "moved", was=moved[path].path) for path in moved if path in arrived]
    return [task for task in tasks if task.path not in arrived], outcomes


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
        changes: dict[str, Any] = {"file_size": task.file_size, "modified_ns": task.modified_ns}
        if task.known is not None and tags:
            changes["tags"] = with_tags(task.known, tags)
        stores.videos.update(task.id, **changes)
        return Outcome(task.path, "unchanged")
    if isinstance(result, HeardVideo):
        stores.add_sound(task.id, result.sound)
        return Outcome(task.path, "heard")
    stores.add(row_of(task, result, settings, tags), result, is_there=task.known is not None)
    status = "added" if task.known is None else "replaced"
    return Outcome(task.path, status, result.warning, result.duration_s, len(result.matrix))


def embed_all(
    wanted: Iterable[Task], settings: EmbedSettings, workers: int
) -> Generator[tuple[Task, Attempt], None, None]:
    """Each task with its embedded video, None if its content is unchanged, or the error that it met.

    In the order in which they get done. A task is drawn from `wanted` when there is a worker for it; one that dies
    takes no other video with it.
    """
    source = iter(wanted)
    first = list(islice(source, 2))
    if len(first) == 1:
        # In this process, where decoding may use every core.
        yield first[0], attempt(first[0].path, settings, first[0].known_hash)
        return
    tasks: list[Task] = []

    def jobs() -> Iterator[Job]:
        for task in chain(first, source):
            tasks.append(task)
            yield Job(task.path, task.known_hash)

    # Two processes of one thread each decode more videos a second than one process of two threads.
    embed = embed_in_batches if wants_batches(settings) else embed_in_workers
    for index, result in embed(jobs(), replace(settings, threads=1), workers):
        yield tasks[index], result
