"""Two videos against each other, without a library."""

from __future__ import annotations

import os

from reprise.decoding.sampling import video_facts
from reprise.embedding import described
from reprise.errors import printable
from reprise.evidence import QueryEvidence, evidence_of
from reprise.pipelines.compare import compare_pipeline
from reprise.refinement import VideoPair, refine
from reprise.running import run
from reprise.segment import Match, QueryResult, segments_of
from reprise.settings import EmbedSettings, QuerySettings


def compare(
    query: str | os.PathLike[str],
    reference: str | os.PathLike[str],
    *,
    embedding: EmbedSettings | None = None,
    settings: QuerySettings | None = None,
) -> QueryResult:
    """The segments of the video `query` that are copied from the video `reference`: one match, or none.

    Raises an InputError naming the video that cannot be used.
    """
    return compare_with_evidence(query, reference, embedding=embedding, settings=settings).result


def compare_with_evidence(
    query: str | os.PathLike[str],
    reference: str | os.PathLike[str],
    *,
    embedding: EmbedSettings | None = None,
    settings: QuerySettings | None = None,
) -> QueryEvidence:
    """As `compare`, with the similarity map."""
    embedding, settings = embedding or EmbedSettings(), settings or QuerySettings()
    paths = os.fspath(query), os.fspath(reference)
    embedding.embedder()  # here, where what is wrong with it is told best
    expected = [video_facts(path) for path in paths]
    query_times_s, query_matrix, views, frame_of, reference_times_s, reference_matrix, aligned = run(
        compare_pipeline(embedding, settings), *paths
    )
    asked = described(query_times_s, query_matrix, expected[0], "", embedding.fps)
    held = described(reference_times_s, reference_matrix, expected[1], "", embedding.fps)
    segments = segments_of(
        aligned,
        fps=embedding.fps,
        query_duration_s=asked.duration_s,
        reference_duration_s=held.duration_s,
    )
    warnings = [f"{printable(p)}: {v.warning}" for p, v in zip(paths, (asked, held), strict=True) if v.warning]
    if settings.refine and segments:
        after = refine(segments, VideoPair(*paths, asked.duration_s, held.duration_s, embedding))
        segments = after.segments
        warnings += [after.warning] if after.warning else []
    result = QueryResult(
        printable(query),
        asked.duration_s,
        (Match.of(printable(reference), segments),) if segments else (),
        "; ".join(warnings) or None,
    )
    references = [(reference_matrix, held.duration_s)] if segments else []
    return evidence_of(result, paths[0], views=views, frame_of=frame_of, references=references, fps=embedding.fps)
