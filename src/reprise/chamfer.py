"""Chamfer similarity: of frames by their regions, and of videos by their frames.

Kordopatis-Zilos et al., ViSiL: Fine-grained Spatio-Temporal Video Similarity Learning, ICCV 2019.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Similarities between regions that are held at a time: 16 MiB of float32.
CELLS_AT_A_TIME = 1 << 22


def frame_similarity(
    query: Floats, reference: Floats, *, symmetric: bool = False, cells_at_a_time: int = CELLS_AT_A_TIME
) -> Floats:
    """How alike every query frame is to every reference frame, by what their regions have in common.

    query: [Q, regions, dim] float32.  reference: [R, regions, dim] likewise; the two may differ in their number of
    regions. Where vectors are no longer than 1, similarities are from -1 to 1.
    Returns [Q, R] float32: the mean over the query frame's regions of the similarity with the most similar region of
    the reference frame; with `symmetric`, the mean of that and of the same the other way round.

    Worked on in blocks of frames with at most `cells_at_a_time` similarities between regions (at least one pair of
    frames); beside the blocks it takes only the memory of the result, also where the arrays are memory-mapped files.

    Raises ValueError for arrays of other shapes.
    """
    _check(query, reference)
    similarity = np.zeros((len(query), len(reference)), np.float32)
    pair = query.shape[1] * reference.shape[1]
    # Wide blocks of the reference first: matrix products are quickest when neither side is thin.
    columns = max(1, min(len(reference), int((cells_at_a_time / pair) ** 0.5)))
    rows = max(1, cells_at_a_time // (pair * columns))
    for left in range(0, len(reference), columns):
        held = np.ascontiguousarray(reference[left : left + columns], np.float32)
        flat = held.reshape(-1, held.shape[2]).T
        for top in range(0, len(query), rows):
            asked = np.ascontiguousarray(query[top : top + rows], np.float32)
            cells = asked.reshape(-1, asked.shape[2]) @ flat
            cells = cells.reshape(len(asked), query.shape[1], len(held), reference.shape[1])
            block = cells.max(axis=3).mean(axis=1)
            if symmetric:
                block = (block + cells.max(axis=1).mean(axis=2)) / 2
            similarity[top : top + rows, left : left + columns] = block
    return similarity


def self_similarity(frames: Floats) -> Floats:
    """How alike each frame is to itself: [n] float32, the diagonal of `frame_similarity(frames, frames)`.

    1 for regions of length 1; less where a network weights its regions. frames: [n, regions, dim] float32.
    """
    return np.array([(own @ own.T).max(axis=1).mean() for own in map(np.asarray, frames)], np.float32)


def video_similarity(similarity: Floats, *, symmetric: bool = False) -> float:
    """How alike two videos are, by a similarity map [Q, R] of their frames with at least one cell.

    The mean over the query's frames of the similarity with the most similar frame of the reference; with `symmetric`,
    the mean of that and of the same the other way round. In the range of the map's cells.

    Raises ValueError for a map with no cell.
    """
    if similarity.ndim != 2 or not similarity.size:
        raise ValueError(f"a similarity map must be [Q, R] with at least one cell, not {list(similarity.shape)}")
    forth = float(similarity.max(axis=1).mean(dtype=np.float64))
    if not symmetric:
        return forth
    return (forth + float(similarity.max(axis=0).mean(dtype=np.float64))) / 2


def matrix_similarity(query: Floats, reference: Floats, *, cells_at_a_time: int = CELLS_AT_A_TIME) -> float:
    """The symmetric `video_similarity` of the map query x reference, without holding that map.

    query: [Q, dim], reference: [R, dim] float32, at least one row each.
    """
    if not (len(query) and len(reference)):
        raise ValueError(f"videos of {len(query)} and {len(reference)} frames do not compare")
    rows = max(1, cells_at_a_time // len(reference))
    forth = 0.0
    back = np.full(len(reference), -np.inf, np.float32)
    for top in range(0, len(query), rows):
        cells = query[top : top + rows] @ reference.T
        forth += float(cells.max(axis=1).sum(dtype=np.float64))
        np.maximum(back, cells.max(axis=0), out=back)
    return (forth / len(query) + float(back.mean(dtype=np.float64))) / 2


def _check(query: Floats, reference: Floats) -> None:
    for side, frames in (("query", query), ("reference", reference)):
        if frames.ndim != 3 or 0 in frames.shape[1:]:
            raise ValueError(f"the {side} must be [frames, regions, dim], not {list(frames.shape)}")
    if query.shape[2] != reference.shape[2]:
        raise ValueError(f"regions of {query.shape[2]} and of {reference.shape[2]} numbers do not compare")
