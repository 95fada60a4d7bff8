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

BATCH_FRAMES = 32  # bounds the memory: about 10 MB for frames of 256 x 256 pixels
MAX_SIDE = 384  # pixels; longer sides are averaged down, thin lines are seen as well at this size
SMALLEST_FRAME = 48  # pixels; in smaller ones the surroundings of a line are no surroundings
MAX_STEP = 48  # grey levels; beyond it a step is as clear as can be, and must not outweigh the rest of its line
NOISE_STEP = 3.0  # grey levels that compression and grain add anywhere
LINES = 8  # lines that are kept per frame and direction; two insets on a split screen have no more
SMALLEST_SIDE, SMALLEST_AREA = 0.13, 0.05  # as shares of the frame's; a third of its width in wide-screen has more
LARGEST_AREA = 0.9  # of more an embedding says what that of the whole frame says
MAX_OVERLAP = 0.7  # intersection over union of two boxes beyond which they say the same
STRETCH = 2  # pixels along a line that are judged together
BLOCK = 8  # pixels along a line whose detail is counted together
NOISE_DETAIL = 1.0  # grey levels
BEYOND = 24  # pixels past a corner in which a side must have ended

# What a line says about a rectangle's side: log odds, fitted by logistic regression to composites of videos and
# photographs, against all other rectangles between lines of the same frames and of untouched ones. A box whose odds
# add up to more than 0 is given. `SHARES` are those parts of a stretch of the line along which the step is clear.
SHARES = (0.0, 0.3, 0.45, 0.6, 0.8, 1.0)
QUARTER_ODDS = (-1.4, -1.4, -1.0, -0.55, 0.0, 0.0)  # for each quarter of the side
# For each end of a side that is not at the frame's edge: how much of what follows is clear, does the line run on?
BEYOND_ODDS = (0.35, 0.35, 0.35, 0.3, 0.1, -1.4)
DETAILS = (0.0, 0.25, 0.5, 1.0, 2.0)  # grey levels
DETAIL_ODDS = (-1.8, -1.4, -0.5, -0.1, 0.1)  # for each side, frame edges too: a picture's margin is seldom plain
# By the sides that are no frame edges: (odds, odds per square root of the area).
ONE_SIDE, OPPOSITE_SIDES, ADJACENT_SIDES = (0.2, 0.6), (0.85, 3.0), (0.9, -0.4)
THREE_SIDES, FOUR_SIDES = (0.4, 4.1), (1.1, 4.6)


@dataclass(frozen=True, slots=True)
class Box:
    """Fractions of the frame's width and height, 0 <= left < right <= 1, 0 <= top < bottom <= 1."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class _Lines:
    """The upright (or level) lines of a batch of frames, first and last the frame's own two edges.

    places: [n, LINES + 2] float32, in pixels across the lines; side: the frame's size in that direction.
    exists: [n, LINES + 2] bool, False where a frame has fewer lines than there are places for them.
    clear: [n, LINES + 2, length // STRETCH + 1] float32, sums from a line's start: how much of it is a clear line.
    detail: [2, n, LINES + 2, length // BLOCK + 1] float32, likewise: the detail just before it and just after it.
    """

    side: int
    places: Floats
    exists: NDArray[np.bool_]
    clear: Floats
    detail: Floats


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
    details = np.stack([_detail(frame) for frame in planes])
    places = np.zeros((count, LINES + 2), np.float32)
    exists = np.ones((count, LINES + 2), np.bool_)
    clear = np.zeros((count, LINES + 2, length // STRETCH + 1), np.float32)
    detail = np.zeros((2, count, LINES + 2, length // BLOCK + 1), np.float32)
    for t in range(count):
        step, beside = _usual(steps, t).astype(np.float32), _beside(_usual(details, t))
        total = np.cumsum(_clear(step, beside), axis=1)
        pixels, exists[t, 1:-1] = _clearest(total)
        places[t, 1:-1] = _between_pixels(step, pixels)
        clear[t, 1:-1, 1:] = total[pixels]
        # Of the frame's edges only the inside is asked for.
        np.cumsum(beside[:, np.concatenate(([0], pixels, [side - 1]))], axis=2, out=detail[:, t, :, 1:])
    places[:, -1] = side
    return _Lines(side, places, exists, clear, detail)


def _steps(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[3, side, length] to [side, length // STRETCH]: how much the colour changes across a pixel, up to MAX_STEP.

    Between the neighbours on both sides, since scaling leaves most lines within a pixel; the strongest channel,
    since pictures of the same brightness differ in colour. No more than twice the change between the pixels three
    further out: on either side of a pattern's stripe or a letter's stroke the colour is the same.
    """
    near, far = _change(planes, 1)[2:-2], _change(planes, 3)
    change = np.minimum(np.minimum(near, MAX_STEP), 2 * np.minimum(far, MAX_STEP))
    steps = np.zeros((planes.shape[1], planes.shape[2] // STRETCH), np.uint8)
    steps[3:-3] = (change[:, 0:-1:STRETCH] + change[:, 1::STRETCH]) // STRETCH
    # As if it went on beyond the frame: beside nothing at all any step would stand out.
    steps[:3], steps[-3:] = steps[3], steps[-4]
    return steps


def _change(planes: NDArray[np.uint8], reach: int) -> NDArray[np.uint8]:
    before, after = planes[:, : -2 * reach], planes[:, 2 * reach :]
    change: NDArray[np.uint8] = (np.maximum(before, after) - np.minimum(before, after)).max(axis=0)
    return change


def _detail(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[3, side, length] to [side, length // BLOCK]: how much the green channel bends along the lines, per block.

    Along them, so that a line itself is no detail. Blurred and plain surroundings have next to none.
    """
    green = planes[1, :, : planes.shape[2] // BLOCK * BLOCK].astype(np.int16)
    bend = np.zeros(green.shape, np.uint8)
    np.minimum(np.abs(green[:, 2:] - 2 * green[:, 1:-1] + green[:, :-2]), 31, out=bend[:, 1:-1], casting="unsafe")
    detail: NDArray[np.uint8] = bend.reshape(len(bend), -1, BLOCK).sum(axis=2, dtype=np.uint8)
    return detail


def _beside(detail: NDArray[np.uint8]) -> Floats:
    """[side, blocks] to [2, side, blocks]: mean detail of the five pixels before each pixel, and of those after it.

    But for the next one, through which the line may run as well. At the frame's edges the first and last five.
    """
    side = len(detail)
    total = np.zeros((side + 1, detail.shape[1]), np.float32)
    np.cumsum(detail, axis=0, out=total[1:])
    means = (total[5:] - total[:-5]) / (5 * BLOCK)  # means[p]: of pixels p to p + 4
    places = np.arange(side)
    return np.stack([means[np.clip(places - 6, 0, side - 5)], means[np.clip(places + 2, 0, side - 5)]])


def _usual(steps: NDArray[np.uint8], t: int) -> NDArray[np.uint8]:
    """[n, side, length] to [side, length]: the median of frame `t` and up to two frames on either side of it.

    What moves is in one place for a second only and drops out; a layout that ends shows to its last frame, and not
    beyond. As many frames before as after: the median of an even number would be no such judge.
    """
    reach = min(2, t, len(steps) - 1 - t)
    if reach < 2:
        return _median(steps[t - reach], steps[t], steps[t + reach])
    a, b, c, d, e = steps[t - 2 : t + 3]
    return _median(np.maximum(np.minimum(a, b), np.minimum(d, e)), np.minimum(np.maximum(a, b), np.maximum(d, e)), c)


def _median(a: NDArray[np.uint8], b: NDArray[np.uint8], c: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # Many times faster than numpy.median.
    middle: NDArray[np.uint8] = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    return middle


def _clear(step: Floats, beside: Floats) -> Floats:
    """0..1, [side, stretches]: how far each step stands out from those four to six pixels away on either side.

    step: [side, stretches] grey levels; beside: [2, side, blocks]. Where one side is sharp and the other blurred, as
    a picture on its own enlargement, fainter steps are clear too.
    """
    side = len(step)
    padded = np.pad(step, ((6, 6), (0, 0)), mode="edge")
    around = padded[:-2] + padded[1:-1]
    around += padded[2:]
    around = around[:side] + around[10:]
    around /= 6
    clear = step - around
    clear -= NOISE_STEP
    around += step
    around += NOISE_STEP
    clear /= around
    clear *= 4
    np.clip(clear, 0, 1, out=clear)
    before, after = beside
    sharper = np.abs(before - after) / (before + after + NOISE_DETAIL)
    sharper = np.repeat(np.clip(1.5 * sharper - 0.6, 0, 0.6), BLOCK // STRETCH, axis=1)
    clear[:, : sharper.shape[1]] += sharper
    return np.minimum(clear, 1, out=clear)


def _clearest(total: Floats) -> tuple[Ints, NDArray[np.bool_]]:
    """The pixels of the LINES best lines, ascending, and which of them are lines at all.

    total: [side, stretches], sums along each line. A line is worth its best part: its clear less its unclear pixels.
    """
    balance = total - 0.5 * np.arange(1, total.shape[1] + 1, dtype=np.float32)
    worth = (balance - np.minimum(np.minimum.accumulate(balance, axis=1), 0)).max(axis=1)
    padded = np.pad(worth, 3)
    worth[worth < np.max([padded[shift : shift + len(worth)] for shift in range(7)], axis=0)] = 0
    worth[:4] = worth[-4:] = 0
    pixels = np.sort(np.argsort(-worth, kind="stable")[:LINES])
    return pixels, worth[pixels] > SMALLEST_SIDE / 6 * total.shape[1]


def _between_pixels(steps: Floats, pixels: Ints) -> Floats:
    """Where lines through `pixels` lie between them: the centre of mass of the steps across and beside each."""
    beside = np.stack([steps[pixels + shift].mean(axis=1) for shift in (-1, 0, 1)])
    beside = np.maximum(beside - beside.min(axis=0), 1e-3)
    return np.asarray(pixels + 0.5 + (beside[2] - beside[0]) / beside.sum(axis=0), np.float32)


_LOW, _HIGH = np.triu_indices(LINES + 2, 1)  # every pair of lines: a rectangle's sides across one direction
_AT_LOW, _AT_HIGH = _LOW == 0, _HIGH == LINES + 1  # that side is the frame's edge


def _odds(upright: _Lines, level: _Lines) -> Floats:
    """Log odds of every rectangle: [n, pairs, pairs], between a pair of upright and a pair of level lines."""
    odds = _pair_odds(upright, level) + _pair_odds(level, upright).transpose(0, 2, 1)
    width, height = (np.diff(lines.places[:, [_LOW, _HIGH]], axis=1)[:, 0] / lines.side for lines in (upright, level))
    width, height = np.maximum(width, 0)[:, :, None], np.maximum(height, 0)[:, None, :]
    constant, per_size = _PRIORS[:, _SIDES[:, None], _SIDES[None, :]]
    odds += constant + per_size * np.sqrt(width * height)
    exists = _pairs_exist(upright)[:, :, None] & _pairs_exist(level)[:, None, :]
    exists &= (np.minimum(width, height) >= SMALLEST_SIDE) & (width * height >= SMALLEST_AREA)
    exists &= width * height <= LARGEST_AREA
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


def _pair_odds(lines: _Lines, ends: _Lines) -> Floats:
    """Log odds of each pair of lines as opposite sides between each pair of `ends`: [n, pairs, pairs of ends]."""
    at = np.round(ends.places).astype(np.intp)
    low, high = at[:, None, _LOW], np.maximum(at[:, None, _HIGH], at[:, None, _LOW])
    odds = np.zeros((len(at), LINES + 2, len(_LOW)))
    for quarter in range(4):
        start, stop = low + (high - low) * quarter // 4, low + (high - low) * (quarter + 1) // 4
        odds += np.interp(_mean(lines.clear, start, stop, STRETCH), SHARES, QUARTER_ODDS)
    # Three pixels of the corner itself belong to neither.
    before = _mean(lines.clear, np.maximum(low - BEYOND, 0), np.maximum(low - 3, 0), STRETCH)
    after = _mean(lines.clear, np.minimum(high + 3, ends.side), np.minimum(high + BEYOND, ends.side), STRETCH)
    odds += np.where(_AT_LOW, 0, np.interp(before, SHARES, BEYOND_ODDS))
    odds += np.where(_AT_HIGH, 0, np.interp(after, SHARES, BEYOND_ODDS))
    odds[:, [0, -1]] = 0  # the frame's edges are no lines
    left, right = (np.interp(_mean(detail, low, high, BLOCK), DETAILS, DETAIL_ODDS) for detail in lines.detail[::-1])
    return np.asarray((odds + left)[:, _LOW] + (odds + right)[:, _HIGH], np.float32)


def _mean(sums: Floats, start: Ints, stop: Ints, pixels: int) -> Floats:
    """[n, LINES + 2, pairs]: each line's mean from pixel `start` to `stop`, both [n, 1, pairs].

    sums: [n, LINES + 2, length // pixels + 1], running sums. 0 for less than `pixels` pixels.
    """
    frame, line = np.arange(len(sums))[:, None, None], np.arange(sums.shape[1])[None, :, None]
    last = sums.shape[2] - 1
    start, stop = np.minimum(start // pixels, last), np.minimum(stop // pixels, last)
    return np.asarray((sums[frame, line, stop] - sums[frame, line, start]) / np.maximum(stop - start, 1), np.float32)


def _best(odds: Floats, x: Floats, y: Floats, max_boxes: int) -> list[Box]:
    """The likeliest boxes of one frame; odds: [pairs, pairs], x and y: [LINES + 2] in fractions of the frame."""
    boxes: list[Box] = []
    likely = np.flatnonzero(odds > 0)
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
