"""Small videos made at test time; each picture carries a number that a test can read back.

A numbered picture is a grid of 4 x 3 cells, black or white: the bits of the number, lowest first, row by
row. Twelve large cells survive compression, scaling and odd sizes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # [height, width, 3] RGB

COLUMNS, ROWS = 4, 3
NUMBERS = 1 << (COLUMNS * ROWS)
BLACK, WHITE = 16, 235
CLOCK = Fraction(1, 90_000)  # fine enough for every frame rate used here


def numbered_picture(number: int, size: tuple[int, int] = (64, 48)) -> Picture:
    """The picture [height, width, 3] that carries `number`, 0 to 4095; `size` is (width, height)."""
    width, height = size
    bits = np.array([number >> bit & 1 for bit in range(COLUMNS * ROWS)]).reshape(ROWS, COLUMNS)
    rows, columns = np.arange(height) * ROWS // height, np.arange(width) * COLUMNS // width
    grey = np.where(bits[rows][:, columns], WHITE, BLACK).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def number_in(picture: Picture) -> int:
    """The number that a picture of any size carries."""
    height, width = picture.shape[:2]
    bits = [
        picture[_middle(row, ROWS, height), _middle(column, COLUMNS, width)].mean() > (BLACK + WHITE) / 2
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]
    return sum(1 << bit for bit, is_set in enumerate(bits) if is_set)


def _middle(cell: int, cells: int, length: int) -> slice:
    start, end = cell * length / cells, (cell + 1) * length / cells
    quarter = (end - start) / 4
    return slice(int(start + quarter), max(int(start + quarter) + 1, int(end - quarter)))


def write_clip(
    path: str | Path,
    *,
    seconds: float = 3.0,
    fps: float | Fraction = 25,
    times_s: Sequence[float | Fraction] | None = None,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    muxer: str | None = None,
    muxer_options: dict[str, str] | None = None,
    picture: Callable[[int, tuple[int, int]], Picture] = numbered_picture,
    prepare: Callable[[Any], None] | None = None,
) -> Path:
    """A video whose picture k is `picture(k, size)`, numbered pictures unless told otherwise.

    Its pictures lie at k/fps for `seconds`, or at `times_s` where given (then `fps` is only announced).
    `picture` may also give [height, width, 4]: with transparency. `options` go to the encoder,
    `muxer_options` to the container; `prepare` gets the PyAV stream before the first picture.
    """
    rate = Fraction(fps).limit_denominator(1001)
    if times_s is None:
        times_s = [k / rate for k in range(round(seconds * rate))]
    with av.open(str(path), "w", format=muxer, options=muxer_options or {}) as container:
        stream: Any = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = CLOCK if codec in {"libx264", "libx265", "libvpx-vp9"} else 1 / rate
        if prepare is not None:
            prepare(stream)
        for number, time_s in enumerate(times_s):
            pixels = picture(number, size)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24" if pixels.shape[2] == 3 else "rgba")
            frame.time_base = stream.codec_context.time_base
            frame.pts = round(Fraction(time_s) / frame.time_base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return Path(path)


def ffmpeg(*arguments: str | Path) -> bytes:
    """Runs the ffmpeg binary; its standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60).stdout


def ffmpeg_pictures(path: str | Path, size: tuple[int, int], *options: str) -> NDArray[np.uint8]:
    """What ffmpeg makes of the video: [frames, height, width, 3] RGB; `options` stand before the output."""
    raw = ffmpeg("-i", path, *options, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3)
