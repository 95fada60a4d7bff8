"""The aligners by name: each a function from a similarity map [query frames, reference frames] to segments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.alignment import (
    dynamic_programming,
    dynamic_time_warping,
    hough_voting,
    straight_lines,
    temporal_network,
)
from reprise.alignment.aligned import Align, AlignedSegment, Map, segment_of_box
from reprise.alignment.boxes import ScoredBox
from reprise.alignment.credible_paths import find_segments
from reprise.errors import SettingsError
from reprise.views import best_of_views

# Matrices [frames or views, dim], [frames, dim], and the frame of each view or None.
AlignMatrices = Callable[[Map, Map, NDArray[np.int64] | None], list[AlignedSegment]]

ENDS = ("half-open", "inclusive")


def reference_temporal_network(
    similarity: Map,
    *,
    top_k: int = 5,
    max_step: int = 10,
    max_path: int = 10,
    min_similarity: float = 0.2,
    min_length: int = 5,
    max_iou: float = 0.3,
    ends: str = "half-open",
) -> list[AlignedSegment]:
    """VCSL's Temporal Network, path for path; scores are its own, cut at 1. See `temporal_network.find_paths`."""
    paths = temporal_network.find_paths(
        similarity,
        top_k=top_k,
        max_step=max_step,
        max_path=max_path,
        min_similarity=min_similarity,
        min_length=min_length,
        max_iou=max_iou,
    )
    return _segments([ScoredBox(path.box, path.score) for path in paths], ends)


def reference_dynamic_programming(
    similarity: Map,
    *,
    max_unmatched: int = 3,
    min_similarity: float = 0.0,
    min_mean_similarity: float = 0.3,
    min_length: int = 5,
    max_run: int = 30,
    ends: str = "half-open",
) -> list[AlignedSegment]:
    """VCSL's DP; scores are mean similarities along the path. See `dynamic_programming.find_local_paths`."""
    boxes = dynamic_programming.find_local_paths(
        similarity,
        max_unmatched=max_unmatched,
        min_similarity=min_similarity,
        min_mean_similarity=min_mean_similarity,
        min_length=min_length,
        max_run=max_run,
    )
    return _segments(boxes, ends)


def reference_dynamic_time_warping(
    similarity: Map,
    *,
    max_run: int = 3,
    min_mean_similarity: float = 0.2,
    min_length: int = 5,
    ends: str = "half-open",
) -> list[AlignedSegment]:
    """VCSL's DTW; scores are mean similarities along the path. See `dynamic_time_warping.find_warped`."""
    boxes = dynamic_time_warping.find_warped(
        similarity, max_run=max_run, min_mean_similarity=min_mean_similarity, min_length=min_length
    )
    return _segments(boxes, ends)


def reference_hough_voting(
    similarity: Map,
    *,
    min_similarity: float = 0.2,
    max_peaks: int = 100,
    max_iou: float = 0.9,
    ends: str = "half-open",
) -> list[AlignedSegment]:
    """VCSL's HV; scores are what a diagonal weighs over its length. See `hough_voting.find_diagonals`."""
    boxes = hough_voting.find_diagonals(
        similarity, min_similarity=min_similarity, max_peaks=max_peaks, max_iou=max_iou
    )
    return _segments(boxes, ends)


def _segments(boxes: list[ScoredBox], ends: str) -> list[AlignedSegment]:
    """The boxes as segments; with inclusive ends, a segment ends at its last frame, as VCSL's code has it."""
    check_ends(ends)
    segments = [segment_of_box(found.box, found.score) for found in boxes]
    if ends == "half-open":
        return segments
    return [replace(s, query_end=s.query_end - 1, reference_end=s.reference_end - 1) for s in segments]


def check_ends(ends: str) -> None:
    """Raises SettingsError for what is not one of ENDS."""
    if ends not in ENDS:
        raise SettingsError(f"ends must be one of {', '.join(ENDS)}, not {ends!r}")


# All but the first two give the boxes of VCSL's code; `ends` says whether they end after their last frame or at it.
ALIGNERS: dict[str, Callable[..., list[AlignedSegment]]] = {
    "straight-lines": straight_lines.find_segments,
    "temporal-network": find_segments,
    "vcsl-tn": reference_temporal_network,
    "dp": reference_dynamic_programming,
    "dtw": reference_dynamic_time_warping,
    "hough-voting": reference_hough_voting,
}


DEFAULT_ALIGNER = "straight-lines"
# Least scores in a query. VCSL's aligners have limits of their own, and their scores mean something else in each.
# A query aligns those of many videos that look most alike, where a line has to be clearer than in any one map.
MIN_SCORES = {"straight-lines": 0.85, "temporal-network": 0.5}


def parameters_in_frames(name: str, fps: float, min_length_s: float) -> dict[str, float]:
    """The parameters with which aligner `name` works on videos sampled at `fps`: those that are lengths."""
    if name == "straight-lines":
        return {"min_length": min_length_s * fps}
    if name != "temporal-network":
        return {}
    return {
        # Chosen with the built-in descriptor on labelled videos.
        "min_similarity": 0.3,
        "min_excess": 2.0 * fps,
        # A gap of 2 s; the network's steps stay below max_step.
        "max_step": max(2, round(2.0 * fps) + 1),
        # n frames stand for n / fps seconds and are n - 1 apart, and the distance must exceed min_length.
        "min_length": max(0, round(min_length_s * fps) - 2),
    }


def aligner(name: str, **parameters: Any) -> Align:
    """The aligner `name` with its parameters set; those left out have the aligner's own defaults.

    Raises SettingsError for a name or a parameter that there is not.
    """
    if name not in ALIGNERS:
        raise SettingsError(f"aligner must be one of {', '.join(ALIGNERS)}, not {name!r}")
    known = parameters_of(name)
    for key in parameters:
        if key not in known:
            raise SettingsError(f"aligner {name} has no parameter {key!r}; it has {', '.join(known)}")
    return partial(ALIGNERS[name], **parameters)


def matrix_aligner(name: str, **parameters: Any) -> AlignMatrices:
    """The aligner `name` as a function of query matrix, reference matrix and which frame each query row is of.

    Raises SettingsError as `aligner`.
    """
    align = aligner(name, **parameters)
    if name == "straight-lines":
        return partial(straight_lines.align_matrices, **parameters)

    def align_product(query: Map, reference: Map, frame_of: NDArray[np.int64] | None = None) -> list[AlignedSegment]:
        similarity = query @ reference.T
        return align(similarity if frame_of is None else best_of_views(similarity, frame_of))

    return align_product


def parameters_of(name: str) -> list[str]:
    """The names of the parameters that aligner `name` (one of ALIGNERS) takes."""
    parameters = inspect.signature(ALIGNERS[name]).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
