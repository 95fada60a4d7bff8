"""ViSiL's network on the similarity map of two videos' frames, and the score of the two that it gives.

Kordopatis-Zilos et al., ICCV 2019, section 3.3, as the makers' PyTorch code computes it: three convolutions of 3 x 3,
padded by repeating the map's rim, with ReLU, after the first two a maximum over 2 x 2; a convolution of 1 x 1; cut to
-1 to 1 (hard tanh); chamfer similarity.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.chamfer import video_similarity

Floats = NDArray[np.float32]

CONVOLUTIONS = {"conv1": (1, 32), "conv2": (32, 64), "conv3": (64, 128)}  # channels in and out, all 3 x 3
LAST = ("fconv", 128)
SHRINK = 4  # two poolings of 2
MIN_FRAMES = 4  # a shorter video is repeated: nothing would be left of it
REFERENCE_FRAMES = 2048  # a longer reference is scored in parts of so many, and the scores are averaged
# Rows on either side that a row of the result sees at most, a multiple of SHRINK: its cell k sees 4k - 7 to 4k + 10.
MARGIN = 8
# Cells of the map that go through the network at a time: with 32 channels of float32 and their copies about 0.5 GB.
CELLS_AT_A_TIME = 1 << 20


def new_layers(torch: Any) -> Any:
    """The layers by their published names, with no weights of any training in them yet."""
    layers = {name: torch.nn.Conv2d(*channels, 3) for name, channels in CONVOLUTIONS.items()}
    return torch.nn.ModuleDict({**layers, LAST[0]: torch.nn.Conv2d(LAST[1], 1, 1)})


class MapNetwork:
    """Similarity maps to ViSiL's own, and to the score of the two videos.

    layers: of `new_layers`, with weights, on the device where they are to run. symmetric: whether scores are the mean
    of both directions.
    """

    def __init__(self, torch: Any, layers: Any, *, symmetric: bool = False) -> None:
        self._torch, self._layers, self._symmetric = torch, layers, symmetric

    def refined(self, similarity: Floats, *, cells_at_a_time: int = CELLS_AT_A_TIME) -> Floats:
        """The network's map: [Q // 4, R // 4] float32 from -1 to 1, for a map [Q, R] of at least 4 x 4.

        Long maps are worked on in strips of rows with margins, to the same result.
        """
        height = max(SHRINK, cells_at_a_time // similarity.shape[1] // SHRINK * SHRINK)
        strips = []
        for top in range(0, len(similarity) // SHRINK * SHRINK, height):
            start = max(0, top - MARGIN)
            strip = self._through(similarity[start : top + height + MARGIN + SHRINK])
            first = (top - start) // SHRINK
            strips.append(strip[first : first + height // SHRINK])
        return np.concatenate(strips)

    def score(self, similarity: Floats) -> float:
        """How alike the two videos of a frame-to-frame map [Q, R] (at least one cell) are: from -1 to 1.

        As published: a video of fewer than 4 frames is doubled until it has them, a reference of more than 2048 is
        scored in parts of that many, of which a last one with fewer than 4 frames is left out.
        """
        whole = doubled(doubled(similarity, 0), 1)
        parts = [whole[:, start : start + REFERENCE_FRAMES] for start in range(0, whole.shape[1], REFERENCE_FRAMES)]
        scores = [
            video_similarity(self.refined(part), symmetric=self._symmetric)
            for part in parts
            if part.shape[1] >= MIN_FRAMES
        ]
        return float(np.mean(scores))

    def _through(self, strip: Floats) -> Floats:
        functional, layers = self._torch.nn.functional, self._layers
        with self._torch.inference_mode():
            device = layers[LAST[0]].weight.device
            cells = self._torch.from_numpy(np.ascontiguousarray(strip)).to(device)[None, None]
            for name in CONVOLUTIONS:
                cells = functional.relu(layers[name](functional.pad(cells, (1, 1, 1, 1), mode="replicate")))
                if name != "conv3":
                    cells = functional.max_pool2d(cells, 2)
            cells = functional.hardtanh(layers[LAST[0]](cells))
        return np.asarray(cells[0, 0].cpu().numpy(), dtype=np.float32)


def doubled(similarity: Floats, axis: int) -> Floats:
    """The map with the frames of one side repeated, twice as many each time, until there are at least 4."""
    while similarity.shape[axis] < MIN_FRAMES:
        similarity = np.concatenate([similarity, similarity], axis=axis)
    return similarity
