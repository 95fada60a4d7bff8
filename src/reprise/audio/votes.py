"""Which videos of a library sound like a query somewhere, by equal halves of codes: before anything is aligned.

The library's codes are one long array, gone through once a query, whatever the library's size: a table of 65 536
entries says which halves of codes the query has. An index would be larger than the codes themselves, of which an
hour has 29 000 (0.1 MB).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.audio.fingerprint import Heard
from reprise.audio.lines import Codes, Pairs, counted

HALF = 0xFFFF
MOST_BITS = 4  # that the other halves of a pair may differ in
LEAST_WEIGHT = 0.3  # of a code of the query, below which it says too little to be looked up
# A half that the query has more often than this at one speed is that of a sound that stays.
MOST_ALIKE = 64
BLOCK_CODES = 1 << 20  # that are gone through at a time

DIAGONAL_CODES = 8  # pairs are counted in bins of a second
LEAST_VOTES = 3  # pairs of one bin and the next, each code of the query counted once
MOST_CANDIDATES = 64  # (video, speed) that are aligned


@dataclass(frozen=True, slots=True)
class Candidate:
    """A video of the library, the speed of the query that it resembles, and their pairs of similar codes."""

    video: int
    heard: int  # index into what was heard
    pairs: Pairs
    votes: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """The codes of all videos of a library, one after the other."""

    codes: Codes  # [all codes]
    starts: NDArray[np.int64]  # [videos + 1]: video v has codes[starts[v]:starts[v + 1]]

    @classmethod
    def of(cls, videos: Sequence[Codes]) -> Shelf:
        """The shelf with these videos."""
        lengths = np.array([len(codes) for codes in videos], np.int64)
        joined = np.concatenate([*videos, np.zeros(0, np.uint32)])
        return cls(joined, np.concatenate([[0], np.cumsum(lengths)]))

    def video(self, number: int) -> Codes:
        """The codes of one video."""
        return self.codes[self.starts[number] : self.starts[number + 1]]


def candidates(shelf: Shelf, heard: Sequence[Heard]) -> list[Candidate]:
    """The videos of the shelf that are worth aligning, each at the speeds that speak for it, most votes first."""
    hits = _hits(shelf, heard)
    if not len(hits):
        return []
    position, which, query = hits.T
    video = np.searchsorted(shelf.starts, position, side="right") - 1
    reference = position - shelf.starts[video]
    diagonal = (reference - query) // DIAGONAL_CODES
    pair_of = video * len(heard) + which  # (video, speed)
    # Each code of the query has one vote a bin.
    bins = np.unique(np.stack([pair_of, diagonal, query], axis=1), axis=0)
    places, votes = np.unique(bins[:, :2], axis=0, return_counts=True)
    beside = np.zeros(len(places), np.int64)
    is_next = (np.diff(places[:, 0]) == 0) & (np.diff(places[:, 1]) == 1)
    beside[:-1][is_next] = votes[1:][is_next]
    votes = votes + beside
    best = np.zeros(int(pair_of.max()) + 1, np.int64)
    np.maximum.at(best, places[:, 0], votes)
    chosen = np.argsort(-best, kind="stable")[:MOST_CANDIDATES]
    order = np.argsort(pair_of, kind="stable")
    edges = np.searchsorted(pair_of[order], np.stack([chosen, chosen + 1]))
    found = []
    for number, first, past in zip(chosen, *edges, strict=True):
        if best[number] >= LEAST_VOTES:
            mine = order[first:past]
            pairs = np.stack([query[mine], reference[mine]], axis=1)
            found.append(Candidate(int(number) // len(heard), int(number) % len(heard), pairs, int(best[number])))
    return found


def _hits(shelf: Shelf, heard: Sequence[Heard]) -> NDArray[np.int64]:
    """[hits, 3]: a position on the shelf, the speed, and the code of the query that nearly equals it there."""
    asked = [_Table(heard, low_half=low_half) for low_half in (False, True)]
    found = [np.zeros((0, 3), np.int64)]
    for start in range(0, len(shelf.codes), BLOCK_CODES):
        block = shelf.codes[start : start + BLOCK_CODES]
        for table in asked:
            position, which, query = table.look_up(block)
            found.append(np.stack([position + start, which, query], axis=1))
    # A pair whose halves are both equal was found twice.
    return np.unique(np.concatenate(found), axis=0)


class _Table:
    """The query's codes by one half of theirs."""

    def __init__(self, heard: Sequence[Heard], *, low_half: bool) -> None:
        self._shift = 0 if low_half else 16
        codes, which, place = [], [], []
        for number, one in enumerate(heard):
            told = np.flatnonzero(counted(one.codes) >= LEAST_WEIGHT)
            halves = self._half(one.codes[told])
            told = told[np.bincount(halves, minlength=HALF + 1)[halves] <= MOST_ALIKE]
            codes.append(one.codes[told])
            which.append(np.full(len(told), number))
            place.append(told)
        all_codes = np.concatenate([*codes, np.zeros(0, np.uint32)])
        halves = self._half(all_codes)
        order = np.argsort(halves, kind="stable")
        self._codes = all_codes[order]
        self._which = np.concatenate([*which, np.zeros(0, np.int64)])[order].astype(np.int64)
        self._place = np.concatenate([*place, np.zeros(0, np.int64)])[order].astype(np.int64)
        self._count = np.bincount(halves, minlength=HALF + 1)
        self._start = np.concatenate([[0], np.cumsum(self._count)[:-1]])

    def _half(self, codes: Codes) -> NDArray[np.int64]:
        return ((codes >> np.uint32(self._shift)) & np.uint32(HALF)).astype(np.int64)

    def look_up(self, block: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(position in the block, speed, code of the query) of all pairs that differ in at most MOST_BITS."""
        halves = self._half(block)
        times = np.where(block == 0, 0, self._count[halves])
        positions = np.flatnonzero(times)
        times = times[positions]
        # Row by row the entries of the table that a position has.
        entry = np.repeat(self._start[halves[positions]] - np.concatenate([[0], np.cumsum(times)[:-1]]), times)
        entry = entry + np.arange(len(entry))
        position = np.repeat(positions, times)
        near = np.bitwise_count(self._codes[entry] ^ block[position]) <= MOST_BITS
        return position[near], self._which[entry[near]], self._place[entry[near]]
