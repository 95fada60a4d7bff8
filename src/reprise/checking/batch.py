"""Checking many videos: each against the library and against those of the same batch that came before it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from reprise.checking.embedding import CheckedVideo, embed_checked
from reprise.checking.settings import CheckSettings
from reprise.checking.stages import Side, by_hash, by_pictures
from reprise.checking.verdict import CheckReport, Relation, Verdict
from reprise.errors import LibraryError, ModelError, ReprisError, printable
from reprise.ingest import Task, readable, row_of, store
from reprise.scanning import Failure, content_hash, find_videos
from reprise.settings import EmbedSettings
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place
from reprise.temporary import temporary_folder

# Frames between two flushes: what is not flushed is slow to search, and every video of a batch is searched for.
FLUSH_EVERY_FRAMES = 5_000

Settle = Callable[[Verdict | Failure], None]
# Called after every video of a check with what became of it, how many are done and how many there are.
CheckProgress = Callable[[Verdict | Failure, int, int], None]


def check_paths(
    paths: Iterable[str | os.PathLike[str]],
    opened: Callable[[], tuple[LibraryStores, EmbedSettings]],
    settings: CheckSettings,
    *,
    ingest_new: bool,
    progress: CheckProgress | None = None,
) -> CheckReport:
    """As `check_all` for the videos at `paths`, files and folders, and the library that `opened` gives."""
    if not ingest_new:
        opened()  # whether there is a library is told first
    found = find_videos(paths)
    report = CheckReport(skipped=found.skipped)
    tasks, unreadable = readable(found.videos)
    total = len(found.failures) + len(found.videos)

    def settle(answer: Verdict | Failure) -> None:
        if isinstance(answer, Verdict):
            report.verdicts.append(answer)
        else:
            report.failed.append(answer)
        if progress is not None:
            progress(answer, len(report.verdicts) + len(report.failed), total)

    for failure in [*found.failures, *(Failure(outcome.path, outcome.reason) for outcome in unreadable)]:
        settle(failure)
    if tasks:  # else make no library for a mistyped path
        stores, embedding = opened()
        if not settings.audio:
            embedding = replace(embedding, audio="no")
        check_all(stores, tasks, embedding, settings, ingest_new=ingest_new, settle=settle)
    return report


def check_all(
    stores: LibraryStores,
    tasks: Sequence[Task],
    embedding: EmbedSettings,
    settings: CheckSettings,
    *,
    ingest_new: bool,
    settle: Settle,
) -> None:
    """Checks the videos of `tasks` in their order, and hands over each one's verdict, or why there is none.

    With `ingest_new` what is new is put into the library, with no further decoding. Raises a ModelError where no
    video can be embedded, LibraryError if the library cannot be read or written.
    """
    if ingest_new:
        stores.recover()
    with ExitStack() as stack:
        batch = Batch(stores, embedding, settings, ingest_new=ingest_new, last=len(tasks))
        stack.callback(batch.close)
        for task in tasks:
            try:
                answer: Verdict | Failure = batch.check(task)
            except (LibraryError, ModelError):
                raise  # which no other video would fare better with
            except ReprisError as error:
                answer = Failure(task.path, str(error))
            except Exception as error:  # noqa: BLE001 - whatever a damaged file brings about must not end the run
                answer = Failure(
                    task.path, f"{printable(task.path)}: unexpected fault ({type(error).__name__}: {error})"
                )
            settle(answer)


class Batch:
    """The videos of one check, one after the other."""

    def __init__(
        self,
        stores: LibraryStores,
        embedding: EmbedSettings,
        settings: CheckSettings,
        *,
        ingest_new: bool,
        last: int,
    ) -> None:
        """`last` is how many videos there will be: after the last one nothing need be remembered."""
        self._embedding, self._settings = embedding, settings
        self._library = Side(stores, embedding)
        self._beside: Side | None = None  # those of the batch that are not in the library, once there are any
        self._ingest_new = ingest_new
        self._last, self._done = last, 0
        self._unflushed = 0
        # By the path of a reference the videos of this batch that are the same file: they are stored nowhere.
        self._twins: dict[str, list[str]] = {}
        self._stack = ExitStack()

    def check(self, task: Task) -> Verdict:
        """The verdict on one video, which later ones are held against. Raises an InputError for the video."""
        self._done += 1
        known = self._library.stores.videos.get([task.id]).get(task.id)
        task = replace(task, known=known)
        # A file that looks as it did when it was ingested is not even read.
        digest = known.content_hash if known is not None and task.looks_unchanged else content_hash(task.path)
        verdict = by_hash(self._sides, task.path, task.id, digest)
        if verdict is None:
            checked = embed_checked(task.path, self._embedding, digest)
            verdict = by_pictures(self._sides, task.path, task.id, checked, self._settings)
            verdict = self._with_twins(verdict)
            return replace(verdict, ingested=self._remember(task, checked, verdict))
        verdict = self._with_twins(verdict)
        if known is None or known.content_hash != digest:
            self._twins.setdefault(verdict.relations[0].reference, []).append(printable(task.path))
        return verdict

    def close(self) -> None:
        """Brings what was ingested into its final form, and removes what was kept beside."""
        try:
            if self._ingest_new:
                self._library.stores.flush()
        finally:
            self._stack.close()

    @property
    def _sides(self) -> list[Side]:
        return [self._library, *([self._beside] if self._beside is not None else [])]

    def _with_twins(self, verdict: Verdict) -> Verdict:
        """The verdict with a relation to each file of the batch that has the content of a reference."""
        relations: list[Relation] = []
        for relation in verdict.relations:
            relations.append(relation)
            twins = self._twins.get(relation.reference, [])
            relations += [replace(relation, reference=twin, among="batch") for twin in twins]
        return replace(verdict, relations=tuple(relations))

    def _remember(self, task: Task, checked: CheckedVideo, verdict: Verdict) -> bool:
        """Keeps the video for those that come after it; whether it is in the library now."""
        is_for_library = self._ingest_new and verdict.kind == "new"
        if not is_for_library and self._done >= self._last:
            return False
        if is_for_library:
            side = self._library
            store(side.stores, task, checked.video, self._embedding, ())
        else:
            side = self._beside = self._beside or self._stack.enter_context(self._aside())
            side.stores.add(row_of(task, checked.video, self._embedding, ()), checked.video)
        side.of_batch.add(task.id)
        self._unflushed += len(checked.video.matrix)
        if self._unflushed >= FLUSH_EVERY_FRAMES:
            self._unflushed = 0
            for one in self._sides:
                if one.stores.place.embedded:  # a server's flush takes seconds, and it searches what is not flushed
                    one.stores.flush()
        return is_for_library

    @contextmanager
    def _aside(self) -> Iterator[Side]:
        """A library for as long as the batch lasts."""
        with temporary_folder("check") as folder:
            facts = self._library.stores.frames.facts()
            stores = LibraryStores(Place.of(folder / "batch"), create=facts)
            try:
                yield Side(stores, self._embedding)
            finally:
                stores.close()
