"""Networks that see a frame in regions, each with a vector of its own; and any other network made to do so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reprise.errors import ReprisError
from reprise.models.loading import FrameEmbedder, load, load_any
from reprise.models.network import Network

GRID = 3  # regions a side
REGION_SHARE = 0.5  # of the frame's height and width: neighbours overlap by half, as ViSiL's do


class RegionEmbedder(Protocol):
    """A loaded network; safe to call from several threads."""

    @property
    def dimension(self) -> int:
        """Numbers in a region's vector."""
        ...

    @property
    def regions(self) -> int:
        """Vectors of a frame."""
        ...

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Vectors of RGB frames, each [height, width, 3] uint8 of any size.

        Returns [frames, regions, dimension] float32, of length 1, or less where the network weights regions;
        [0, regions, dimension] for no frames. Raises ReprisError for arrays that are no such frames.
        """
        ...


class GridEmbedder:
    """Any network's vectors of 3 x 3 overlapping parts of each frame, in reading order.

    The parts are cut out and each is embedded as if it were a frame: a network that is shipped as a graph with one
    output shows nothing of its feature maps. It costs nine times what embedding the frames costs.
    """

    def __init__(self, embed: FrameEmbedder) -> None:
        self._embed = embed

    @property
    def dimension(self) -> int:
        """Numbers in a region's vector."""
        return self._embed.dimension

    @property
    def regions(self) -> int:
        """Vectors of a frame."""
        return GRID * GRID

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """[frames, 9, dimension] float32, vectors L2-normalised. Raises ReprisError for arrays that are no frames."""
        vectors = self._embed([part for frame in frames for part in parts(frame)])
        return vectors.reshape(len(frames), self.regions, self.dimension)


def parts(frame: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The nine parts of a frame [height, width, 3], each half as high and as wide, in reading order."""
    if frame.ndim != 3 or 0 in frame.shape:
        raise ReprisError(f"a frame must be [height, width, 3] uint8 RGB, not {list(frame.shape)} {frame.dtype}")
    (tops, height), (lefts, width) = (_starts(side) for side in frame.shape[:2])
    return [frame[top : top + height, left : left + width] for top in tops for left in lefts]


def _starts(side: int) -> tuple[list[int], int]:
    length = max(1, round(side * REGION_SHARE))
    return [round(place) for place in np.linspace(0, side - length, GRID).tolist()], length


def load_regions(
    network: Network, *, weights: str | None = None, device: str = "auto", threads: int = 1
) -> RegionEmbedder:
    """The network, loaded to see frames in regions: in its own where it has them, else in `GridEmbedder`'s.

    Raises MissingWeightsError, WeightsError, MissingExtraError or SettingsError.
    """
    if network.regions > 1:
        embedder: RegionEmbedder = load_any(network, weights=weights, device=device, threads=threads)
        return embedder
    return GridEmbedder(load(network, weights=weights, device=device, threads=threads))
