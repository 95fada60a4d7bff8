"""What all operators that embed frames have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reprise.models.catalogue import network
from reprise.models.loading import load
from reprise.models.network import Network
from reprise.models.regions import load_regions
from reprise.views import embed_views

Frames = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]


class FrameOperator:
    """One RGB frame [height, width, 3] uint8 to [dim] float32, or a batch of frames to [frames, dim].

    A batch is a list of frames or an array [frames, height, width, 3]; frames may differ in size. Rows are
    L2-normalised. `model` is one of reprise.models.catalogue, or a variant of one; `weights` a file in place of
    where its weights are looked for, `device` "auto", "cpu" or "cuda", `threads` the number of CPU threads, 0 for
    one a core.

    With `max_regions` above 0 a batch is consecutive frames of a query, of one size, and gives a list with an
    array [views, dim] for each frame: the frame, then what is set into it and, for some networks with nothing set
    into it, the frame widened (see reprise.views); at most 1 + max_regions views.

    Raises a reprise.ModelError if the network cannot be loaded.
    """

    def __init__(
        self,
        model: str | Network,
        *,
        weights: str | None = None,
        device: str = "auto",
        threads: int = 1,
        max_regions: int = 0,
    ) -> None:
        known = model if isinstance(model, Network) else network(model)
        self._embed = load(known, weights=weights, device=device, threads=threads)
        self._max_regions = max_regions
        self._widen = known.sees_widened

    def __call__(self, frames: Frames) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        if self._max_regions:
            pictures = [np.asarray(frame) for frame in frames]
            return embed_views(pictures, self._embed, self._max_regions, widen=self._widen)
        if isinstance(frames, np.ndarray) and frames.ndim == 3:
            # Towhee's own frames are a subclass of arrays.
            return np.asarray(self._embed([np.asarray(frames)])[0])
        return self._embed([np.asarray(frame) for frame in frames])


class RegionOperator:
    """A batch of RGB frames, or one, to [frames, regions, dim] float32, or [regions, dim]; frames as `FrameOperator`.

    `model` is one of reprise.models.catalogue, which need not see regions by itself: see `reprise.models.regions`.
    Raises a reprise.ModelError if the network cannot be loaded.
    """

    def __init__(self, model: str, *, weights: str | None = None, device: str = "auto", threads: int = 1) -> None:
        self._embed = load_regions(network(model), weights=weights, device=device, threads=threads)

    def __call__(self, frames: Frames) -> NDArray[np.float32]:
        if isinstance(frames, np.ndarray) and frames.ndim == 3:
            return np.asarray(self._embed([np.asarray(frames)])[0])
        return self._embed([np.asarray(frame) for frame in frames])
