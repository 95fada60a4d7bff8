"""The aligners by name: each a function from a similarity map [query frames, reference frames] to segments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from reprise.alignment import temporal_network
from reprise.alignment.aligned import Align, AlignedSegment, Map, segment_of_box
from reprise.alignment.credible_paths import find_segments
from reprise.errors import SettingsError

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
    return [segment_of_box(path.box, path.score) for path in paths]


# Those that begin with "vcsl-" give what VCSL's code gives, with ends made half-open; their parameters are its own.
ALIGNERS: dict[str, Callable[..., list[AlignedSegment]]] = {
    "temporal-network": find_segments,
    "vcsl-tn": reference_temporal_network,
}


DEFAULT_ALIGNER = "temporal-network"


def parameters_in_frames(name: str, fps: float, min_length_s: float) -> dict[str, float]:
    """The parameters with which aligner `name` works on videos sampled at `fps`: those that are lengths."""
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
    align = ALIGNERS[name]
    known = [key for key, value in inspect.signature(align).parameters.items() if value.kind is value.KEYWORD_ONLY]
    for key in parameters:
        if key not in known:
            raise SettingsError(f"aligner {name} has no parameter {key!r}; it has {', '.join(known)}")
    return partial(align, **parameters)
