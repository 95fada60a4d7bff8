"""Which videos of a library sound like a query somewhere, by equal halves of codes: before anything is aligned.

The library's codes are one long array, gone through once a query, whatever the library's size: a table of 65 536
entries says which halves of codes the query has. An index would be larger than the codes themselves, of which an
hour has 29 000 (0.1 MB).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

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
WINDOW_CODES = 2400  # of the query that are asked for at a time: five minutes

DIAGONAL_CODES = 8  # pairs are counted in bins of a second
LEAST_VOTES = 3  # pairs of one bin and the next, each code of the query counted once
MOST_SPEEDS = 3  # at which one video is aligned
MOST_CANDIDATES = 128  # (video, speed) that are aligned


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
    longest = max((len(one.codes) for one in heard), default=0)
    # What has too few votes within minutes of the query is chance, and there is much of it.
    windows = (_hits(shelf, heard, start, start + WINDOW_CODES).voted() for start in range(0, longest, WINDOW_CODES))
    return _chosen(_Hits.joined([_Hits.none(), *windows]), len(heard))


@dataclass(frozen=True, slots=True)
class _Hits:
    """Pairs of similar codes, one a place of the arrays [hits]."""

    video: NDArray[np.int64]
    heard: NDArray[np.int64]
    query: NDArray[np.int64]
    reference: NDArray[np.int64]

    @classmethod
    def none(cls) -> _Hits:
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, nothing, nothing)

    @classmethod
    def joined(cls, parts: Sequence[_Hits]) -> _Hits:
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def votes(self) -> NDArray[np.int64]:
        """For each hit [hits], how many codes of the query vote for its diagonal and the next."""
        diagonal = (self.reference - self.query) // DIAGONAL_CODES
        place = np.stack([self.video, self.heard, diagonal], axis=1)
        places, which = np.unique(place, axis=0, return_inverse=True)
        # Each code of the query has one vote.
        voters = np.unique(which.reshape(-1) * (1 << 32) + self.query) >> 32
        votes = np.bincount(voters, minlength=len(places))
        is_next = (np.diff(places[:, :2], axis=0) == 0).all(axis=1) & (np.diff(places[:, 2]) == 1)
        beside = np.zeros(len(places), np.int64)
        beside[:-1] = np.where(is_next, votes[1:], 0)
        before = np.zeros(len(places), np.int64)
        before[1:] = np.where(is_next, votes[:-1], 0)
        return np.asarray((votes + np.maximum(beside, before))[which.reshape(-1)], np.int64)

    def voted(self) -> _Hits:
        """Those whose diagonal has LEAST_VOTES."""
        return self.only(self.votes() >= LEAST_VOTES) if len(self.video) else self

    def only(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> _Hits:
        return _Hits(self.video[which], self.heard[which], self.query[which], self.reference[which])


def _chosen(hits: _Hits, speeds: int) -> list[Candidate]:
    """The (video, speed) that have most votes, with their pairs."""
    if not len(hits.video):
        return []
    pair_of = hits.video * speeds + hits.heard
    order = np.argsort(pair_of, kind="stable")
    pairs, first = np.unique(pair_of[order], return_index=True)
    most = np.maximum.reduceat(hits.votes()[order], first)
    past = np.append(first[1:], len(order))
    speeds_of: Counter[int] = Counter()
    found: list[Candidate] = []
    for number in np.argsort(-most, kind="stable"):
        video, heard = divmod(int(pairs[number]), speeds)
        speeds_of[video] += 1
        if speeds_of[video] <= MOST_SPEEDS:
            mine = order[first[number] : past[number]]
            pair = np.stack([hits.query[mine], hits.reference[mine]], axis=1)
            found.append(Candidate(video, heard, pair, int(most[number])))
        if len(found) == MOST_CANDIDATES:
            break
    return found


def _hits(shelf: Shelf, heard: Sequence[Heard], start: int, end: int) -> _Hits:
    """The pairs of the shelf's codes with the codes [start, end) of the query."""
    tables = [_Table(heard, start, end, low_half=low_half) for low_half in (False, True)]
    found = [np.zeros((0, 3), np.int64)]
    for first in range(0, len(shelf.codes), BLOCK_CODES):
        block = shelf.codes[first : first + BLOCK_CODES]
        for table in tables:
            position, which, query = table.look_up(block)
            found.append(np.stack([position + first, which, query], axis=1))
    # A pair whose halves are both equal was found twice.
    position, which, query = np.unique(np.concatenate(found), axis=0).T
    video = np.searchsorted(shelf.starts, position, side="right") - 1
    return _Hits(video, which, query, position - shelf.starts[video])


class _Table:
    """The codes [start, end) of the query by one half of theirs."""

    def __init__(self, heard: Sequence[Heard], start: int, end: int, *, low_half: bool) -> None:
        self._shift = 0 if low_half else 16
        codes, which, place = [], [], []
        for number, one in enumerate(heard):
            told = np.flatnonzero(counted(one.codes)[start:end] >= LEAST_WEIGHT) + start
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
