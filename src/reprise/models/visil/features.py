"""ViSiL's features: nine vectors a frame, from four depths of ResNet50, whitened and weighted.

Kordopatis-Zilos et al., ICCV 2019, section 4.1, as the makers' PyTorch code computes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.decoding.picture import resized
from reprise.errors import ReprisError

SHORTER_SIDE, SIDE = 256, 224  # a frame is scaled to the one, and the middle square of the other is seen
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, by which ResNet50's input is scaled
# Width of the squares that are pooled, of maps 56, 28, 14 and 7 wide; they lie half a width apart: three a side.
POOLED = {"layer1": 28, "layer2": 14, "layer3": 6, "layer4": 3}
BEFORE_LAYERS = ("conv1", "bn1", "relu", "maxpool")
DIMENSION = 3840  # 256 + 512 + 1024 + 2048 channels
EPSILON = 1e-7  # added to the variances before whitening


def middle_square(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What ViSiL sees of a frame: [224, 224, 3] uint8.

    frame: [height, width, 3] uint8 RGB of any size; its shorter side is scaled to 256 if it is of another length.
    Raises ReprisError for arrays that are no such frames.
    """
    if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape or frame.dtype != np.uint8:
        raise ReprisError(f"a frame must be [height, width, 3] uint8 RGB, not {list(frame.shape)} {frame.dtype}")
    height, width = frame.shape[:2]
    if min(height, width) != SHORTER_SIDE:
        scale = SHORTER_SIDE / min(height, width)
        frame = resized(frame, (round(width * scale), round(height * scale)))
        height, width = frame.shape[:2]
    top, left = (height - SIDE) // 2, (width - SIDE) // 2
    return frame[top : top + SIDE, left : left + SIDE]


def whitening(state: dict[str, Any], dimension: int) -> tuple[Any, Any]:
    """(mean [3840], matrix [3840, dimension]) of the published principal components `d`, `V` and `mean`.

    d: [3840] variances, V: [3840, 3840] with one direction a column; the `dimension` of greatest variance are kept.
    """
    order = state["d"].flatten().argsort(descending=True)[:dimension]
    scale = (state["d"].flatten()[order] + EPSILON).rsqrt()
    return state["mean"].flatten(), (state["V"][:, order] * scale).contiguous()


class Features:
    """Squares [n, 224, 224, 3] uint8 to features [n, 9, dim] on the device where the parts are.

    backbone: torchvision's ResNet50 in evaluation mode. mean, matrix: as of `whitening`. context: [dim], ViSiL's
    attention vector. Regions are in reading order. Vectors are L2-normalised, then each weighted by how near it is to
    the context vector: from 0 for the opposite to 1.
    """

    def __init__(self, torch: Any, backbone: Any, mean: Any, matrix: Any, context: Any) -> None:
        self._torch, self._backbone = torch, backbone
        self._mean, self._matrix, self._context = mean, matrix, context
        self._input_mean = torch.tensor(MEAN, device=mean.device).view(1, 3, 1, 1)
        self._input_deviation = torch.tensor(DEVIATION, device=mean.device).view(1, 3, 1, 1)

    @property
    def dimension(self) -> int:
        """Numbers in a region's vector."""
        return int(self._matrix.shape[1])

    def __call__(self, squares: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """The features of at least one square, as float32."""
        torch = self._torch
        with torch.inference_mode():
            pixels = torch.from_numpy(np.stack(squares)).to(self._mean.device)
            # NHWC memory seen as NCHW is channels-last, which convolutions on a CPU are quickest in.
            frames = (pixels.permute(0, 3, 1, 2).float() / 255 - self._input_mean) / self._input_deviation
            regions = self._normalised(self._regions(frames))
            white = self._normalised((regions - self._mean) @ self._matrix)
            weights = (white @ self._context) / 2 + 0.5
            features = white * weights[..., None]
        return np.asarray(features.cpu().numpy(), dtype=np.float32)

    def _regions(self, frames: Any) -> Any:
        functional = self._torch.nn.functional
        depths = []
        for name in BEFORE_LAYERS:
            frames = getattr(self._backbone, name)(frames)
        for name, width in POOLED.items():
            frames = getattr(self._backbone, name)(frames)
            pooled = functional.max_pool2d(frames, width, math.ceil(width / 2))
            depths.append(functional.normalize(pooled, dim=1))
        return self._torch.cat(depths, dim=1).flatten(2).permute(0, 2, 1)

    def _normalised(self, vectors: Any) -> Any:
        return self._torch.nn.functional.normalize(vectors, dim=-1)
