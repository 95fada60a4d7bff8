"""`ops.image_decode.cv2_rgb`: an image file's picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from towhee import register
from towhee.types import Image

from reprise.decoding import guarded
from reprise.decoding.limits import DecodeLimits
from reprise.decoding.picture import Size
from reprise.decoding.still import read_picture


@register(name="image_decode/cv2_rgb")
class Cv2Rgb:
    """The path of an image to its picture, [height, width, 3] uint8 RGB, as `towhee.types.Image`.

    Called as on Towhee's Hub; decoded by FFmpeg's libraries, which read more formats than OpenCV and turn a
    photograph as its camera says. `size` = (width, height), or the length of the shorter side, scales.
    With `limits` decoding runs in a process of its own, which a file may crash.

    Raises reprise.MissingVideoError, NotAPictureError, DecodeError or LimitError.
    """

    def __init__(self, *, size: Size | None = None, limits: DecodeLimits | None = None) -> None:
        self._size, self._limits = size, limits

    def __call__(self, path: str) -> NDArray[np.uint8]:
        if self._limits is None:
            pixels = read_picture(str(path), self._size)
        else:
            pixels = guarded.read_picture(str(path), self._size, limits=self._limits)
        picture: NDArray[np.uint8] = Image(pixels, "RGB")
        return picture
