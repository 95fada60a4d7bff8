"""Pictures that show next to nothing: one colour, a dot or a small logo on it, colour bars. They are like all others
of their kind, which says nothing of what was copied.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # [height, width, 3] RGB

FLAT_DEVIATION = 3.0  # of 255, in every channel
# Of a picture divided into so many blocks a side, all but this share are of one colour, noise averaged out. Of 3013
# sampled frames of real videos, a film with white words on black among them, 7 are flat and 3 more are blank so.
_BLOCKS = 32
_BLOCK_TOLERANCE = 6.0  # of 255
_OTHER_SHARE = 0.02
# Bars are read where all kinds of them have their tall ones.
_BAR_ROWS = (0.1, 0.55)
_BAR_DEVIATION = 8.0  # of 255, down a bar
_BAR_COLOURS = ((1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0))
# Share of the width before the first bar, and number of bars: EBU, SMPTE, SMPTE between two grey ones (ARIB).
_BAR_LAYOUTS = ((0.0, 8), (0.0, 7), (0.125, 7))
_BAR_CONTRAST = 60.0  # of 255, between a channel's on and off


def is_blank(picture: Picture) -> bool:
    """Whether a picture shows next to nothing.

    Black, white and the middle of a fade, also with noise; one colour with something small on it, such as a
    channel's logo; the colour bars of EBU and SMPTE.
    """
    return is_flat(picture) or is_nearly_flat(picture) or has_colour_bars(picture)


def is_flat(picture: Picture) -> bool:
    """Whether a picture is of one colour."""
    return float(picture.std(axis=(0, 1)).max()) < FLAT_DEVIATION


def is_nearly_flat(picture: Picture) -> bool:
    """Whether a picture is of one colour but for noise and something that covers at most 2 % of it."""
    height, width = picture.shape[:2]
    if min(height, width) < _BLOCKS:
        return False
    rows, columns = height // _BLOCKS, width // _BLOCKS
    even = picture[: rows * _BLOCKS, : columns * _BLOCKS]
    # Summed in two steps: numpy's mean over two axes at once takes four times as long.
    sums = even.reshape(_BLOCKS, rows, -1).sum(axis=1, dtype=np.uint32)
    means = sums.reshape(_BLOCKS * _BLOCKS, columns, 3).sum(axis=1) / (rows * columns)
    apart = np.abs(means - np.median(means, axis=0)).max(axis=1)
    return float((apart > _BLOCK_TOLERANCE).mean()) <= _OTHER_SHARE


def has_colour_bars(picture: Picture) -> bool:
    """Whether a picture shows colour bars: white, yellow, cyan, green, magenta, red, blue, and black in EBU's."""
    height, width = picture.shape[:2]
    if height < 8 or width < 32:
        return False
    tall = picture[round(_BAR_ROWS[0] * height) : round(_BAR_ROWS[1] * height)]
    return any(_are_bars(tall, margin, count) for margin, count in _BAR_LAYOUTS)


def examples(side: int = 256) -> list[Picture]:
    """Blank pictures of several kinds, each [side, side, 3]: black, white, black with noise, colour bars."""
    rng = np.random.default_rng(0)
    flat = [np.full((side, side, 3), value, np.uint8) for value in (0, 235)]
    noise = [
        np.clip(16 + rng.normal(0, deviation, (side, side, 1)), 0, 255).astype(np.uint8).repeat(3, axis=2)
        for deviation in (4, 10)
    ]
    return [*flat, *noise, *(_drawn_bars(margin, count, side) for margin, count in _BAR_LAYOUTS)]


def _drawn_bars(margin: float, count: int, side: int) -> Picture:
    place = ((np.arange(side) + 0.5) / side - margin) / (1 - 2 * margin) * count
    colours = np.array(_BAR_COLOURS[:count]) * 175 + 16
    row = np.where(((place >= 0) & (place < count))[:, None], colours[np.clip(place, 0, count - 1).astype(int)], 104)
    return np.broadcast_to(row.astype(np.uint8), (side, side, 3)).copy()


def _are_bars(tall: Picture, margin: float, count: int) -> bool:
    width = tall.shape[1]
    middles = (margin + (1 - 2 * margin) * (np.arange(count) + 0.5) / count) * width
    bars = tall[:, middles.astype(np.int64)].astype(np.float32)  # [rows, bars, 3]
    if float(bars.std(axis=0).max()) > _BAR_DEVIATION:
        return False
    colours = np.median(bars, axis=0)
    low, high = colours.min(axis=0), colours.max(axis=0)
    if float((high - low).min()) < _BAR_CONTRAST:
        return False
    return bool(np.array_equal(colours > (low + high) / 2, np.array(_BAR_COLOURS[:count], bool)))
