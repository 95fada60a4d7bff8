"""The settings of an ingest, a query and a search: validated when built, built once at the edge, passed down."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from reprise import backend, descriptor
from reprise.alignment.aligners import ALIGNERS, DEFAULT_ALIGNER, MIN_SCORES, parameters_in_frames
from reprise.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from reprise.errors import SettingsError
from reprise.filters import ALL_VIDEOS, VideoFilter
from reprise.models import weights
from reprise.models.catalogue import BUILT_IN, network
from reprise.models.loading import FrameEmbedder, load
from reprise.models.network import Network
from reprise.models.regions import RegionEmbedder, load_regions

VECTORS_OF = ("frames", "regions", "video")
AUDIO = ("no", "too", "only")


@dataclass(frozen=True, slots=True)
class EmbedSettings:
    """How videos become matrices. A library and its queries must agree on `model` and `fps`."""

    model: str = BUILT_IN.name  # of reprise.models.catalogue
    fps: float = 1.0  # sampled frames a second
    device: str = "auto"  # auto, cpu or cuda
    threads: int = 0  # decoding threads, 0 for FFmpeg's choice
    weights: str | None = None  # file of the model's weights, in place of where they are looked for
    # What has a vector of its own: each frame (all that libraries and queries know), each of nine regions of a frame
    # (see reprise.models.regions), or the video alone (see reprise.keyframes).
    vectors_of: str = "frames"
    limits: DecodeLimits = DEFAULT_LIMITS  # what decoding a video may take
    # Whether an ingest makes a fingerprint of the sound too, or that alone, for a video whose pictures are there.
    audio: str = "no"
    # Whether an ingest of several videos embeds their frames together, by one network; None: where it is on a GPU.
    together: bool | None = None

    def __post_init__(self) -> None:
        known = network(self.model)
        if self.weights is not None and not known.weights:
            raise SettingsError(f"the weights of model {self.model} are part of Reprise; leave --weights out")
        if not (math.isfinite(self.fps) and 0 < self.fps <= 60):
            raise SettingsError(f"fps must be above 0 and at most 60, not {self.fps:g}")
        if self.vectors_of not in VECTORS_OF:
            raise SettingsError(f"vectors_of must be one of {', '.join(VECTORS_OF)}, not {self.vectors_of!r}")
        if self.audio not in AUDIO:
            raise SettingsError(f"audio must be one of {', '.join(AUDIO)}, not {self.audio!r}")
        if self.vectors_of == "video" and known.regions > 1:
            raise SettingsError(
                f"model {self.model} has no one vector a frame to pool over a video; choose another for --quick"
            )
        backend.chosen()
        descriptor.check_device(self.device, here=known.name == BUILT_IN.name)

    @property
    def network(self) -> Network:
        """What is known of the model."""
        return network(self.model)

    @property
    def identity(self) -> str:
        """The model with the version of its weights, as libraries remember it. Raises MissingWeightsError."""
        return weights.identity(self.network, self.weights)

    @property
    def dimension(self) -> int:
        """Numbers in an embedding. Raises a ModelError where only the loaded network knows."""
        known = self.network.dimension
        return self.embedder().dimension if known is None else known

    @property
    def picture_size(self) -> tuple[int, int] | int:
        """What frames are decoded to: (width, height), or the shorter side with the proportions kept."""
        return self.network.picture

    @property
    def in_regions(self) -> bool:
        """Whether frames are embedded in regions: where it is asked for, and by a network that knows no other way."""
        return self.vectors_of == "regions" or self.network.regions > 1

    @property
    def region_picture_size(self) -> tuple[int, int] | int:
        """As `picture_size`, for frames that are embedded in regions: as large as parts cut out of them need."""
        return self.picture_size if self.network.regions > 1 else self.query_picture_size

    @property
    def query_picture_size(self) -> tuple[int, int] | int:
        """As `picture_size`, for a query's frames: twice as large, as parts are cut out of them."""
        size = self.picture_size
        return 2 * size if isinstance(size, int) else (2 * size[0], 2 * size[1])

    def embedder(self) -> FrameEmbedder:
        """The network, loaded. Raises a ModelError or SettingsError."""
        return load(self.network, weights=self.weights, device=self.device)

    def region_embedder(self) -> RegionEmbedder:
        """The network, loaded to see frames in regions. Raises a ModelError or SettingsError."""
        return load_regions(self.network, weights=self.weights, device=self.device)


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """How candidates are chosen and aligned."""

    top_k: int = 5  # candidate videos that are aligned
    aligner: str = DEFAULT_ALIGNER
    hits_per_frame: int = 16  # nearest library frames that each view of a query frame votes with
    min_score: float | None = None  # of a segment; None for the aligner's own
    min_length_s: float = 3.0  # of a segment, in either video
    refine: bool = False  # whether ends are located to a fraction of a second, by decoding around them again
    show_rejected: bool = False  # whether what was marked as no copy is told all the same
    skip_start_s: float = (
        0.0  # of the query, that is not looked at; times count from the file's beginning all the same
    )
    skip_end_s: float = 0.0  # likewise at its end
    audio: bool = True  # whether the sound is compared too, where the library has fingerprints of it

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise SettingsError(f"top_k must be at least 1, not {self.top_k}")
        if self.aligner not in ALIGNERS:
            raise SettingsError(f"aligner must be one of {', '.join(ALIGNERS)}, not {self.aligner!r}")
        if not 1 <= self.hits_per_frame <= 16_384:
            raise SettingsError(f"hits_per_frame must be from 1 to 16384, not {self.hits_per_frame}")
        if self.min_score is not None and not 0 <= self.min_score <= 1:
            raise SettingsError(f"min_score must be from 0 to 1, not {self.min_score:g}")
        for name, skipped_s in (("skip_start_s", self.skip_start_s), ("skip_end_s", self.skip_end_s)):
            if not (math.isfinite(skipped_s) and skipped_s >= 0):
                raise SettingsError(f"{name} must be at least 0, not {skipped_s:g}")
        if not self.min_length_s >= 0:
            raise SettingsError(f"min_length_s must be at least 0, not {self.min_length_s:g}")

    def aligner_parameters(self, fps: float) -> dict[str, float]:
        """What the aligner is told of these settings, with lengths in frames."""
        return parameters_in_frames(self.aligner, fps, self.min_length_s)

    @property
    def skips(self) -> bool:
        """Whether a part of the query is not looked at."""
        return self.skip_start_s > 0 or self.skip_end_s > 0

    @property
    def least_score(self) -> float:
        """`min_score`, or the aligner's own."""
        return MIN_SCORES.get(self.aligner, 0.0) if self.min_score is None else self.min_score


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How a text or a picture is searched for in the library's frames."""

    limit: int = 10  # clips that are told
    kernel: int = 11  # frames that the embeddings are averaged over; 1 for each by itself
    where: VideoFilter = ALL_VIDEOS
    nearest: int = 64  # frames that are searched for and form the clips

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise SettingsError(f"limit must be at least 1, not {self.limit}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise SettingsError(f"kernel must be an odd number of frames, 1 for no smoothing, not {self.kernel}")
        if not 1 <= self.nearest <= 16_384:
            raise SettingsError(f"nearest must be from 1 to 16384, not {self.nearest}")


def default_workers() -> int:
    """Worker processes for an ingest: one a usable core."""
    return len(os.sched_getaffinity(0))
