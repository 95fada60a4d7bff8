"""ViSiL from its published files: `visil.pth` or `visil_symmetric.pth`, the whitening, and torchvision's ResNet50."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.chamfer import frame_similarity
from reprise.errors import MissingWeightsError, SettingsError, WeightsError, printable
from reprise.models.checkpoints import fit, read_state, required
from reprise.models.network import Network
from reprise.models.visil.features import DIMENSION, Features, middle_square, whitening
from reprise.models.visil.map_network import MapNetwork, new_layers
from reprise.models.weights import find_companions

BATCH_FRAMES = 8  # of ResNet50 at 224 pixels: more costs memory and gains nothing on a CPU
SYMMETRIC_DIMENSION = 512  # of the published network that was trained with symmetric chamfer similarity


class Visil:
    """ViSiL as published; a `reprise.models.regions.VideoComparer`. Safe to call from several threads."""

    def __init__(
        self, torch: Any, features: Features, map_network: MapNetwork, *, regions: int, symmetric: bool, threads: int
    ) -> None:
        self._torch, self._features, self._map_network = torch, features, map_network
        self._regions, self._symmetric, self._threads = regions, symmetric, threads

    @property
    def dimension(self) -> int:
        """Numbers in a region's vector."""
        return self._features.dimension

    @property
    def regions(self) -> int:
        """Vectors of a frame."""
        return self._regions

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """[frames, 9, dimension] float32, vectors of length 0 to 1; [0, 9, dimension] for no frames.

        frames: each [height, width, 3] uint8 RGB of any size. Raises ReprisError for arrays that are no such frames.
        """
        found = np.zeros((len(frames), self.regions, self.dimension), np.float32)
        with _Threads(self._torch, self._threads):
            for start in range(0, len(frames), BATCH_FRAMES):
                batch = slice(start, start + BATCH_FRAMES)
                found[batch] = self._features([middle_square(frame) for frame in frames[batch]])
        return found

    def frame_similarity(self, query: NDArray[np.float32], reference: NDArray[np.float32]) -> NDArray[np.float32]:
        """[Q, R] float32: chamfer similarity of the frames by their regions, one-sided or symmetric as published."""
        return frame_similarity(query, reference, symmetric=self._symmetric)

    def refined(self, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network makes of a map [Q, R] of at least 4 x 4: [Q // 4, R // 4] float32 from -1 to 1."""
        with _Threads(self._torch, self._threads):
            return self._map_network.refined(similarity)

    def score(self, similarity: NDArray[np.float32]) -> float:
        """ViSiL's score of the map of `frame_similarity` (at least one cell): -1 to 1, higher is more alike."""
        with _Threads(self._torch, self._threads):
            return self._map_network.score(similarity)

    @property
    def is_symmetric(self) -> bool:
        """Whether the score is meant to be the same for A against B as for B against A."""
        return self._symmetric


class _Threads:
    """torch with so many CPU threads while it lasts, 0 for as many as it has; the process's other code is spared."""

    def __init__(self, torch: Any, threads: int) -> None:
        self._torch, self._threads = torch, threads

    def __enter__(self) -> None:
        self._before = self._torch.get_num_threads()
        if self._threads:
            self._torch.set_num_threads(self._threads)

    def __exit__(self, *_raised: object) -> None:
        self._torch.set_num_threads(self._before)


def load(network: Network, weights: Path | None, device: str, threads: int) -> Visil:
    """As `reprise.models.loading.Load`, but for regions (`reprise.models.regions`). Raises as that says."""
    if weights is None:
        raise MissingWeightsError(f"model {network.name}: give its weights")
    torch, torchvision = required("torch", network), required("torchvision", network)
    place = _place(torch, device)
    whitening_path, backbone_path = find_companions(network, weights)
    dimension = network.dimension or DIMENSION
    head = torch.nn.ModuleDict(
        {
            "attention": torch.nn.ModuleDict({"context_vector": torch.nn.Linear(dimension, 1, bias=False)}),
            "video_comperator": new_layers(torch),  # spelt as published
        }
    )
    fit(head, read_state(weights, network), weights, network)
    backbone = torchvision.models.resnet50(weights=None)
    fit(backbone, read_state(backbone_path, network), backbone_path, network)
    mean, matrix = _read_whitening(whitening_path, network, dimension)
    context = head["attention"]["context_vector"].weight.detach().flatten()
    backbone = backbone.eval().to(place, memory_format=torch.channels_last)
    features = Features(torch, backbone, mean.to(place), matrix.to(place), context.to(place))
    symmetric = dimension == SYMMETRIC_DIMENSION
    map_network = MapNetwork(torch, head["video_comperator"].eval().to(place), symmetric=symmetric)
    return Visil(torch, features, map_network, regions=network.regions, symmetric=symmetric, threads=threads)


def _read_whitening(path: Path, network: Network, dimension: int) -> tuple[Any, Any]:
    state = read_state(path, network)
    shapes = {name: list(tensor.shape) for name, tensor in state.items()}
    missing = [name for name in ("mean", "d", "V") if name not in state]
    if missing:
        raise WeightsError(
            f"{printable(path)}: not the whitening of {network.name}: missing {', '.join(missing)}; give another file"
        )
    sizes = {name: state[name].numel() for name in ("mean", "d")}
    if set(sizes.values()) != {DIMENSION} or shapes["V"] != [DIMENSION, DIMENSION]:
        raise WeightsError(
            f"{printable(path)}: not the whitening of {network.name}: mean {shapes['mean']}, d {shapes['d']} and "
            f"V {shapes['V']}, not [{DIMENSION}], [{DIMENSION}] and [{DIMENSION}, {DIMENSION}]; give another file"
        )
    return whitening({name: state[name].float() for name in ("mean", "d", "V")}, dimension)


def _place(torch: Any, device: str) -> str:
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError("device cuda: torch finds none here; use cpu")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
