"""The queries of the descriptor benchmark: edited references, and edited frames that have no reference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frame_edits import EDITS, edited, strengths_of
from frame_sources import Collection, Frame
from photometric_edits import Random, Rgb
from ranking import NO_REFERENCE

REFERENCES_A_NEGATIVE = 2  # so many queries with a reference come on one without


@dataclass(frozen=True, slots=True)
class QueryGroup:
    """All queries of one edit in one strength.

    pictures: [h, w, 3] uint8 RGB each.  truth: [queries] int64, as in `ranking.Ranking`; positions in
    `Collection.references`.
    """

    edit: str
    strength: str
    pictures: list[Rgb]
    truth: NDArray[np.int64]


def query_groups(collection: Collection, *, per_edit: int, seed: int) -> Iterator[QueryGroup]:
    """A group for every edit and strength: of `per_edit` references (0: of all), evenly spread, and half as many
    negatives.

    A query hangs on the seed, its frame's name, edit and strength alone, and on the negatives it may lie over.
    """
    references, negatives = collection.references, collection.negatives
    for edit in EDITS:
        for strength in strengths_of(edit):
            count = min(per_edit or len(references), len(references))
            turn = _random(seed, edit, strength)  # not the same references for every edit
            chosen = evenly_spread(len(references), count, int(turn.integers(len(references))))
            lone = [negatives[n % len(negatives)] for n in range(count // REFERENCES_A_NEGATIVE)]
            frames = [references[index] for index in chosen] + lone
            truth = np.array([*chosen, *[NO_REFERENCE] * len(lone)], np.int64)
            yield QueryGroup(edit, strength, _pictures(frames, negatives, edit, strength, seed), truth)


def evenly_spread(length: int, count: int, start: int = 0) -> list[int]:
    """`count` different positions below `length` at even distances, from `start` on and around."""
    return [(start + step * length // count) % length for step in range(count)]


def _pictures(frames: Sequence[Frame], negatives: Sequence[Frame], edit: str, strength: str, seed: int) -> list[Rgb]:
    pictures = []
    # A negative comes several times in a group of few; its turn makes the copies different.
    turns: dict[str, int] = {}
    for frame in frames:
        turn = turns[frame.name] = turns.get(frame.name, -1) + 1
        random = _random(seed, frame.name, edit, strength, str(turn))
        pictures.append(edited(edit, strength, frame.pixels, _other(frame, negatives, random), random))
    return pictures


def _other(frame: Frame, negatives: Sequence[Frame], random: Random) -> Rgb:
    """A picture of another source; never a reference, which would be a right answer that counts as wrong."""
    others = [other for other in negatives if other.source != frame.source] or list(negatives)
    return others[int(random.integers(len(others)))].pixels


def _random(seed: int, *words: str) -> Random:
    digest = hashlib.sha256("/".join([str(seed), *words]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8]))
