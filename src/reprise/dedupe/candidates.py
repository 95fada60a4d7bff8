"""Pairs of videos that are worth aligning, from the near neighbours of their representative frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.dedupe.frame_join import FrameJoin, JoinCost, Neighbours
from reprise.dedupe.representatives import RepresentativeSet

LEAST_SIMILARITY = 0.5  # of two frames, off the mean of the library
NEIGHBOURS = 16  # videos that a representative frame may vote for
PARTNERS = 16  # videos that a video is aligned with, at most, on its own account
PAIRS_A_VIDEO = 6  # on average, of the whole library
LEAST_EVIDENCE = 0.08
# Of pairs with less evidence than this hardly one in a hundred shares anything, and they cost as much to align as
# the others: of 1500 drawn videos three quarters of the time, for none of 1314 planted pairs; of the labelled pairs
# that are found, 2 of 108.
FAINT_EVIDENCE = 0.3
FAINT_PAIRS_A_VIDEO, FAINT_PAIRS = 0.25, 1000  # at most so many are aligned, on average or in all
# What a frame's last neighbour has is no more than chance, unless it is as like as this: then the neighbours are many
# copies of one thing.
HIGHEST_CHANCE = 0.7
# A frame that so many videos hold says little: an ident, a title, colour bars.
COMMON = 50
COMMON_SHARE = 0.25  # of a video's frames, from which common ones make a pair all the same: a clip that went round


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of videos by their positions, the likeliest first."""

    pairs: NDArray[np.int64]  # [pairs, 2], the smaller position first
    evidence: NDArray[np.float64]  # [pairs] similarity above chance, summed over frames
    join: JoinCost
    common_frames: int  # representatives that more than COMMON videos hold
    left_out: int  # pairs of little evidence that there was no room for


def find_candidates(
    representatives: RepresentativeSet, progress: Callable[[int, int], None] | None = None
) -> Candidates:
    """The pairs whose representative frames are near to each other.

    At most PARTNERS a video on its account and PAIRS_A_VIDEO on average, those with most evidence, and few with next
    to none, so that what there is to align grows with the videos. `progress` is told how much of the frames is
    compared, and of how much.
    """
    join = FrameJoin(representatives.rows, representatives.owners, least=LEAST_SIMILARITY, most=NEIGHBOURS)
    near, commonness = join.run(progress)
    pairs, evidence = _weighed(near, commonness, representatives)
    chosen = _best_partners(pairs, evidence)
    videos = len(representatives.lengths)
    clear = int((evidence[chosen] >= FAINT_EVIDENCE).sum())
    faint = max(FAINT_PAIRS, int(FAINT_PAIRS_A_VIDEO * videos))
    room = min(max(1000, PAIRS_A_VIDEO * videos), clear + faint)
    return Candidates(
        pairs=pairs[chosen[:room]],
        evidence=evidence[chosen[:room]],
        join=join.cost,
        common_frames=int((commonness > COMMON).sum()),
        left_out=max(0, len(chosen) - room),
    )


def _weighed(
    near: Neighbours, commonness: NDArray[np.int32], representatives: RepresentativeSet
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(pairs [pairs, 2], evidence [pairs]) of all pairs that have some and share more than what everybody has."""
    if not len(near):
        return np.zeros((0, 2), np.int64), np.zeros(0)
    count = len(representatives.lengths)
    one, other = representatives.owners[near.vector].astype(np.int64), near.owner.astype(np.int64)
    keys, pair = np.unique(np.minimum(one, other) * count + np.maximum(one, other), return_inverse=True)
    first, second = np.divmod(keys, count)
    evidence = np.bincount(pair, near.similarity - _chance(near, len(commonness)), minlength=len(keys))
    is_rare = commonness[near.vector] <= COMMON
    has_rare = np.bincount(pair, is_rare, minlength=len(keys)) > 0
    shares = [
        np.bincount(pair, one == video[pair], minlength=len(keys)) / representatives.lengths[video]
        for video in (first, second)
    ]
    follow = (evidence >= LEAST_EVIDENCE) & (has_rare | (np.maximum(*shares) >= COMMON_SHARE))
    return np.stack((first[follow], second[follow]), axis=1), np.asarray(evidence[follow], np.float64)


def _chance(near: Neighbours, vectors: int) -> NDArray[np.float32]:
    """What of each neighbour's similarity is chance: that of its vector's last neighbour, where it has them all."""
    last = np.full(vectors, HIGHEST_CHANCE, np.float32)
    np.minimum.at(last, near.vector, near.similarity)
    last[np.bincount(near.vector, minlength=vectors) < NEIGHBOURS] = LEAST_SIMILARITY
    return np.asarray(last[near.vector])


def _best_partners(pairs: NDArray[np.int64], evidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which pairs are among the best PARTNERS of either video; those with most evidence first."""
    video, pair = pairs.T.ravel(), np.tile(np.arange(len(pairs)), 2)
    order = np.lexsort((pair, -evidence[pair], video))
    starts = np.flatnonzero(np.diff(video[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
    chosen = np.unique(pair[order[rank < PARTNERS]])
    return chosen[np.argsort(-evidence[chosen], kind="stable")]
