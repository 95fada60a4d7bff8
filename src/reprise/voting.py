"""Coarse voting: from frame hits to the few videos that are worth aligning."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from reprise.errors import SettingsError

REDUCERS: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "mean": lambda scores: sum(scores) / len(scores),
    "max": max,
    "min": min,
}


def select_videos(
    videos: Sequence[str], scores: Sequence[float], *, top_k: int, reduce_function: str, reverse: bool
) -> list[str]:
    """The `top_k` videos by their pooled hit scores, best first; ties keep the order of first appearance.

    `videos[i]` is the video that hit i belongs to, `scores[i]` its score. `reverse` sorts from the highest
    score down, as similarities want; without it from the lowest up, as distances want. Empty for no hits.
    Raises SettingsError for an unknown reduce_function or top_k < 1. Follows Towhee's `select_video`.
    """
    if reduce_function not in REDUCERS:
        raise SettingsError(f"reduce_function must be one of {', '.join(REDUCERS)}, not {reduce_function!r}")
    if top_k < 1:
        raise SettingsError(f"top_k must be at least 1, not {top_k}")
    pooled: dict[str, list[float]] = {}
    for video, score in zip(videos, scores, strict=True):
        pooled.setdefault(video, []).append(float(score))
    reduce = REDUCERS[reduce_function]
    totals = {video: reduce(hits) for video, hits in pooled.items()}
    return sorted(totals, key=totals.__getitem__, reverse=reverse)[:top_k]


def weighted_votes(
    hits: Sequence[Sequence[Sequence[object]]], frame_of: Sequence[int] | NDArray[np.int64] | None = None
) -> tuple[list[str], list[float]]:
    """Frame hits as votes: each video's best hit per query frame, by the similarity's fourth power over the root of
    its rank.

    `hits[v]` are view v's hits as `[id, similarity, video]`, best first, and `frame_of[v]` the query frame that
    it is a view of; left out, every view is a frame of its own. A frame's hits are those of all its views,
    ranked together. Returns (videos, weights) for `select_videos` with "sum".

    Only the best hit counts, because a long static shot would otherwise vote with all its frames; the power keeps
    many faint hits from outweighing a few clear ones, and the rank, weakly, those of a picture that many videos show.
    Chosen on one half of the labelled references among 10 000 further videos (benchmarks/candidates.py).
    """
    videos: list[str] = []
    weights: list[float] = []
    for frame_hits in hits if frame_of is None else _by_frame(hits, frame_of):
        seen: set[str] = set()
        for rank, (_, similarity, video) in enumerate(frame_hits, start=1):
            name = str(video)
            if name not in seen:
                seen.add(name)
                videos.append(name)
                weights.append(max(float(similarity), 0.0) ** 4 / rank**0.5)  # type: ignore[arg-type]
    return videos, weights


def _by_frame(
    hits: Sequence[Sequence[Sequence[object]]], frame_of: Sequence[int] | NDArray[np.int64]
) -> list[list[Sequence[object]]]:
    frames: dict[int, list[Sequence[object]]] = {}
    for view, frame in enumerate(frame_of):
        frames.setdefault(int(frame), []).extend(hits[view])
    return [sorted(of_frame, key=lambda hit: -float(hit[1])) for of_frame in frames.values()]  # type: ignore[arg-type]
