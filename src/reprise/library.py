"""A library: the reference videos that queries are held against, in a folder or on a Milvus server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from reprise.errors import SettingsError
from reprise.filters import ALL_VIDEOS, VideoFilter
from reprise.opening import Opening
from reprise.selection import Selection, select, video_at
from reprise.settings import EmbedSettings, QuerySettings, SearchSettings, default_workers
from reprise.stores.library import LibraryStores
from reprise.stores.sweeping import lasting_problems
from reprise.stores.videos import VideoRow
from reprise.tagging import check_tags, tag_videos

if TYPE_CHECKING:  # what decodes, searches and aligns is imported by the methods that do: `list` needs none of it
    from reprise.checking.batch import CheckProgress
    from reprise.checking.settings import CheckSettings
    from reprise.checking.verdict import CheckReport
    from reprise.decoding.limits import DecodeLimits
    from reprise.dedupe.deduplication import DedupeReport
    from reprise.dedupe.deduplication import Progress as DedupeProgress
    from reprise.dedupe.settings import DedupeSettings
    from reprise.embedding import EmbeddedQuery
    from reprise.evidence import QueryEvidence
    from reprise.exchange.importing import Imported, ImportReport
    from reprise.exchange.writing import ExportReport
    from reprise.failures import KeptFailure
    from reprise.hits import SearchResult
    from reprise.holdings import Holdings, LibraryInfo
    from reprise.ignoring import IgnoredClip
    from reprise.ingest import IngestReport, Outcome, Progress
    from reprise.querying import Queries
    from reprise.rejections import Box, Rejection
    from reprise.segment import QueryResult
    from reprise.stores.backup import BackupReport
    from reprise.stores.repairing import RepairReport
    from reprise.updating import UpdateReport


class Library:
    """The videos at one place; made on the first ingest, opened on the first use, closed by `close` or `with`.

    Not safe to share between threads.
    """

    def __init__(
        self,
        library: str | os.PathLike[str],
        *,
        model: str | None = None,
        fps: float | None = None,
        device: str = "auto",
        weights: str | None = None,
        wait_s: float | None = None,
        limits: DecodeLimits | None = None,
        matrices: str | None = None,
    ) -> None:
        """A library in the folder, or on the Milvus server, that `library` names; nothing is opened yet.

        `model` and `fps` left out are the library's own, or "reprise" and 1 for a new one; given, a library
        made with others raises LibraryMismatchError when it is opened. `weights` is the file of the model's
        weights, where they are not to be looked for. `wait_s` is how many seconds a library that another process
        has open is waited for, by default $REPRISE_WAIT, else none. `limits` is what decoding a video may take.
        `matrices` is the folder for those of a library on a server, "milvus" for none. Raises SettingsError.
        """
        self._opening = Opening(library, model, fps, device, weights, matrices, wait_s=wait_s, limits=limits)
        self._queries: Queries | None = None

    def ingest(
        self,
        paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
        *,
        workers: int | None = None,
        tags: Sequence[str] = (),
        audio: bool | None = None,
        progress: Progress | None = None,
        retry_failed: bool = False,
        ray: str | None = None,
    ) -> IngestReport:
        """Adds the videos at `paths`, files and folders, and says what became of each.

        A video that is already there unchanged is left as it is, one whose file has changed is replaced.
        `workers` is the number of processes that decode and embed, by default one a core. A video that cannot
        be used is in the report's `failed`; the others are done. One that failed before and is unchanged is not
        tried again, unless `retry_failed`. `audio` also makes fingerprints of their sound, and of videos that are
        there without; left out, of new ones where the library has any. `ray` is the address of a cluster that embeds.
        Raises LibraryError if the library itself cannot be used or written, MissingExtraError.
        """
        from reprise.ingest import ingest_paths

        return ingest_paths(
            self._opening,
            [paths] if isinstance(paths, str | os.PathLike) else paths,
            workers=workers,
            tags=tags,
            audio=audio,
            progress=progress,
            retry_failed=retry_failed,
            ray=ray,
        )

    def watch(
        self,
        paths: Sequence[str],
        *,
        workers: int | None = None,
        tags: Sequence[str] = (),
        audio: bool | None = None,
        poll_s: float | None = None,
        settle: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        """Ingests what is at `paths` and what comes there, until it is interrupted: see `reprise.watching.watch`."""
        from reprise.watching import watch

        watch(self, paths, workers=workers, tags=tags, audio=audio, poll_s=poll_s, settle=settle)

    @property
    def is_embedded(self) -> bool:
        """Whether it is a folder, which one process at a time can use."""
        return self._opening.place.embedded

    def check(
        self,
        paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
        settings: CheckSettings | None = None,
        *,
        ingest_new: bool = False,
        progress: CheckProgress | None = None,
    ) -> CheckReport:
        """A verdict on each video at `paths`, files and folders: whether it is new to the library and to the others.

        With `ingest_new` what is new is added, and the library made if there is none. Raises LibraryError.
        """
        from reprise.checking.batch import check_paths
        from reprise.checking.settings import CheckSettings

        return check_paths(
            [paths] if isinstance(paths, str | os.PathLike) else paths,
            lambda: self.opened(create=ingest_new),
            settings or CheckSettings(),
            ingest_new=ingest_new,
            progress=progress,
        )

    def query(self, video: str | os.PathLike[str], settings: QuerySettings | None = None) -> QueryResult:
        """The copied segments of one video. Raises an InputError for the video, a LibraryError for the library."""
        self._opening.stores_to_embed()
        return self._ask().query(os.fspath(video), settings or QuerySettings())

    def query_embedded(self, query: EmbeddedQuery, settings: QuerySettings | None = None) -> QueryResult:
        """As `query`, for a video that `embed_query` embedded with the library's model and rate."""
        return self._ask().query_embedded(query, settings or QuerySettings())

    def query_with_evidence(
        self, video: str | os.PathLike[str], settings: QuerySettings | None = None
    ) -> QueryEvidence:
        """As `query`, with the similarity map of every match."""
        from reprise.embedding import embed_query

        self._opening.stores_to_embed()
        return self.query_embedded_with_evidence(embed_query(os.fspath(video), self._opening.settings), settings)

    def query_embedded_with_evidence(
        self, query: EmbeddedQuery, settings: QuerySettings | None = None
    ) -> QueryEvidence:
        """As `query_embedded`, with the similarity map of every match."""
        return self._ask().with_evidence(query, settings or QuerySettings())

    def candidates(self, query: EmbeddedQuery, settings: QuerySettings | None = None) -> list[str]:
        """The paths of the `top_k` videos that the frames of `query` vote for, best first, before any alignment."""
        return self._ask().candidates(query, settings or QuerySettings())

    def search(
        self,
        *,
        text: str | None = None,
        image: str | os.PathLike[str] | None = None,
        settings: SearchSettings | None = None,
    ) -> SearchResult:
        """The clips of the library that show what `text` says or, like the picture file `image`, look so.

        Raises an InputError for the picture or a video that `settings` names, LibraryMismatchError for a text where
        the library's network reads none, a ModelError or LibraryError, SettingsError.
        """
        from reprise.searching import Sought, search_library

        sought = Sought.of(text, image)
        stores = self._opening.stores()
        sought.check(self._opening.settings, self._opening.place.shown)
        self._opening.stores_to_embed()
        return search_library(stores, self._opening.settings, sought, settings or SearchSettings())

    def dedupe(
        self, settings: DedupeSettings | None = None, *, progress: DedupeProgress | None = None
    ) -> DedupeReport:
        """Which videos of the library are in which others, what to keep, what that would save; removes nothing."""
        from reprise.dedupe.deduplication import dedupe_library
        from reprise.dedupe.settings import DedupeSettings

        return dedupe_library(self._opening.stores(), self._opening.settings, settings or DedupeSettings(), progress)

    def opened(self, *, create: bool = False) -> tuple[LibraryStores, EmbedSettings]:
        """The stores and what videos are embedded with: for what embeds elsewhere. `create` makes a library."""
        from reprise.audio.listening import as_library_listens

        stores = self._opening.stores_to_embed(create=create)
        return stores, as_library_listens(stores, self._opening.settings)

    def require(self) -> None:
        """Opens the library, or raises the LibraryError that says why that cannot be."""
        self._opening.stores()

    def videos(self) -> list[VideoRow]:
        """All videos, sorted by path."""
        return sorted(self._opening.stores().videos.all(), key=lambda row: (row.path, row.id))

    def failures(self) -> list[KeptFailure]:
        """The files that could not be ingested, sorted by path; see `reprise.failures`."""
        from reprise.failures import failures_of

        return failures_of(self._opening.stores())

    def ignore(
        self, clip: str | os.PathLike[str], *, start_s: float = 0.0, end_s: float | None = None
    ) -> IgnoredClip:
        """Puts a clip, or a span of a video, on the ignore list: see `reprise.ignoring.ignore`."""
        from reprise.ignoring import ignore

        return ignore(self._opening.stores_to_embed(), self._opening.settings, clip, start_s=start_s, end_s=end_s)

    def ignored(self) -> list[IgnoredClip]:
        """The ignore list, in the order in which it was made."""
        from reprise.ignoring import ignored_clips

        return ignored_clips(self._opening.stores())

    def no_longer_ignore(self, clip: str | os.PathLike[str]) -> list[IgnoredClip]:
        """Takes clips, by id or path, off the ignore list and gives what they were; raises MissingVideoError."""
        from reprise.ignoring import no_longer_ignore

        return no_longer_ignore(self._opening.stores(), clip)

    def reject(
        self, query: str | os.PathLike[str], reference: str | os.PathLike[str], segment: Box | None = None
    ) -> Rejection:
        """Marks what is found between the two, or a segment of it, as no copy: see `reprise.rejections.reject`."""
        from reprise.rejections import reject

        return reject(self._opening.stores(), query, self.find(reference), segment)

    def rejections(self) -> list[Rejection]:
        """What is marked as no copy, sorted by query and reference."""
        from reprise.rejections import all_rejections

        return all_rejections(self._opening.stores().notes)

    def take_back_rejections(
        self, query: str | os.PathLike[str], reference: str | None = None, segment: Box | None = None
    ) -> list[Rejection]:
        """Removes marks and gives what they were: see `reprise.rejections.take_back`."""
        from reprise.rejections import take_back

        return take_back(self._opening.stores(), query, reference, segment)

    def find(self, path: str | os.PathLike[str]) -> VideoRow:
        """The video that was ingested from `path`: the file's real path, or the path as `list` shows it.

        Raises MissingVideoError if the library has none.
        """
        return video_at(self._opening.stores(), os.fspath(path))

    def select(self, paths: Iterable[str | os.PathLike[str]] = (), where: VideoFilter = ALL_VIDEOS) -> Selection:
        """The videos at these paths, files and folders, that fit the filter; without paths all that fit it."""
        return select(self._opening.stores(), paths, where)

    def tag(
        self, videos: Iterable[VideoRow], add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> list[tuple[VideoRow, list[str]]]:
        """Adds and removes tags of videos that `select` gave; returns each, as it was, with the tags it has now."""
        check_tags(add, remove)
        return tag_videos(self._opening.stores(), videos, add, remove)

    def update(
        self,
        paths: Iterable[str | os.PathLike[str]] = (),
        *,
        workers: int | None = None,
        prune: bool = False,
        progress: Callable[[Outcome], None] | None = None,
    ) -> UpdateReport:
        """Brings the videos at `paths`, by default all, to what their files are now: see `reprise.updating`."""
        from reprise.updating import update_library

        stores, settings = self.opened()
        workers = workers or default_workers()
        return update_library(stores, settings, paths, workers=workers, prune=prune, progress=progress)

    def remove(self, path: str | os.PathLike[str]) -> VideoRow:
        """Takes the video that `find` gives out of the library; returns what it was."""
        row = self.find(path)
        self.remove_videos([row])
        return row

    def remove_videos(self, videos: Iterable[VideoRow], progress: Callable[[VideoRow], None] | None = None) -> None:
        """Takes videos that `select` gave out of the library; `progress` hears of each when it is out."""
        stores = self._opening.stores()
        stores.recover()
        rows = {row.id: row for row in videos}
        stores.remove(*rows, progress=None if progress is None else lambda video_id: progress(rows[video_id]))

    def export(
        self,
        videos: Sequence[VideoRow],
        folder: str | os.PathLike[str],
        *,
        layout: str = "npz",
        progress: Callable[[VideoRow], None] | None = None,
    ) -> ExportReport:
        """Writes the matrices of videos that `select` gave into a new folder: see `reprise.exchange.writing`."""
        from reprise.exchange.writing import export_videos

        return export_videos(self._opening.stores(), videos, folder, layout, progress)

    def import_from(
        self,
        folder: str | os.PathLike[str],
        *,
        new_ids: bool = False,
        progress: Callable[[Imported], None] | None = None,
    ) -> ImportReport:
        """Adds the videos of such a folder, with nothing decoded: see `reprise.exchange.importing`."""
        from reprise.exchange.importing import import_into
        from reprise.exchange.reading import Export

        export = Export(Path(folder))
        if export.facts is None and not self._opening.is_described:
            raise SettingsError(f"{export.shown}: it does not say what made its vectors; give --model and --fps")
        stores = self._opening.stores(create=True, facts=None if export.facts is None else export.facts.of_library)
        return import_into(stores, export, new_ids=new_ids, progress=progress)

    def info(self) -> LibraryInfo:
        """What the library holds and what it is made with."""
        from reprise.holdings import info_of

        return info_of(self._opening.stores())

    def holdings(self) -> Holdings:
        """How much video the library holds and what it takes on disk; reads the rows of all videos."""
        from reprise.holdings import holdings

        return holdings(self._opening.stores())

    def verify(self) -> list[str]:
        """One line for everything in which Milvus and LevelDB disagree; empty for a sound library."""
        stores = self._opening.stores()
        stores.recover()
        return lasting_problems(stores)

    def repair(self) -> RepairReport:
        """Makes Milvus and LevelDB whole from each other, also where one of them is lost; says what was done."""
        from reprise.stores.repairing import make_whole

        self.close()  # it may have been opened before anything was damaged
        return make_whole(self._opening.stores, self._opening.place, self._opening.wait_s)

    def backup(self, destination: str | os.PathLike[str]) -> BackupReport:
        """Writes all of the library into one file. Raises BackupError, LibraryError where it is not whole."""
        from reprise.stores.backup import write_backup

        return write_backup(self._opening.stores(), destination)

    def close(self) -> None:
        """Gives the library back to other processes; once is enough, more does no harm."""
        self._queries = None
        self._opening.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self) -> Queries:
        from reprise.querying import Queries

        if self._queries is None:
            self._queries = Queries(self._opening.stores(), self._opening.settings)
        return self._queries
