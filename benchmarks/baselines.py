"""Frame descriptors without a network, to hold the built-in one against: two perceptual hashes, and HOG.

Each turns frames, [h, w, 3] uint8 RGB, into rows of length 1 whose inner product is the score of two frames.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from photometric_edits import Rgb

HOG_PICTURE_SIDE = 128  # pixels
MIN_WHITENING_FRAMES = 512
WHITENED_DIMENSION = 256


@dataclass(frozen=True, slots=True)
class DctHash:
    """Signs of a picture's low DCT coefficients around their median.

    Rows are [frames, side^2] float32; their inner product is 1 - 2 x (differing bits) / bits.
    """

    name: str
    picture_side: int  # pixels of the grey picture that is transformed
    side: int  # coefficients along each axis
    first: int  # 1 leaves out the coefficients that are constant along an axis, 0 keeps them

    def __call__(self, frames: Sequence[Rgb]) -> NDArray[np.float32]:
        cosines = _cosines(self.picture_side, self.first, self.side)
        rows = np.empty((len(frames), self.side**2), np.float32)
        for row, frame in zip(rows, frames, strict=True):
            coefficients = cosines @ _grey(frame, self.picture_side) @ cosines.T
            row[:] = np.where(coefficients > np.median(coefficients), 1 / self.side, -1 / self.side).ravel()
        return rows


# 256 bits of 64 x 64 averaged grey pixels: Facebook's PDQ (2019) without its quality measure and turned hashes.
PDQ = DctHash("PDQ-like", picture_side=64, side=16, first=1)
# 64 bits of 32 x 32: the perceptual hash of Zauner (2010) in the form that the ImageHash library gave it.
PHASH = DctHash("DCT hash", picture_side=32, side=8, first=0)


class Hog:
    """Histograms of oriented gradients (Dalal and Triggs 2005) of 8 x 8 cells of the grey picture.

    With at least MIN_WHITENING_FRAMES of other frames to fit on, reduced to WHITENED_DIMENSION and whitened.
    """

    def __init__(self, background: Sequence[Rgb]) -> None:
        self._mean = np.float32(0)
        self._projection: NDArray[np.float32] | None = None
        self.name = "HOG"
        if len(background) >= MIN_WHITENING_FRAMES:
            rows = np.stack([_gradients(frame) for frame in background])
            self._mean = rows.mean(axis=0)
            values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
            kept = values[::-1][:WHITENED_DIMENSION]
            spread = np.sqrt(np.maximum(kept, 0) + 0.03 * kept[0])  # weak directions are mostly noise
            self._projection = (vectors[:, ::-1][:, :WHITENED_DIMENSION] / spread).astype(np.float32)
            self.name = "HOG white"

    def __call__(self, frames: Sequence[Rgb]) -> NDArray[np.float32]:
        rows = np.stack([_gradients(frame) for frame in frames]) - self._mean
        if self._projection is not None:
            rows = rows @ self._projection
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), np.float32)


def _gradients(frame: Rgb) -> NDArray[np.float32]:
    from skimage.feature import hog

    grey = _grey(frame, HOG_PICTURE_SIDE)
    return np.asarray(hog(grey, 9, pixels_per_cell=(16, 16), cells_per_block=(2, 2)), np.float32)


def _grey(frame: Rgb, side: int) -> NDArray[np.float32]:
    """The frame's luma averaged to [side, side], 0 to 255."""
    small = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)


def _cosines(length: int, first: int, count: int) -> NDArray[np.float64]:
    """Rows first to first + count - 1 of the DCT-II matrix of that length."""
    frequency = np.arange(first, first + count)[:, None]
    return np.cos(math.pi * frequency * (np.arange(length) + 0.5) / length)
