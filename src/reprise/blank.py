"""Pictures that show next to nothing: one colour, a dot or a small logo on it, colour bars. They are like all others
of their kind, which says nothing of what was copied.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # [height, width, 3] RGB

FLAT_DEVIATION = 3.0  # of 255, in every channel
# Of a picture divided into so many blocks a side, all but this share are of one colour, noise averaged out. Of 4291
# sampled frames of real footage, a film with white words on black among it, 17 are flat and 9 more are blank so.
_BLOCKS = 16
_BLOCK_TOLERANCE = 6.0  # of 255
_OTHER_SHARE = 0.03
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
    """Whether a picture is of one colour but for noise and something that covers at most 3 % of it."""
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


def silence_blank(embeddings: Sequence[NDArray[np.float32]], blank: Sequence[Sequence[bool]]) -> NDArray[np.float32]:
    """The matrix [frames, dim] of batches of embeddings, with 0 for the frames that are blank."""
    matrix = np.concatenate(embeddings)
    is_shown = ~np.concatenate([np.asarray(part, bool) for part in blank])
    return np.asarray(matrix * is_shown[:, None].astype(np.float32))


def are_blank(pictures: Sequence[Picture]) -> list[bool]:
    """`is_blank` of each."""
    return [is_blank(np.asarray(picture)) for picture in pictures]


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
