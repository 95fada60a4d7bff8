"""A decoded frame as the RGB picture that a viewer would see."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.video.frame import VideoFrame as DecodedFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

# Averaging over all covered pixels: the only one of swscale's filters that does not alias when a 1080p picture
# becomes a 128-pixel one, and what the descriptor was trained with.
SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND


class PictureMaker:
    """Turns decoded frames into RGB arrays; keeps swscale's tables between frames of one video.

    `size` is (width, height) of the result, None for the picture's own display size. Not safe to share
    between threads.
    """

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        self._size = size
        self._scaler = VideoReformatter()

    def __call__(self, frame: DecodedFrame, pixel_aspect: Fraction | None) -> NDArray[np.uint8]:
        """The picture as seen: [height, width, 3] uint8 RGB.

        Turned as the rotation metadata says, non-square pixels made square, transparency laid over black,
        combing of interlaced frames removed, more than 8 bits rounded to 8.
        """
        turned = frame.rotation % 180 != 0
        width, height = self._target(frame, pixel_aspect, turned)
        picture = self._scaled(frame, width, height)
        if frame.rotation:
            # FFmpeg gives the angle counter-clockwise, as numpy's rot90 takes it.
            picture = np.rot90(picture, round(frame.rotation / 90) % 4)
        return np.ascontiguousarray(picture)

    def _target(self, frame: DecodedFrame, pixel_aspect: Fraction | None, turned: bool) -> tuple[int, int]:
        # Width and height before the turn.
        if self._size is not None:
            return (self._size[1], self._size[0]) if turned else self._size
        if pixel_aspect is None or pixel_aspect <= 0 or pixel_aspect == 1:
            return frame.width, frame.height
        return max(1, round(frame.width * pixel_aspect)), frame.height

    def _scaled(self, frame: DecodedFrame, width: int, height: int) -> NDArray[np.uint8]:
        if frame.interlaced_frame and frame.height >= 4:
            # The two fields show different moments; one of them alone has no combing. Half the lines are
            # plenty for a descriptor, and unlike yadif this needs no neighbouring frames.
            full = self._rgb(frame, frame.width, frame.height)
            frame = DecodedFrame.from_ndarray(np.ascontiguousarray(full[::2]), format="rgb24")
        return self._rgb(frame, width, height)

    def _rgb(self, frame: DecodedFrame, width: int, height: int) -> NDArray[np.uint8]:
        if not _has_alpha(frame):
            scaled = self._reformat(frame, width, height, "rgb24")
            return scaled.to_ndarray()  # type: ignore[return-value]
        layered = self._reformat(frame, width, height, "rgba").to_ndarray()
        colour, alpha = layered[..., :3].astype(np.uint16), layered[..., 3:].astype(np.uint16)
        return ((colour * alpha + 127) // 255).astype(np.uint8)

    def _reformat(self, frame: DecodedFrame, width: int, height: int, pixels: str) -> DecodedFrame:
        return self._scaler.reformat(
            frame, width=width, height=height, format=pixels, interpolation=SCALING, threads=1
        )


def resized(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The RGB picture [h, w, 3] scaled to `size` = (width, height), by the same filter as decoded frames."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    scaled = frame.reformat(width=size[0], height=size[1], format="rgb24", interpolation=SCALING, threads=1)
    return scaled.to_ndarray()  # type: ignore[return-value]


def _has_alpha(frame: DecodedFrame) -> bool:
    # Palettes (GIF, PNG) may hold transparent entries without saying so in the format's components.
    return frame.format.name == "pal8" or any(c.is_alpha for c in frame.format.components)
