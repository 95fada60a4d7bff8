"""What the operators under Towhee's names have in common: its ways to name a device, prepared pictures, lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import SettingsError
from reprise.models.embedder import NetworkEmbedder, normalised
from reprise.models.network import Network
from reprise.models.operator import FrameOperator


class HubOperator(FrameOperator):
    """As `FrameOperator`, of a network of torch, with what Towhee's operators take.

    device: None or "auto" for a GPU where there is one, "cpu" or -1, "cuda", "cuda:1" or a GPU's number.
    skip_preprocess: pictures come prepared as the network wants them, [3, height, width] float32 (a batch: a list or
    [n, 3, height, width]). normalize: whether vectors are L2-normalised; without it they are what the network gives.

    Raises a reprise.ModelError if the network cannot be loaded; SettingsError for a device that is not there.
    """

    def __init__(
        self,
        model: str | Network,
        *,
        weights: str | None = None,
        device: str | int | None = None,
        threads: int = 1,
        max_regions: int = 0,
        skip_preprocess: bool = False,
        normalize: bool = True,
    ) -> None:
        if max_regions and (skip_preprocess or not normalize):
            raise SettingsError("max_regions needs whole frames and normalised vectors")
        super().__init__(model, weights=weights, device=device_name(device), threads=threads, max_regions=max_regions)
        self._skip_preprocess = skip_preprocess
        self._normalize = normalize

    def __call__(self, frames: Any) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        network = self._embed
        if not isinstance(network, NetworkEmbedder) or (self._normalize and not self._skip_preprocess):
            return super().__call__(frames)
        single = not isinstance(frames, Sequence) and np.ndim(frames) == 3
        batch = [np.asarray(frame) for frame in ([frames] if single else frames)]
        if self._skip_preprocess:
            vectors = network.prepared_features(np.stack(batch)) if batch else network.features([])
        else:
            vectors = network.features(batch)
        vectors = normalised(vectors) if self._normalize else vectors
        return vectors[0] if single else vectors


def device_name(device: str | int | None) -> str:
    """Towhee's ways to name a device, as `reprise.models.backends.torch_device` takes them."""
    if device is None:
        return "auto"
    if isinstance(device, int):
        return "cpu" if device < 0 else f"cuda:{device}"
    return device
