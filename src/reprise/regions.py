"""Rectangles of query frames in which a copied picture may lie: insets, framed pictures, parts of a split screen.

A picture laid over or beside another one ends in straight level and upright lines, along which the frame changes
abruptly, over their whole length and, in a video, at the same place from second to second. Such lines are looked
for first; a rectangle is then judged by the lines along its sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]

BATCH_FRAMES = 32  # bounds the memory: about 100 MB for frames of 256 x 256 pixels
MAX_SIDE = 384  # pixels; longer sides are averaged down, thin lines are seen as well at this size
SMALLEST_FRAME = 48  # pixels; in smaller ones the surroundings of a line are no surroundings
MAX_STEP = 48  # grey levels; beyond it a step is as clear as can be, and must not outweigh the rest of its line
NOISE_STEP = 3.0  # grey levels that compression and grain add anywhere
LINES = 8  # lines that are kept per frame and direction; two insets on a split screen have no more
SMALLEST_SIDE, SMALLEST_AREA = 0.13, 0.05  # as shares of the frame's; a third of its width in wide-screen has more
MAX_OVERLAP = 0.7  # intersection over union of two boxes beyond which they say the same
BEYOND = 24  # pixels past a corner in which a side must have ended

# What a line says about a rectangle's side: log odds, fitted by logistic regression to composites of videos and
# photographs, against all other rectangles between lines of the same frames and of untouched ones. `SHARES` are
# shares of a stretch of the line along which the step is clear.
SHARES = (0.0, 0.3, 0.45, 0.6, 0.8, 1.0)
QUARTER_ODDS = (-1.3, -1.3, -0.8, -0.4, 0.1, 0.1)  # for each quarter of the side
BEYOND_ODDS = (0.2, 0.2, 0.2, 0.2, -0.5, -1.2)  # for each end that is not at the frame's edge: does the line run on?
# By the sides that are no frame edges: (odds, odds per square root of the area).
ONE_SIDE, OPPOSITE_SIDES, ADJACENT_SIDES = (-0.5, 0.3), (0.5, 1.9), (-0.65, 0.8)
THREE_SIDES, FOUR_SIDES = (-0.8, 4.3), (0.5, 5.3)
MIN_ODDS = -0.5


@dataclass(frozen=True, slots=True)
class Box:
    """Fractions of the frame's width and height, 0 <= left < right <= 1, 0 <= top < bottom <= 1."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class _Lines:
    """The upright (or level) lines of a batch of frames; `side` is the frame's size across them, in pixels.

    places: [n, LINES + 2] in pixels, ascending, the frame's two edges at the ends. exists: [n, LINES + 2] bool.
    pixels: [n, LINES] the pixel that a line goes through. clearness: [n, side, length + 1], the sum of 0..1 from
    the line's start up to each pixel.
    """

    places: Floats
    exists: NDArray[np.bool_]
    pixels: Ints
    clearness: Floats

    @property
    def side(self) -> int:
        return self.clearness.shape[1]


def find_boxes(frames: NDArray[np.uint8], *, max_boxes: int = 2) -> list[list[Box]]:
    """The rectangles of each frame that look like pictures of their own.

    frames: [n, height, width, 3] uint8 RGB, in time order, about one second apart; n = 1 for a photograph.
    Returns one list a frame, best box first, at most `max_boxes` and no two nearly alike; empty where nothing is
    found. The whole frame is never among them.
    """
    found: list[list[Box]] = []
    for start in range(0, len(frames), BATCH_FRAMES):
        found += _batch_boxes(frames[start : start + BATCH_FRAMES], max_boxes)
    return found


def _batch_boxes(frames: NDArray[np.uint8], max_boxes: int) -> list[list[Box]]:
    if min(frames.shape[1:3]) < SMALLEST_FRAME:
        return [[] for _ in frames]
    planes = _reduced(frames).transpose(0, 3, 1, 2)
    upright = _find_lines(np.ascontiguousarray(planes.transpose(0, 1, 3, 2)))
    level = _find_lines(np.ascontiguousarray(planes))
    odds = _odds(upright, level)
    x, y = upright.places / upright.side, level.places / level.side
    return [_best(odds[t], x[t], y[t], max_boxes) for t in range(len(frames))]


def _reduced(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sides of more than MAX_SIDE pixels averaged down by a whole factor, frame by frame to spare memory."""
    height, width = frames.shape[1:3]
    down, across = -(-height // MAX_SIDE), -(-width // MAX_SIDE)
    if down == across == 1:
        return frames
    small = np.empty((len(frames), height // down, width // across, 3), np.uint8)
    for source, target in zip(frames, small, strict=True):
        blocks = source[: target.shape[0] * down, : target.shape[1] * across]
        blocks = blocks.reshape(target.shape[0], down, target.shape[1], across, 3)
        target[:] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return small


def _find_lines(planes: NDArray[np.uint8]) -> _Lines:
    """The clearest lines of each frame; planes: [n, 3, side, length], the lines running along the last axis."""
    count, _, side, length = planes.shape
    steps = np.stack([_steps(frame) for frame in planes])
    clearness = np.zeros((count, side, length + 1), np.float32)
    pixels = np.zeros((count, LINES), np.intp)
    places = np.zeros((count, LINES + 2), np.float32)
    exists = np.ones((count, LINES + 2), np.bool_)
    for t in range(count):
        usual = _usual(steps, t).astype(np.float32)
        np.cumsum(_clear(usual), axis=1, out=clearness[t, :, 1:])
        pixels[t], exists[t, 1:-1] = _clearest(clearness[t])
        places[t, 1:-1] = _between_pixels(usual, pixels[t])
    places[:, -1] = side
    return _Lines(places, exists, pixels, clearness)


def _steps(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[3, side, length] to [side, length]: how much the colour changes across each pixel, at most MAX_STEP.

    Between the neighbours on both sides, since scaling leaves most lines within a pixel; the strongest channel,
    since pictures of the same brightness differ in colour.
    """
    before, after = planes[:, :-2], planes[:, 2:]
    steps = np.zeros(planes.shape[1:], np.uint8)
    np.minimum((np.maximum(before, after) - np.minimum(before, after)).max(axis=0), MAX_STEP, out=steps[1:-1])
    return steps


def _usual(steps: NDArray[np.uint8], t: int) -> NDArray[np.uint8]:
    """[n, side, length] to [side, length]: the median of frame `t` and up to two frames on either side of it.

    What moves is in one place for a second only and drops out; a layout that ends shows to its last frame, and not
    beyond. As many frames before as after: the median of an even number would be no such judge.
    """
    reach = min(2, t, len(steps) - 1 - t)
    if reach == 0:
        return steps[t]
    if reach == 1:
        return _median(*steps[t - 1 : t + 2])
    a, b, c, d, e = steps[t - 2 : t + 3]
    return _median(np.maximum(np.minimum(a, b), np.minimum(d, e)), np.minimum(np.maximum(a, b), np.maximum(d, e)), c)


def _median(a: NDArray[np.uint8], b: NDArray[np.uint8], c: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # Many times faster than numpy.median.
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def _clear(steps: Floats) -> Floats:
    """[side, length] of mean steps to 0..1: how far each stands out from those four to six pixels beside it."""
    side = len(steps)
    padded = np.pad(steps, ((6, 6), (0, 0)), mode="edge")
    threes = padded[:-2] + padded[1:-1]
    threes += padded[2:]
    around = threes[:side] + threes[10:]
    around /= 6
    clear = steps - around
    clear -= NOISE_STEP
    around += steps
    around += NOISE_STEP
    clear /= around
    clear *= 4
    return np.clip(clear, 0, 1, out=clear)


def _clearest(clearness: Floats) -> tuple[Ints, NDArray[np.bool_]]:
    """The pixels of the LINES best lines, ascending, and which of them are lines at all.

    A line is worth its best stretch: its clear pixels less its unclear ones.
    """
    balance = clearness - 0.5 * np.arange(clearness.shape[1], dtype=np.float32)
    worth = (balance - np.minimum.accumulate(balance, axis=1)).max(axis=1)
    padded = np.pad(worth, 3)
    is_peak = worth >= np.max([padded[shift : shift + len(worth)] for shift in range(7)], axis=0)
    worth[~is_peak] = 0
    worth[:4] = worth[-4:] = 0
    pixels = np.sort(np.argsort(-worth, kind="stable")[:LINES])
    return pixels, worth[pixels] > SMALLEST_SIDE / 3 * len(worth) / 2


def _between_pixels(steps: Floats, pixels: Ints) -> Floats:
    """Where lines through `pixels` lie between them: the centre of mass of the steps across and beside each."""
    beside = np.stack([steps[pixels + shift].mean(axis=1) for shift in (-1, 0, 1)])
    beside = np.maximum(beside - beside.min(axis=0), 1e-3)
    return np.asarray(pixels + 0.5 + (beside[2] - beside[0]) / beside.sum(axis=0), np.float32)


_LOW, _HIGH = np.triu_indices(LINES + 2, 1)  # every pair of lines: a rectangle's sides across one direction
_AT_LOW, _AT_HIGH = _LOW == 0, _HIGH == LINES + 1  # that side is the frame's edge


def _odds(upright: _Lines, level: _Lines) -> Floats:
    """Log odds of every rectangle: [n, pairs, pairs], between a pair of upright and a pair of level lines."""
    beside, above = _side_odds(upright, level), _side_odds(level, upright)
    odds = beside[:, _LOW] + beside[:, _HIGH] + (above[:, _LOW] + above[:, _HIGH]).transpose(0, 2, 1)
    width, height = (np.diff(lines.places[:, [_LOW, _HIGH]], axis=1)[:, 0] / lines.side for lines in (upright, level))
    width, height = width[:, :, None], height[:, None, :]
    constant, per_size = _PRIORS[:, _SIDES[:, None], _SIDES[None, :]]
    odds += constant + per_size * np.sqrt(np.maximum(width * height, 0))
    exists = _pairs_exist(upright)[:, :, None] & _pairs_exist(level)[:, None, :]
    exists &= (np.minimum(width, height) >= SMALLEST_SIDE) & (width * height >= SMALLEST_AREA)
    return np.where(exists, odds, -np.inf)


# By the sides of a pair that are no frame edges (0, 1, 2), upright and level.
_SIDES = 2 - _AT_LOW.astype(int) - _AT_HIGH
_PRIORS = np.array(
    [
        [(-np.inf, 0.0), ONE_SIDE, OPPOSITE_SIDES],
        [ONE_SIDE, ADJACENT_SIDES, THREE_SIDES],
        [OPPOSITE_SIDES, THREE_SIDES, FOUR_SIDES],
    ],
    np.float32,
).transpose(2, 0, 1)


def _pairs_exist(lines: _Lines) -> NDArray[np.bool_]:
    return lines.exists[:, _LOW] & lines.exists[:, _HIGH]


def _side_odds(lines: _Lines, ends: _Lines) -> Floats:
    """Log odds of each line as a side between each pair of the lines across: [n, LINES + 2, pairs].

    0 for the frame's edges, which say nothing.
    """
    at = np.round(ends.places).astype(np.intp)
    low, high = at[:, _LOW], np.maximum(at[:, _HIGH], at[:, _LOW])
    odds = np.zeros((len(at), LINES + 2, len(_LOW)), np.float32)
    inner = odds[:, 1:-1]
    for quarter in range(4):
        start, stop = low + (high - low) * quarter // 4, low + (high - low) * (quarter + 1) // 4
        inner += np.interp(_share(lines, start, stop), SHARES, QUARTER_ODDS)
    # Three pixels of the corner itself belong to neither.
    before = _share(lines, np.maximum(low - BEYOND, 0), np.maximum(low - 3, 0))
    inner += np.where(_AT_LOW, 0, np.interp(before, SHARES, BEYOND_ODDS))
    after = _share(lines, np.minimum(high + 3, ends.side), np.minimum(high + BEYOND, ends.side))
    inner += np.where(_AT_HIGH, 0, np.interp(after, SHARES, BEYOND_ODDS))
    return odds


def _share(lines: _Lines, start: Ints, stop: Ints) -> Floats:
    """The share of each line that is clear from pixel `start` to `stop`, both [n, pairs]: [n, LINES, pairs]."""
    frame, pixel = np.arange(len(start))[:, None, None], lines.pixels[:, :, None]
    total = lines.clearness[frame, pixel, stop[:, None]] - lines.clearness[frame, pixel, start[:, None]]
    return np.asarray(total / np.maximum(stop - start, 1)[:, None], np.float32)


def _best(odds: Floats, x: Floats, y: Floats, max_boxes: int) -> list[Box]:
    """The likeliest boxes of one frame; odds: [pairs, pairs], x and y: [LINES + 2] in fractions of the frame."""
    boxes: list[Box] = []
    likely = np.flatnonzero(odds > MIN_ODDS)
    for index in likely[np.argsort(-odds.flat[likely], kind="stable")]:
        if len(boxes) >= max_boxes:
            break
        across, down = np.unravel_index(index, odds.shape)
        sides = (x[_LOW[across]], y[_LOW[down]], x[_HIGH[across]], y[_HIGH[down]])
        box = Box(*(float(side) for side in sides))
        if all(_overlap(box, other) < MAX_OVERLAP for other in boxes):
            boxes.append(box)
    return boxes


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (_area(one) + _area(other) - shared)


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)
