"""Questions to an opened library: votes, alignment, matches and their evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from reprise.alignment.aligned import AlignedSegment
from reprise.audio.fingerprint import Listened, listened
from reprise.audio.library_sounds import LibrarySounds
from reprise.decoding.guarded import video_facts
from reprise.embedding import EmbeddedQuery, described, embed_query
from reprise.errors import ReprisError, printable
from reprise.evidence import MatchEvidence, QueryEvidence, similarity_for_eyes
from reprise.ignoring import Floats, IgnoredFrames, IgnoreList
from reprise.marks import MarkReader, Marks
from reprise.meanwhile import meanwhile
from reprise.refinement import KnownFile, VideoPair
from reprise.refinement import refine as refine_ends
from reprise.rejections import Rejections
from reprise.running import run
from reprise.segment import Match, QueryResult, Segment, segments_of
from reprise.settings import EmbedSettings, QuerySettings
from reprise.skipping import Span
from reprise.stores.frames import search_params
from reprise.stores.library import LibraryStores
from reprise.stores.videos import VideoRow

if TYPE_CHECKING:  # pipelines import Towhee
    from reprise.pipelines.query import CaughtUp


class Queries:
    """Asks the library with these stores, whose videos were embedded with `embedding`."""

    def __init__(self, stores: LibraryStores, embedding: EmbedSettings) -> None:
        self._stores, self._embedding = stores, embedding
        self._chains: dict[QuerySettings, Any] = {}
        self._ignored = IgnoreList(stores)
        self._marks = MarkReader(stores)
        self._wait_for_rows: Callable[[], None] = lambda: None
        self._sounds = LibrarySounds(stores)

    def query(self, path: str, settings: QuerySettings) -> QueryResult:
        """The copied segments of one video. Raises an InputError for the video, a LibraryError for the library."""
        with self._begun() as (likely, marks_now):
            if settings.skips or likely.ignored:
                result, _ = self._asked(embed_query(path, self._embedding), settings, likely, marks_now)
                return self._witnessed(path, result, settings)
            expected = video_facts(path, limits=self._embedding.limits)
            times_s, matrix, candidates, aligned, rows = run(self._chain(settings), path)
            marks = marks_now()
            if marks.ignored:  # since a moment ago
                result, _ = self._asked(embed_query(path, self._embedding), settings, marks, marks_now)
                return self._witnessed(path, result, settings)
            query = described(times_s, matrix, expected, "", self._embedding.fps)
            result = self._result(path, query.duration_s, query.warning, candidates, aligned, rows, settings, marks)
            return self._witnessed(path, result, settings)

    def query_embedded(self, query: EmbeddedQuery, settings: QuerySettings) -> QueryResult:
        """As `query`, for a video that was embedded before; its sound is compared where it was listened to."""
        with self._begun() as begun:
            result, _ = self._asked(query, settings, *begun)
        return result if query.listened is None else self._witnessed(query.path, result, settings, query.listened)

    @contextmanager
    def _begun(self) -> Iterator[tuple[Marks, Callable[[], Marks]]]:
        """Begins what a server is waited for in a query, beside its search: the marks, and all videos' rows.

        Gives what `MarkReader.begin` gives.
        """
        self._wait_for_rows = (
            (lambda: None) if self._stores.place.embedded else meanwhile(self._stores.videos.catch_up)
        )
        likely, marks_now = self._marks.begin()
        try:
            yield likely, marks_now
        except Exception:  # raised again; whatever it is, whoever hears of it may close the connection
            # No read may be under way then.
            for wait in (self._wait_for_rows, marks_now):
                with suppress(ReprisError):
                    wait()
            raise

    def _caught_up(self) -> CaughtUp | None:
        """Waits, in a pipeline, for the rows, which `_begun` has begun to wait for."""
        if self._stores.place.embedded:
            return None

        def caught_up(candidates: list[str]) -> list[str]:
            self._wait_for_rows()
            return candidates

        return caught_up

    def _asked(
        self, query: EmbeddedQuery, settings: QuerySettings, likely: Marks, marks_now: Callable[[], Marks]
    ) -> tuple[QueryResult, dict[str, VideoRow]]:
        """The answer, and the rows of the candidates by id; within `_begun`, with what that gives."""
        while True:
            candidates, aligned, rows = self._aligned(query, settings, self._ignored.frames(likely.ignored))
            marks = marks_now()
            if marks.ignored == likely.ignored:
                break
            likely = marks
        result = self._result(query.path, query.duration_s, query.warning, candidates, aligned, rows, settings, marks)
        return result, rows

    def _aligned(self, query: EmbeddedQuery, settings: QuerySettings, ignored: IgnoredFrames | None) -> Any:
        """(candidates, what was found in each, their rows by id)."""
        from reprise.pipelines.query import embedded_query_pipeline

        chain = embedded_query_pipeline(
            settings,
            milvus_uri=self._stores.place.milvus_uri,
            matrices_path=str(self._stores.place.matrices),
            search_params=self._search_params(settings),
            fps=self._embedding.fps,
            silenced=ignored.silenced_all if ignored is not None else None,
            caught_up=self._caught_up(),
        )
        return run(chain, self._heard(query, settings, ignored), query.frame_of)

    def with_evidence(self, query: EmbeddedQuery, settings: QuerySettings) -> QueryEvidence:
        """As `query`, for a video that was embedded before, with the similarity map of every match."""
        with self._begun() as begun:
            answer, rows = self._asked(query, settings, *begun)
        result = self._witnessed(query.path, answer, settings, query.listened)
        by_path = {row.path: row for row in rows.values()}
        evidence = []
        for match in result.matches:
            row = by_path[match.reference]
            reference = self._stores.matrix_of(row)
            known = query.views[:0] if reference is None else reference
            seen = similarity_for_eyes(query.views, query.frame_of, known)
            evidence.append(MatchEvidence(match, row.duration_s, seen, self._embedding.fps))
        return QueryEvidence(result, query.path, tuple(evidence))

    def candidates(self, query: EmbeddedQuery, settings: QuerySettings) -> list[str]:
        """The paths of the `top_k` videos that the frames of `query` vote for, best first, before any alignment."""
        from reprise.pipelines.query import candidates_pipeline

        chain = candidates_pipeline(
            settings, milvus_uri=self._stores.place.milvus_uri, search_params=self._search_params(settings)
        )
        ignored = self._ignored.frames(self._marks.now().ignored)
        (candidates,) = run(chain, self._heard(query, settings, ignored), query.frame_of)
        rows = self._stores.videos.get(candidates)
        return [rows[candidate].path for candidate in candidates if candidate in rows]

    def _heard(self, query: EmbeddedQuery, settings: QuerySettings, ignored: IgnoredFrames | None) -> Floats:
        """The views of the query, with 0 in place of those that are not to be looked at."""
        views = query.views
        span = Span.of(settings, query.duration_s)
        if span is not None:
            views = span.silenced_views(views, query.frame_of, self._embedding.fps)
        return views if ignored is None else ignored.silenced_views(views, query.frame_of)

    def _witnessed(
        self, path: str, result: QueryResult, settings: QuerySettings, sound: Listened | None = None
    ) -> QueryResult:
        if not settings.audio or not self._sounds.any():
            return result
        return self._sounds.witness(path, sound or listened(path, self._embedding.limits), result, settings)

    def _result(
        self,
        path: str,
        duration_s: float,
        warning: str,
        candidates: list[str],
        aligned: list[list[AlignedSegment]],
        rows: dict[str, VideoRow],
        settings: QuerySettings,
        marks: Marks,
    ) -> QueryResult:
        matches: list[Match] = []
        warnings = [warning] if warning else []
        span = Span.of(settings, duration_s)
        if span is not None and span.is_empty:
            warnings.append(
                f"nothing of its {duration_s:.0f} s is left to look at between --skip-start and --skip-end"
            )
        rejections = Rejections(marks.rejected, path)
        rejected = 0
        for candidate, found in zip(candidates, aligned, strict=True):
            # A candidate with no row is being written or removed at this moment.
            if not found or candidate not in rows:
                continue
            row = rows[candidate]
            segments = segments_of(
                found,
                fps=self._embedding.fps,
                query_duration_s=duration_s,
                reference_duration_s=row.duration_s,
            )
            if not settings.show_rejected:
                kept = rejections.kept(row, segments)
                rejected += len(segments) - len(kept)
                segments = kept
            if settings.refine and segments:
                segments, unrefined = self._refined(path, row, segments, duration_s)
                warnings += [unrefined] if unrefined else []
            if span is not None:
                segments = span.clipped(segments)
            if segments:
                matches.append(Match.of(row.path, segments))
        matches.sort(key=lambda match: (-match.score, match.reference))
        return QueryResult(
            printable(path), duration_s, tuple(matches), "; ".join(warnings) or None, rejected=rejected
        )

    def _refined(
        self, path: str, row: VideoRow, segments: list[Segment], query_duration_s: float
    ) -> tuple[list[Segment], str | None]:
        """The segments with their ends refined, and what kept some from it."""
        known = KnownFile(row.content_hash, row.file_size, row.modified_ns)
        videos = VideoPair(path, row.path, query_duration_s, row.duration_s, self._embedding, known)
        after = refine_ends(segments, videos)
        return after.segments, after.warning

    def _chain(self, settings: QuerySettings) -> Any:
        from reprise.pipelines.query import query_pipeline

        if settings not in self._chains:
            self._chains[settings] = query_pipeline(
                self._embedding,
                settings,
                milvus_uri=self._stores.place.milvus_uri,
                matrices_path=str(self._stores.place.matrices),
                search_params=self._search_params(settings),
                caught_up=self._caught_up(),
            )
        return self._chains[settings]

    def _search_params(self, settings: QuerySettings) -> dict[str, int]:
        return search_params(self._stores.frames.index_type(), settings.hits_per_frame)
