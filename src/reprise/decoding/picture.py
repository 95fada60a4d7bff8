"""A decoded frame as the RGB picture that a viewer would see."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from av.video.frame import VideoFrame as DecodedFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

# Averaging over all covered pixels: the only one of swscale's filters that does not alias when a 1080p picture
# becomes a 128-pixel one, and what the descriptor was trained with.
SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND
Size = tuple[int, int] | int  # (width, height), or the shorter side with the proportions kept
# Pixels more than this much wider or higher than they should be are damage, not anamorphic film.
MAX_PIXEL_ASPECT = 10
MAX_PROPORTION = 10  # of the longer side to the shorter one, where a picture is scaled with its proportions kept


class PictureMaker:
    """Turns decoded frames into RGB arrays; keeps swscale's tables between frames of one video.

    `size` is (width, height) of the result, or the length of its shorter side, None for the picture's own display
    size. Not safe to share between threads.
    """

    def __init__(self, size: Size | None = None) -> None:
        self._size = size
        self._scaler = VideoReformatter()
        self._rotation: int | None = None
        self._matrix = np.eye(2, dtype=np.int32)

    def __call__(self, frame: DecodedFrame, pixel_aspect: Fraction | None) -> NDArray[np.uint8]:
        """The picture as seen: [height, width, 3] uint8 RGB.

        Turned and mirrored as the display matrix says, non-square pixels made square, transparency laid over
        black, combing of interlaced frames removed, more than 8 bits rounded to 8.
        """
        matrix = self._display_matrix(frame)
        is_turned = abs(matrix[0, 1]) > abs(matrix[0, 0])
        width, height = self._target(frame, pixel_aspect, is_turned)
        if frame.interlaced_frame and frame.height >= 4:
            frame = _one_field(frame)
        if _has_alpha(frame):
            frame = self._over_black(frame)
        picture = self._scaled(frame, width, height, "rgb24").to_ndarray()
        return _displayed(picture, matrix, is_turned)  # type: ignore[arg-type]

    def _display_matrix(self, frame: DecodedFrame) -> NDArray[np.int32]:
        # Read anew only when it turns: PyAV ties a frame to its side data in a circle, and frames that wait for the
        # garbage collector fill the memory.
        if frame.rotation != self._rotation:
            self._rotation, self._matrix = frame.rotation, _display_matrix(frame)
        return self._matrix

    def _target(self, frame: DecodedFrame, pixel_aspect: Fraction | None, is_turned: bool) -> tuple[int, int]:
        # Width and height before the turn.
        if isinstance(self._size, tuple):
            return (self._size[1], self._size[0]) if is_turned else self._size
        width, height = Fraction(frame.width), Fraction(frame.height)
        if pixel_aspect is not None and 1 / MAX_PIXEL_ASPECT <= pixel_aspect <= MAX_PIXEL_ASPECT:
            width *= pixel_aspect
        if self._size is not None:
            scale = self._size / min(width, height)
            # The longer side stays within reason: a picture of one line would otherwise fill the memory.
            longest = Fraction(self._size * MAX_PROPORTION)
            width, height = min(width * scale, longest), min(height * scale, longest)
        return max(1, round(width)), max(1, round(height))

    def _over_black(self, frame: DecodedFrame) -> DecodedFrame:
        # Before scaling: afterwards the colours hidden under transparent pixels would have run into the others.
        layered = self._scaled(frame, frame.width, frame.height, "rgba").to_ndarray()
        colour, alpha = layered[..., :3].astype(np.uint16), layered[..., 3:].astype(np.uint16)
        return _as_frame(((colour * alpha + 127) // 255).astype(np.uint8))

    def _scaled(self, frame: DecodedFrame, width: int, height: int, pixels: str) -> DecodedFrame:
        return self._scaler.reformat(
            frame, width=width, height=height, format=pixels, interpolation=SCALING, threads=1
        )


def resized(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The RGB picture [h, w, 3] scaled to `size` = (width, height), by the same filter as decoded frames."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    scaled = _as_frame(picture).reformat(
        width=size[0], height=size[1], format="rgb24", interpolation=SCALING, threads=1
    )
    return scaled.to_ndarray()  # type: ignore[return-value]


def _as_frame(picture: NDArray[np.uint8]) -> DecodedFrame:
    return DecodedFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")


def _has_alpha(frame: DecodedFrame) -> bool:
    # Palettes (GIF, PNG) may hold transparent entries without saying so in the format's components.
    return frame.format.name == "pal8" or any(c.is_alpha for c in frame.format.components)


def _one_field(frame: DecodedFrame) -> DecodedFrame:
    """Every other line of the frame.

    The two fields of an interlaced frame show different moments; one alone has no combing. Half the lines are
    plenty for a descriptor, and unlike yadif this needs no neighbouring frames.
    """
    field = DecodedFrame(frame.width, (frame.height + 1) // 2, frame.format.name)
    for lines, kept in zip(frame.planes, field.planes, strict=True):
        source = np.frombuffer(memoryview(lines), np.uint8).reshape(lines.height, lines.line_size)
        target = np.frombuffer(memoryview(kept), np.uint8).reshape(kept.height, kept.line_size)
        used = min(lines.line_size, kept.line_size)
        target[:, :used] = source[::2, :used]
    field.colorspace, field.color_range = frame.colorspace, frame.color_range
    return field


def _display_matrix(frame: DecodedFrame) -> NDArray[np.int32]:
    """[2, 2]: where the display matrix sends x (row 0) and y (row 1); FFmpeg's libavutil/display.h."""
    try:
        side_data: Any = frame.side_data  # whose stub in PyAV knows only motion vectors
    except ValueError:
        # PyAV 18 stops at kinds that it has no name for, as photographs' EXIF; the turn it tells all the same.
        # (A mirrored photograph, which no camera writes, is seen mirrored.)
        return _turn(frame.rotation)
    if "DISPLAYMATRIX" not in side_data:
        return np.eye(2, dtype=np.int32)
    return np.frombuffer(side_data["DISPLAYMATRIX"], np.int32).reshape(3, 3)[:2, :2]


def _turn(degrees: int) -> NDArray[np.int32]:
    """[2, 2]: the display matrix of a counterclockwise turn, without its scale."""
    angle = np.deg2rad(-degrees)
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(np.rint(turned), dtype=np.int32)


def _displayed(picture: NDArray[np.uint8], matrix: NDArray[np.int32], is_turned: bool) -> NDArray[np.uint8]:
    # Quarter turns and mirroring only: no camera writes others, and a descriptor bears a slight tilt.
    if is_turned:
        picture = picture.transpose(1, 0, 2)
        to_x, to_y = matrix[1, 0], matrix[0, 1]
    else:
        to_x, to_y = matrix[0, 0], matrix[1, 1]
    return np.ascontiguousarray(picture[:: -1 if to_y < 0 else 1, :: -1 if to_x < 0 else 1])
