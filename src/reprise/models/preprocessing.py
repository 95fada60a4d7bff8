"""Frames to what networks of torch take: resized as torchvision does it, cropped, normalised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.errors import ReprisError
from reprise.models.checkpoints import required
from reprise.models.network import Network

Triple = tuple[float, float, float]

IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)

# RGB frames, each [height, width, 3] uint8 of any size, at least one, to [frames, 3, height, width] float32.
Prepare = Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Torchvision's Resize, CenterCrop, ToTensor and Normalize of PIL pictures, in this order.

    network: whose pictures they are; its `picture` is what frames are resized to, bilinearly and, where they get
    smaller, with antialiasing. crop: side of the square that is then cut out of the middle, None for no cropping.
    mean, std: of the channels red, green, blue, in the range 0 to 1.
    """

    network: Network
    mean: Triple
    std: Triple
    crop: int | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of what it gives."""
        if self.crop is not None:
            return self.crop, self.crop
        size = self.network.picture
        return (size, size) if isinstance(size, int) else (size[1], size[0])

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        pictures = np.stack([self._resized(checked(frame)) for frame in frames])
        mean, std = (np.array(numbers, np.float32) for numbers in (self.mean, self.std))
        scaled = (pictures.astype(np.float32) / np.float32(255) - mean) / std
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    def _resized(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = frame.shape[:2]
        wanted = self.network.picture
        if isinstance(wanted, int):
            # Torchvision cuts the longer side to whole pixels, and does not round it.
            wanted = (
                (wanted, int(wanted * height / width)) if width <= height else (int(wanted * width / height), wanted)
            )
        if (width, height) != wanted:
            image = required("PIL.Image", self.network)
            frame = np.asarray(image.fromarray(frame).resize(wanted, image.Resampling.BILINEAR))
        if self.crop is None:
            return frame
        top, left = (round((side - self.crop) / 2.0) for side in frame.shape[:2])
        return frame[top : top + self.crop, left : left + self.crop]


def checked(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame, contiguous. Raises ReprisError for an array that is none."""
    if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape or frame.dtype != np.uint8:
        raise ReprisError(f"a frame must be [height, width, 3] uint8 RGB, not {list(frame.shape)} {frame.dtype}")
    return np.ascontiguousarray(frame)
