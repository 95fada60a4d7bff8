"""The views of query frames: each frame whole, and what may stand in it or around it.

A picture in picture or behind wide bars is too small a part of its frame for one vector to show it. The query's
frames are therefore embedded whole and, where insets or borders are seen, those parts again by themselves. Where
none are seen the frame may be what a crop left: then it is embedded again with its rim mirrored outwards, so that
things come nearer to the size that they have in the original. The library keeps one vector a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from reprise.blank import is_blank
from reprise.regions import Box, find_boxes

MAX_REGIONS = 2  # of a frame, so that a query costs at most three vectors a frame
WIDENED_BY = 0.15  # of a frame's side, at either end

Embed = Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]]


def embed_views(
    frames: Sequence[NDArray[np.uint8]], embed: Embed, max_regions: int = MAX_REGIONS, *, widen: bool = True
) -> list[NDArray[np.float32]]:
    """For each frame its embedding and those of its further views: a list of [views, dim], at most
    1 + max_regions views each.

    frames: consecutive frames of one video, each [height, width, 3] uint8 RGB, all of one size; larger than the
    descriptor's own pictures, if regions are to be seen sharply. A blank frame's embeddings are 0 (see
    reprise.blank).
    """
    if not frames:
        return []
    further = further_views(np.stack(frames), max_regions, widen=widen)
    embeddings = embed([*frames, *(view for views in further for view in views)])
    ends = len(frames) + np.cumsum([len(views) for views in further])
    return [
        np.concatenate([embeddings[i : i + 1], embeddings[end - len(views) : end]]) * np.float32(not is_blank(frame))
        for i, (frame, views, end) in enumerate(zip(frames, further, ends, strict=True))
    ]


def further_views(
    frames: NDArray[np.uint8], max_regions: int = MAX_REGIONS, *, widen: bool = True
) -> list[list[NDArray[np.uint8]]]:
    """What is embedded of each frame beside itself: its regions, or, if it has none and `widen`, the frame widened.

    frames: [n, height, width, 3] uint8 RGB, consecutive frames of one video, or n = 1. Each view is
    [any height, any width, 3] uint8 RGB.
    """
    boxes = find_boxes(frames, max_boxes=max_regions)
    return [
        [_inside(frame, box) for box in found] or ([_widened(frame)] if widen else [])
        for frame, found in zip(frames, boxes, strict=True)
    ]


def gathered(
    batches: Sequence[Sequence[NDArray[np.float32]]],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """What `embed_views` gave for the batches of a video, as (matrix, views, frame_of).

    matrix: [frames, dim], the whole frames. views: [views, dim], frame by frame, the whole frame first.
    frame_of: [views] int64, not falling: the frame that each view is of.
    """
    frames = [views for batch in batches for views in batch]
    matrix = np.stack([views[0] for views in frames])
    frame_of = np.repeat(np.arange(len(frames)), [len(views) for views in frames])
    return matrix, np.concatenate(frames), frame_of


def best_of_views(similarity: NDArray[np.float32], frame_of: NDArray[np.int64]) -> NDArray[np.float32]:
    """Similarities [views, n] to [frames, n]: each frame by the best of its views."""
    starts = np.flatnonzero(np.diff(frame_of, prepend=-1))
    return np.asarray(np.maximum.reduceat(similarity, starts, axis=0))


def _inside(frame: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    top, bottom = round(box.top * height), round(box.bottom * height)
    left, right = round(box.left * width), round(box.right * width)
    return frame[top : max(bottom, top + 1), left : max(right, left + 1)]


def _widened(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    down, across = (round(side * WIDENED_BY) for side in frame.shape[:2])
    return np.pad(frame, ((down, down), (across, across), (0, 0)), "symmetric")
