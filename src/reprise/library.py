"""A library: the reference videos that queries are held against, in a folder or on a Milvus server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from reprise.decoding.limits import DecodeLimits
from reprise.errors import MissingVideoError, printable
from reprise.models.loading import check_has_frame_vectors
from reprise.models.weights import name_of
from reprise.scanning import find_videos, video_id
from reprise.settings import EmbedSettings, QuerySettings, SearchSettings, default_workers
from reprise.stores.frames import LibraryFacts
from reprise.stores.library import LibraryStores, Place
from reprise.stores.videos import VideoRow

if TYPE_CHECKING:  # what decodes, searches and aligns is imported by the methods that do: `list` needs none of it
    from reprise.embedding import EmbeddedQuery
    from reprise.evidence import QueryEvidence
    from reprise.hits import SearchResult
    from reprise.ingest import IngestReport, Outcome
    from reprise.querying import Queries
    from reprise.segment import QueryResult

# Called after every video of an ingest with its outcome, how many are done and how many there are.
Progress = Callable[["Outcome", int, int], None]


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """What `reprise info` says of a library."""

    library: str
    videos: int
    frames: int
    model: str
    dimension: int
    fps: float
    format: int
    index: str


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
        limits: DecodeLimits | None = None,
    ) -> None:
        """A library in the folder, or on the Milvus server, that `library` names; nothing is opened yet.

        `model` and `fps` left out are the library's own, or "reprise" and 1 for a new one; given, a library
        made with others raises LibraryMismatchError when it is opened. `weights` is the file of the model's
        weights, where they are not to be looked for; `limits` is what decoding a video may take. Raises
        SettingsError.
        """
        self._place = Place.of(library)
        self._given_fps, self._given_model = fps, model
        usual = EmbedSettings()
        self._settings = EmbedSettings(
            usual.model if model is None else model,
            usual.fps if fps is None else fps,
            device,
            # Whose they are, only the library knows where no model is named.
            weights=None if model is None else weights,
            limits=limits or usual.limits,
        )
        check_has_frame_vectors(self._settings.network)
        self._weights = weights
        self._embeds = False  # whether the model was seen to be the one that the library was made with
        self._stores: LibraryStores | None = None
        self._queries: Queries | None = None

    def ingest(
        self,
        paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
        *,
        workers: int | None = None,
        tags: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> IngestReport:
        """Adds the videos at `paths`, files and folders, and says what became of each.

        A video that is already there unchanged is left as it is, one whose file has changed is replaced.
        `workers` is the number of processes that decode and embed, by default one a core. A video that cannot
        be used is in the report's `failed`; the others are done. Raises LibraryError if the library itself
        cannot be used or written.
        """
        from reprise.ingest import IngestReport, Outcome, ingest_into, readable

        found = find_videos([paths] if isinstance(paths, str | os.PathLike) else paths)
        report = IngestReport(skipped=found.skipped)
        failed = [Outcome(failure.path, "failed", failure.reason) for failure in found.failures]
        settled = _Settled(report, len(found.videos) + len(failed), progress)
        wanted, unreadable = readable(found.videos)
        for outcome in failed + unreadable:
            settled.add(outcome)
        if wanted:  # else make no library for a mistyped path
            stores = self._open_to_embed(create=True)
            ingest_into(
                stores, wanted, self._settings, workers=workers or default_workers(), tags=tags, settle=settled.add
            )
        return report

    def query(self, video: str | os.PathLike[str], settings: QuerySettings | None = None) -> QueryResult:
        """The copied segments of one video. Raises an InputError for the video, a LibraryError for the library."""
        self._open_to_embed()
        return self._ask().query(os.fspath(video), settings or QuerySettings())

    def query_embedded(self, query: EmbeddedQuery, settings: QuerySettings | None = None) -> QueryResult:
        """As `query`, for a video that `embed_query` embedded with the library's model and rate."""
        return self._ask().query_embedded(query, settings or QuerySettings())

    def query_with_evidence(
        self, video: str | os.PathLike[str], settings: QuerySettings | None = None
    ) -> QueryEvidence:
        """As `query`, with the similarity map of every match."""
        from reprise.embedding import embed_query

        self._open_to_embed()
        return self.query_embedded_with_evidence(embed_query(os.fspath(video), self._settings), settings)

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
        stores = self._open()
        sought.check(self._settings, self._place.shown)
        self._open_to_embed()
        return search_library(stores, self._settings, sought, settings or SearchSettings())

    def opened(self, *, create: bool = False) -> tuple[LibraryStores, EmbedSettings]:
        """The stores and what videos are embedded with: for what embeds elsewhere. `create` makes a library."""
        return self._open_to_embed(create=create), self._settings

    def require(self) -> None:
        """Opens the library, or raises the LibraryError that says why that cannot be."""
        self._open()

    def videos(self) -> list[VideoRow]:
        """All videos, sorted by path."""
        return sorted(self._open().videos.all(), key=lambda row: (row.path, row.id))

    def find(self, path: str | os.PathLike[str]) -> VideoRow:
        """The video that was ingested from `path`: the file's real path, or the path as `list` shows it.

        Raises MissingVideoError if the library has none.
        """
        stores = self._open()
        by_file = stores.videos.get([video_id(path)])
        if by_file:
            return next(iter(by_file.values()))
        shown = printable(path)
        named = stores.videos.by_path(shown)
        if len(named) == 1:
            return named[0]
        if named:
            raise MissingVideoError(f"{shown}: {len(named)} videos were ingested under this path; give the full path")
        raise MissingVideoError(f"{shown}: not in the library {self._place.shown}; `reprise list` shows what is")

    def remove(self, path: str | os.PathLike[str]) -> VideoRow:
        """Takes the video that `find` gives out of the library; returns what it was."""
        row = self.find(path)
        stores = self._open()
        stores.recover()
        stores.remove(row.id)
        return row

    def info(self) -> LibraryInfo:
        """What the library holds and what it is made with."""
        stores = self._open()
        facts = stores.frames.facts()
        return LibraryInfo(
            library=self._place.shown,
            videos=stores.videos.count(),
            frames=stores.frames.count(),
            model=facts.model,
            dimension=facts.dimension,
            fps=facts.fps,
            format=facts.format,
            index=stores.frames.index_type(),
        )

    def verify(self) -> list[str]:
        """One line for everything in which Milvus and LevelDB disagree; empty for a sound library."""
        stores = self._open()
        stores.recover()
        return stores.problems()

    def close(self) -> None:
        """Gives the library back to other processes; once is enough, more does no harm."""
        self._queries = None
        if self._stores is not None:
            self._stores.close()
            self._stores = None
            self._embeds = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self) -> Queries:
        from reprise.querying import Queries

        if self._queries is None:
            self._queries = Queries(self._open(), self._settings)
        return self._queries

    def _open(self, *, create: bool = False) -> LibraryStores:
        if self._stores is None:
            stores = LibraryStores(self._place, create=self._facts() if create else None)
            try:
                self._adopt(stores.frames.facts())
            except BaseException:  # raised again: whatever it is, the lock must not stay behind
                stores.close()
                raise
            self._stores = stores
        return self._stores

    def _open_to_embed(self, *, create: bool = False) -> LibraryStores:
        """As `_open`, and the model's weights are here and those that the library was made with."""
        stores = self._open(create=create)
        if not self._embeds:
            stores.frames.facts().check(self._facts(), self._place.shown)
            self._embeds = True
        return stores

    def _adopt(self, have: LibraryFacts) -> None:
        """Takes over what the library was made with, where nothing else was asked for."""
        name = name_of(have.model)
        have.check_model(name, self._given_model, self._place.shown)
        self._settings = replace(
            self._settings,
            model=name,
            weights=self._weights,
            fps=have.fps if self._given_fps is None else self._given_fps,
        )
        # What other networks' weights are takes reading them, which only what embeds needs to do.
        have.check(self._facts() if not self._settings.network.weights else self._like(have), self._place.shown)

    def _like(self, have: LibraryFacts) -> LibraryFacts:
        return LibraryFacts(have.model, have.dimension, self._settings.fps)

    def _facts(self) -> LibraryFacts:
        return LibraryFacts(self._settings.identity, self._settings.dimension, self._settings.fps)


class _Settled:
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
