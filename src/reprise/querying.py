"""Questions to an opened library: votes, alignment, matches and their evidence."""

from __future__ import annotations

from typing import Any

from reprise.alignment.aligned import AlignedSegment
from reprise.decoding.guarded import video_facts
from reprise.embedding import EmbeddedQuery, described
from reprise.errors import printable
from reprise.evidence import MatchEvidence, QueryEvidence, similarity_for_eyes
from reprise.refinement import KnownFile, VideoPair
from reprise.refinement import refine as refine_ends
from reprise.running import run
from reprise.segment import Match, QueryResult, segments_of
from reprise.settings import EmbedSettings, QuerySettings
from reprise.stores.frames import search_params
from reprise.stores.library import LibraryStores
from reprise.stores.videos import VideoRow


class Queries:
    """Asks the library with these stores, whose videos were embedded with `embedding`."""

    def __init__(self, stores: LibraryStores, embedding: EmbedSettings) -> None:
        self._stores, self._embedding = stores, embedding
        self._chains: dict[QuerySettings, Any] = {}

    def query(self, path: str, settings: QuerySettings) -> QueryResult:
        """The copied segments of one video. Raises an InputError for the video, a LibraryError for the library."""
        expected = video_facts(path, limits=self._embedding.limits)
        times_s, matrix, candidates, aligned = run(self._chain(settings), path)
        query = described(times_s, matrix, expected, "", self._embedding.fps)
        return self._result(path, query.duration_s, query.warning, candidates, aligned, settings)

    def query_embedded(self, query: EmbeddedQuery, settings: QuerySettings) -> QueryResult:
        """As `query`, for a video that was embedded before."""
        from reprise.pipelines.query import embedded_query_pipeline

        chain = embedded_query_pipeline(
            settings,
            milvus_uri=self._stores.place.milvus_uri,
            matrices_path=str(self._stores.place.matrices),
            search_params=self._search_params(settings),
            fps=self._embedding.fps,
        )
        candidates, aligned = run(chain, query.views, query.frame_of)
        return self._result(query.path, query.duration_s, query.warning, candidates, aligned, settings)

    def with_evidence(self, query: EmbeddedQuery, settings: QuerySettings) -> QueryEvidence:
        """As `query_embedded`, with the similarity map of every match."""
        result = self.query_embedded(query, settings)
        evidence = []
        for match in result.matches:
            row = self._stores.videos.by_path(match.reference)[0]
            reference = self._stores.matrix(row.id)
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
        (candidates,) = run(chain, query.views, query.frame_of)
        rows = self._stores.videos.get(candidates)
        return [rows[candidate].path for candidate in candidates if candidate in rows]

    def _result(
        self,
        path: str,
        duration_s: float,
        warning: str,
        candidates: list[str],
        aligned: list[list[AlignedSegment]],
        settings: QuerySettings,
    ) -> QueryResult:
        rows = self._stores.videos.get(candidates)
        matches: list[Match] = []
        warnings = [warning] if warning else []
        for candidate, segments in zip(candidates, aligned, strict=True):
            # A candidate with no row is being written or removed at this moment.
            if segments and candidate in rows:
                match, unrefined = self._match(path, rows[candidate], segments, duration_s, refine=settings.refine)
                matches.append(match)
                warnings += [unrefined] if unrefined else []
        matches.sort(key=lambda match: (-match.score, match.reference))
        return QueryResult(printable(path), duration_s, tuple(matches), "; ".join(warnings) or None)

    def _match(
        self, path: str, row: VideoRow, aligned: list[AlignedSegment], query_duration_s: float, *, refine: bool
    ) -> tuple[Match, str | None]:
        """The match, and what kept its segments from being refined, if that was asked for."""
        segments = segments_of(
            aligned,
            fps=self._embedding.fps,
            query_duration_s=query_duration_s,
            reference_duration_s=row.duration_s,
        )
        if not refine:
            return Match.of(row.path, segments), None
        known = KnownFile(row.content_hash, row.file_size, row.modified_ns)
        videos = VideoPair(path, row.path, query_duration_s, row.duration_s, self._embedding, known)
        after = refine_ends(segments, videos)
        return Match.of(row.path, after.segments), after.warning

    def _chain(self, settings: QuerySettings) -> Any:
        from reprise.pipelines.query import query_pipeline

        if settings not in self._chains:
            self._chains[settings] = query_pipeline(
                self._embedding,
                settings,
                milvus_uri=self._stores.place.milvus_uri,
                matrices_path=str(self._stores.place.matrices),
                search_params=self._search_params(settings),
            )
        return self._chains[settings]

    def _search_params(self, settings: QuerySettings) -> dict[str, int]:
        return search_params(self._stores.frames.index_type(), settings.hits_per_frame)
