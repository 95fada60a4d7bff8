"""The settings of an ingest and of a query: validated when built, built once at the edge, passed down."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from reprise import descriptor
from reprise.alignment.aligners import ALIGNERS, DEFAULT_ALIGNER, MIN_SCORES, parameters_in_frames
from reprise.errors import SettingsError

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
    aligner: str = DEFAULT_ALIGNER
    hits_per_frame: int = 64  # nearest library frames that each query frame votes with
    min_score: float | None = None  # of a segment; None for the aligner's own
    min_length_s: float = 3.0  # of a segment, in either video
    refine: bool = False  # whether ends are located to a fraction of a second, by decoding around them again

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise SettingsError(f"top_k must be at least 1, not {self.top_k}")
        if self.aligner not in ALIGNERS:
            raise SettingsError(f"aligner must be one of {', '.join(ALIGNERS)}, not {self.aligner!r}")
        if not 1 <= self.hits_per_frame <= 16_384:
            raise SettingsError(f"hits_per_frame must be from 1 to 16384, not {self.hits_per_frame}")
        if self.min_score is not None and not 0 <= self.min_score <= 1:
            raise SettingsError(f"min_score must be from 0 to 1, not {self.min_score:g}")
        if not self.min_length_s >= 0:
            raise SettingsError(f"min_length_s must be at least 0, not {self.min_length_s:g}")

    def aligner_parameters(self, fps: float) -> dict[str, float]:
        """What the aligner is told of these settings, with lengths in frames."""
        return parameters_in_frames(self.aligner, fps, self.min_length_s)

    @property
    def least_score(self) -> float:
        """`min_score`, or the aligner's own."""
        return MIN_SCORES.get(self.aligner, 0.0) if self.min_score is None else self.min_score


def default_workers() -> int:
    """Worker processes for an ingest: one a usable core."""
    return len(os.sched_getaffinity(0))
