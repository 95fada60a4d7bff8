"""The settings of an ingest and of a query: validated when built, built once at the edge, passed down."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from reprise import descriptor
from reprise.errors import SettingsError

ALIGNERS = ("temporal-network",)
MODELS = ("reprise",)


@dataclass(frozen=True, slots=True)
class EmbedSettings:
    """How videos become matrices. A library and its queries must agree on `model` and `fps`."""

    model: str = "reprise"
    fps: float = 1.0  # sampled frames a second
    device: str = "auto"  # auto, cpu or cuda
    threads: int = 0  # decoding threads, 0 for FFmpeg's choice

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise SettingsError(f"model must be one of {', '.join(MODELS)}, not {self.model!r}")
        if not (math.isfinite(self.fps) and 0 < self.fps <= 60):
            raise SettingsError(f"fps must be above 0 and at most 60, not {self.fps:g}")
        descriptor.check_device(self.device)

    @property
    def identity(self) -> str:
        """The model with the version of its weights, as libraries remember it."""
        return descriptor.NAME

    @property
    def dimension(self) -> int:
        """Numbers in an embedding."""
        return descriptor.DIMENSION

    @property
    def picture_size(self) -> tuple[int, int]:
        """(width, height) to which frames are decoded."""
        return descriptor.PICTURE_SIZE

    @property
    def query_picture_size(self) -> tuple[int, int]:
        """(width, height) to which a query's frames are decoded: twice as large, as parts are cut out of them."""
        width, height = descriptor.PICTURE_SIZE
        return 2 * width, 2 * height


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """How candidates are chosen and aligned."""

    top_k: int = 5  # candidate videos that are aligned
    aligner: str = "temporal-network"
    hits_per_frame: int = 64  # nearest library frames that each query frame votes with
    matches_per_frame: int = 5  # best reference frames of a query frame that a path may run through
    min_similarity: float = 0.3  # of a frame pair, for a path to run through it
    min_excess_s: float = 2.0  # how far a segment's similarities exceed min_similarity, summed over its seconds
    min_score: float = 0.5  # mean similarity of a segment
    min_length_s: float = 3.0
    max_gap_s: float = 2.0  # longest stretch of a segment that may be unlike, in either video

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise SettingsError(f"top_k must be at least 1, not {self.top_k}")
        if self.aligner not in ALIGNERS:
            raise SettingsError(f"aligner must be one of {', '.join(ALIGNERS)}, not {self.aligner!r}")
        if not 1 <= self.hits_per_frame <= 16_384:
            raise SettingsError(f"hits_per_frame must be from 1 to 16384, not {self.hits_per_frame}")
        for name in ("min_similarity", "min_score"):
            if not -1 <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} must be from -1 to 1, not {getattr(self, name):g}")
        if self.matches_per_frame < 1:
            raise SettingsError(f"matches_per_frame must be at least 1, not {self.matches_per_frame}")
        for name in ("min_length_s", "max_gap_s", "min_excess_s"):
            if not getattr(self, name) >= 0:
                raise SettingsError(f"{name} must be at least 0, not {getattr(self, name):g}")

    def max_step_frames(self, fps: float) -> int:
        """`max_gap_s` as the Temporal Network counts it: its steps stay below this many frames."""
        return max(2, round(self.max_gap_s * fps) + 1)

    def min_excess_frames(self, fps: float) -> float:
        """`min_excess_s` summed over frames instead of seconds."""
        return self.min_excess_s * fps

    def min_length_frames(self, fps: float) -> int:
        """`min_length_s` as the Temporal Network counts it: the distance of the outermost frames must exceed it.

        n frames stand for n / fps seconds and are n - 1 apart, hence the two less.
        """
        return max(0, round(self.min_length_s * fps) - 2)


def default_workers() -> int:
    """Worker processes for an ingest: one a usable core."""
    return len(os.sched_getaffinity(0))
