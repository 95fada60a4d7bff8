"""Temporal Network paths made into segments: ends drawn in, what is not to be believed left out."""

from __future__ import annotations

from reprise.alignment.aligned import AlignedSegment, Map, segment_of_box
from reprise.alignment.temporal_network import AlignedPath, find_paths, tightened


def find_segments(
    similarity: Map,
    *,
    top_k: int = 5,
    max_step: int = 10,
    max_path: int = 10,
    min_similarity: float = 0.2,
    min_length: int = 5,
    max_iou: float = 0.3,
    min_score: float | None = None,
    min_excess: float | None = None,
) -> list[AlignedSegment]:
    """Segments of a similarity map; heaviest first; scores are the mean similarity of a path's frame pairs.

    The first six settings are those of `temporal_network.find_paths`.
    min_score: segments whose mean similarity is below are left out; None for no limit.
    min_excess: segments are left out whose frame pairs' similarities exceed min_similarity by less than this in
        sum: a short one must be clearer than a long one to be believed; None for no limit.
    """
    paths = find_paths(
        similarity,
        top_k=top_k,
        max_step=max_step,
        max_path=max_path,
        min_similarity=min_similarity,
        min_length=min_length,
        max_iou=max_iou,
    )
    drawn_in = [tightened(path, similarity, min_similarity) for path in paths]
    credible = [
        path
        for path in drawn_in
        if path is not None and _is_credible(path, min_length, min_similarity, min_score, min_excess)
    ]
    return [segment_of_box(path.box, path.mean_similarity) for path in _without_inner(credible)]


def _is_credible(
    path: AlignedPath, min_length: int, min_similarity: float, min_score: float | None, min_excess: float | None
) -> bool:
    spans = path.query_end - path.query_start, path.reference_end - path.reference_start
    if min(spans) <= min_length or (min_score is not None and path.mean_similarity < min_score):
        return False
    return min_excess is None or path.similarity_sum - min_similarity * len(path.nodes) >= min_excess


def _without_inner(paths: list[AlignedPath]) -> list[AlignedPath]:
    """The paths but for those that lie in the box of a stronger one: its own detour, not another copy."""
    kept: list[AlignedPath] = []
    for path in sorted(paths, key=lambda path: -path.similarity_sum):
        if not any(_is_inside(path, other) for other in kept):
            kept.append(path)
    return kept


def _is_inside(path: AlignedPath, other: AlignedPath) -> bool:
    return (
        other.query_start <= path.query_start
        and path.query_end <= other.query_end
        and other.reference_start <= path.reference_start
        and path.reference_end <= other.reference_end
    )
