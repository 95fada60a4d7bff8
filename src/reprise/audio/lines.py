"""Stretches of two code sequences that are the same: straight lines, along which few bits differ.

Chromaprint's codes of the same sound differ in some bits, those of other sounds in nearly half. A copy runs through
its source at one pace, so pairs of similar codes lie on a straight line; how well a line holds is the sum, over its
codes, of how far the share of differing bits is below MOST_DIFFERENT. A code that is like the one a second earlier
says little (a held note is like every other such note), so each counts by how much it has changed.
The line is sought among the pairs by Hough's transform, as J. Haitsma and T. Kalker (A Highly Robust Audio
Fingerprinting System, ISMIR 2002) and A. Wang (An Industrial-Strength Audio Search Algorithm, ISMIR 2003) gather
their pairs on diagonals, and its ends are where Kadane's largest sum ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]  # [codes]; 0 where it is silent
Pairs = NDArray[np.int64]  # [pairs, 2]: code of the query, code of the reference

BITS = 32
# A code that has changed by so many bits within CHANGE_CODES to both sides counts in full.
FULL_CHANGE_BITS = 6.0
CHANGE_CODES = 8

MOST_DIFFERENT = 0.30  # share of bits; codes of the same sound differ by less
# Of 36 clips of a minute of music held against 3 h of other music none had more than 2.4, less what the pace takes
# off; without that, 5 had more than 3: at other paces more can seem alike, and few copies are made there.
LEAST_EVIDENCE = 3.5
PACE_EVIDENCE = 25.0  # that a line loses by its speed's distance from 1
LEAST_CODES = 16  # two seconds
BREAK_EVIDENCE = 3.0  # so much against a stretch within a copy cuts it: some two and a half seconds of other sound

# Paces that a pace-only change may have made, beside those that queries are heard at.
PACES = np.linspace(0.9, 1.1, 41)
FINE_PACES = np.linspace(-0.004, 0.004, 9)
FINE_OFFSETS = np.linspace(-3, 3, 13)
OFFSET_CODES = 2.0  # width of a bin of Hough's transform
MOST_PAIRS = 4_000  # that lines are sought among
MOST_LINES = 16  # of two videos
# A stretch of the query that comes from several places of a reference agrees with all of them about as well.
LIKE_THE_BEST = 0.85


@dataclass(frozen=True, slots=True)
class Line:
    """Query codes [start, end) are reference codes `offset + pace * i`."""

    start: int
    end: int  # exclusive
    pace: float
    offset: float
    evidence: float
    agreement: float  # 1 where all bits are the same, 0 where half are

    def reference(self, code: float) -> float:
        """The reference code at a query code."""
        return self.offset + self.pace * code


def counted(codes: Codes) -> NDArray[np.float32]:
    """What each code counts [codes], from 0 for silence or a sound that stays as it is to 1."""
    changed = np.zeros(len(codes), np.float32)
    if len(codes) > CHANGE_CODES:
        bits = np.bitwise_count(codes[CHANGE_CODES:] ^ codes[:-CHANGE_CODES]).astype(np.float32)
        before = np.concatenate([np.full(CHANGE_CODES, np.nan, np.float32), bits])
        after = np.concatenate([bits, np.full(CHANGE_CODES, np.nan, np.float32)])
        with np.errstate(invalid="ignore"):
            changed = np.fmax(np.fmin(before, after), 0) / FULL_CHANGE_BITS
    return np.where(codes == 0, 0, np.clip(changed, 0, 1)).astype(np.float32)


def lines_between(
    query: Codes, reference: Codes, pairs: Pairs, *, least_evidence: float = LEAST_EVIDENCE
) -> list[Line]:
    """The lines along which the query is the reference, strongest first, found among `pairs` of similar codes."""
    weights = counted(query), counted(reference)
    found: list[Line] = []
    if len(pairs) > MOST_PAIRS:
        pairs = pairs[np.linspace(0, len(pairs) - 1, MOST_PAIRS).astype(int)]
    while len(found) < MOST_LINES and len(pairs) >= 2:
        pace, offset = _strongest(pairs)
        pace, offset = _refined(query, reference, weights, pace, offset)
        runs = list(_runs(query, reference, weights, pace, offset, least_evidence))
        near = np.abs(pairs[:, 1] - pace * pairs[:, 0] - offset) <= 2 * OFFSET_CODES
        if not runs or not near.any():
            break  # the strongest holds nothing, and so do all others
        found += runs
        pairs = pairs[~near]
    return sorted(found, key=lambda line: -line.evidence)


def _strongest(pairs: Pairs) -> tuple[float, float]:
    """Pace and offset of the line that most pairs lie near, each query code counted once."""
    best = (0.0, 1.0, 0.0)
    for pace in PACES:
        offsets = pairs[:, 1] - pace * pairs[:, 0]
        bins = np.floor(offsets / OFFSET_CODES).astype(np.int64)
        _, first = np.unique(bins * (1 << 32) + pairs[:, 0], return_index=True)
        values, counts = np.unique(bins[first], return_counts=True)
        # A line near the edge of a bin has its pairs in two.
        beside = np.where(np.diff(values, append=values[-1:] + 9) == 1, np.append(counts[1:], 0), 0)
        total = counts + beside
        at = int(np.argmax(total))
        # Of equals the one nearest to no change of pace.
        strength = float(total[at]) - 2 * abs(pace - 1)
        if strength > best[0]:
            near = (bins == values[at]) | ((bins == values[at] + 1) & (beside[at] > 0))
            best = (strength, float(pace), float(np.median(offsets[near])))
    return best[1], best[2]


def _refined(
    query: Codes,
    reference: Codes,
    weights: tuple[NDArray[np.float32], NDArray[np.float32]],
    pace: float,
    offset: float,
) -> tuple[float, float]:
    """The pace and offset near these at which the line is strongest."""
    gains = _gains(query, reference, weights, pace, offset)
    start, end, most = _largest_run(gains)
    middle = (start + end) / 2
    best = (most, pace, offset)
    for step in FINE_PACES:
        for move in FINE_OFFSETS:
            # Turned about the middle of the run.
            tried = pace + step, offset - step * middle + move
            evidence = _largest_run(_gains(query, reference, weights, *tried))[2]
            # Codes a whole step apart are often alike: what does not gain stays.
            if evidence > best[0] + 1e-6:
                best = (evidence, *tried)
    return best[1], best[2]


def _runs(
    query: Codes,
    reference: Codes,
    weights: tuple[NDArray[np.float32], NDArray[np.float32]],
    pace: float,
    offset: float,
    least_evidence: float,
) -> Iterator[Line]:
    """The stretches of one line that hold, strongest first."""
    gains = _gains(query, reference, weights, pace, offset)
    different = _different(query, reference, pace, offset)
    while True:
        start, end, evidence = _largest_run(gains)
        if evidence < least_evidence or end - start < LEAST_CODES:
            return
        for first, past in _unbroken(gains, start, end):
            evidence = float(gains[first:past].sum())
            if evidence >= least_evidence and past - first >= LEAST_CODES:
                inside = different[first:past][different[first:past] >= 0]
                agreement = max(0.0, 1 - 2 * float(inside.mean()))
                yield Line(first, past, float(pace), float(offset), evidence, agreement)
        gains[start:end] = -1


def _unbroken(gains: NDArray[np.float32], start: int, end: int) -> Iterator[tuple[int, int]]:
    """The run, cut wherever the sound is another for a while."""
    first, past, loss = _largest_run(-gains[start:end])
    if loss < BREAK_EVIDENCE:
        yield start, end
        return
    if first > 0:
        yield from _unbroken(gains, start, start + first)
    if start + past < end:
        yield from _unbroken(gains, start + past, end)


def _different(query: Codes, reference: Codes, pace: float, offset: float) -> NDArray[np.float32]:
    """Along a line, the share of bits [query codes] in which the codes differ; -1 where one is silent or beyond."""
    at = np.rint(offset + pace * np.arange(len(query))).astype(np.int64)
    inside = (at >= 0) & (at < len(reference))
    at[~inside] = 0
    both = inside & (query != 0) & (reference[at] != 0)
    return np.where(both, np.bitwise_count(query ^ reference[at]) / np.float32(BITS), -1).astype(np.float32)


def _gains(
    query: Codes,
    reference: Codes,
    weights: tuple[NDArray[np.float32], NDArray[np.float32]],
    pace: float,
    offset: float,
) -> NDArray[np.float32]:
    """Along a line, what each query code speaks for it [query codes]."""
    different = _different(query, reference, pace, offset)
    at = np.clip(np.rint(offset + pace * np.arange(len(query))).astype(np.int64), 0, len(reference) - 1)
    weight = np.minimum(weights[0], weights[1][at])
    # Beyond the reference, or silent on one side alone: against it, but less than what sounds otherwise.
    gains = np.where(different < 0, -0.05, weight * (MOST_DIFFERENT - different))
    # What differs speaks against a line whether or not it changes.
    return np.where(different > MOST_DIFFERENT, MOST_DIFFERENT - different, gains).astype(np.float32)


def _largest_run(gains: NDArray[np.float32]) -> tuple[int, int, float]:
    """The half-open run with the largest sum (Kadane), and the sum; an empty run where nothing is positive."""
    sums = np.concatenate([[0.0], np.cumsum(gains, dtype=np.float64)])
    lowest = np.minimum.accumulate(sums)
    end = int(np.argmax(sums - lowest))
    start = int(np.argmin(sums[: end + 1]))
    return start, end, float(sums[end] - sums[start])


def standing(speed: float, line: Line) -> float:
    """The evidence of a line of a query heard at `speed`, less what its pace takes off."""
    return line.evidence - PACE_EVIDENCE * abs(speed * line.pace - 1)


def without_doubles(lines: list[tuple[float, Line]]) -> list[tuple[float, Line]]:
    """Of (speed the query was heard at, line), those that no stronger one tells already; strongest first.

    The same stretch is found at several speeds, and a slanting line beside the true one; and a refrain is like every
    other refrain, if less so than a copy is like its source.
    """
    kept: list[tuple[float, Line]] = []
    for speed, line in sorted(lines, key=lambda pair: -standing(*pair)):
        if not any(_is_told(speed, line, other_speed, other) for other_speed, other in kept):
            kept.append((speed, line))
    return kept


def _is_told(speed: float, line: Line, other_speed: float, other: Line) -> bool:
    # In codes of the query as it is. The one that covers less than half of it says too little of it.
    start, end = line.start / speed, line.end / speed
    overlap = min(end, other.end / other_speed) - max(start, other.start / other_speed)
    if overlap < 0.5 * (end - start):
        return False
    if line.agreement < LIKE_THE_BEST * other.agreement:
        return True
    middle = (max(start, other.start / other_speed) + min(end, other.end / other_speed)) / 2
    apart = abs(line.reference(middle * speed) - other.reference(middle * other_speed))
    return apart < 24  # three seconds
