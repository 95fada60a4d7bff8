"""Similarity maps as the inner products of frame vectors: videos of shots whose content drifts, and copies of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.simulation.noise_maps import Cells, dropped_runs
from reprise.simulation.plans import Plan, Planted

Rows = NDArray[np.float64]  # [frames, DIMENSION]

KINDS = (
    "single",
    "speed",
    "multi",
    "short",
    "reversed",
    "loop",
    "loop_reference",
    "gap",
    "lowcontrast",
    "static",
    "nonsquare",
    "negative",
    "hard_negative",
    "credits_negative",
    "short_reference",
    "still",
    "short_hard_negative",
)
DIMENSION = 64
_SAME_DIRECTIONS = 0.3  # share of the shots that drift in the directions that are the video's own
_CREDITS_SHARE = 0.12  # of the maps with frames that are the same in both videos, though they need not
# Least and greatest similarity of a copied frame and its source.
_SIMILARITIES = {"lowcontrast": (0.38, 0.58), "short": (0.6, 0.97), "static": (0.6, 0.95)}
_USUAL_SIMILARITIES = (0.5, 0.97)


@dataclass(frozen=True, slots=True)
class Footage:
    """What the frames of a pair's videos are like."""

    shot_frames: float  # mean length of a shot
    drift: float  # length of a frame's own part, to that of its shot's
    correlation: float  # of that part, from one frame to the next
    directions: int  # that it moves in; DIMENSION: any


def vector_map(rng: np.random.Generator, plan: Plan) -> Cells:
    """The map of a plan, [query frames, reference frames] in -1 to 1; its character depends on the plan's kind."""
    footage = _footage(rng, plan.kind)
    common = _unit(rng.normal(size=DIMENSION))  # what all frames of all videos share
    quiet = plan.kind == "negative" and rng.random() < 0.5
    common_share = rng.uniform(0.1, 0.3) if quiet else rng.uniform(0.3, 0.55)
    reference = _video(rng, plan.reference_frames, footage)
    query = _video(rng, plan.query_frames, footage)
    planted = plan.segments
    if plan.kind == "loop_reference":
        for repeat in planted[1:]:
            reference[_columns(repeat)] = reference[_columns(planted[0])]
        planted = planted[:1]
    similarities = np.zeros(plan.query_frames)  # of query frames and their sources; 0 for those that are no copies
    dropped = np.zeros(plan.query_frames, np.bool_)
    for segment in planted:
        rows = segment.query_frames()
        query[rows] = _source(rng, reference, segment)
        mean = rng.uniform(*_SIMILARITIES.get(plan.kind, _USUAL_SIMILARITIES))
        similarities[rows] = np.clip(mean + rng.normal(0, 0.03, len(rows)), 0.2, 0.99)
        if plan.kind == "gap":
            dropped[rows] = dropped_runs(rng, segment.frames)
    if plan.kind in {"hard_negative", "short_hard_negative"}:
        _add_look_alikes(rng, query, reference)
    if plan.kind == "credits_negative" or rng.random() < _CREDITS_SHARE:
        _add_credits(rng, query, reference, plan)
    reference = _unit(_unit(reference) + common_share * common)
    query = _unit(_unit(query) + common_share * common)
    # What an edit adds looks either like nothing or like other footage.
    edits = _unit(rng.normal(size=query.shape) + (8 if rng.random() < 0.5 else 0) * common_share * common)
    copied = similarities > 0
    query[copied] = _at_similarity(query[copied], edits[copied], similarities[copied][:, None])
    query[dropped] = _unit(_unit(rng.normal(size=(int(dropped.sum()), DIMENSION))) + common_share * common)
    return np.asarray(query @ reference.T)


def _footage(rng: np.random.Generator, kind: str) -> Footage:
    shot_frames, drift = rng.uniform(3, 14), rng.uniform(0.3, 1)
    if kind in {"short_reference", "short_hard_negative"}:
        shot_frames, drift = rng.uniform(3, 25), rng.uniform(0.2, 1)
    elif kind == "still":
        shot_frames, drift = 80.0, rng.uniform(0.05, 0.5)
    elif kind == "static":
        shot_frames, drift = rng.uniform(20, 60), rng.uniform(0.15, 0.4)
    correlation = float(rng.choice([0.5, 0.8, 0.9, 0.97]))
    if correlation > 0.85:  # slow drift stays small within a shot
        drift *= 1.5
    return Footage(shot_frames, drift, correlation, int(rng.choice([2, 4, 8, DIMENSION])))


def _video(rng: np.random.Generator, frames: int, footage: Footage) -> Rows:
    """Shots of geometric lengths: a vector each, and a part that moves from frame to frame (AR(1))."""
    own = _unit(rng.normal(size=(footage.directions, DIMENSION)))
    rows = np.empty((frames, DIMENSION))
    start = 0
    while start < frames:
        end = min(frames, start + max(2, int(rng.geometric(1 / footage.shot_frames))))
        place = _unit(rng.normal(size=DIMENSION))
        moves = _moves(rng, end - start, footage, own)
        for i in range(1, len(moves)):
            kept = footage.correlation
            moves[i] = kept * moves[i - 1] + np.sqrt(1 - kept * kept) * moves[i]
        rows[start:end] = place + footage.drift * moves
        start = end
    return rows


def _moves(rng: np.random.Generator, frames: int, footage: Footage, own: Rows) -> Rows:
    """[frames, DIMENSION], of length about 1."""
    if footage.directions >= DIMENSION:
        return np.asarray(rng.normal(size=(frames, DIMENSION)) / np.sqrt(DIMENSION))
    directions = own if rng.random() < _SAME_DIRECTIONS else _unit(rng.normal(size=own.shape))
    return np.asarray(rng.normal(size=(frames, len(directions))) @ directions / np.sqrt(len(directions)))


def _source(rng: np.random.Generator, reference: Rows, segment: Planted) -> Rows:
    """What the frames of a copy show: the nearest frame of the reference, or, as often, what lies between two."""
    # Frame i stands for the time from i to i + 1 and shows its middle.
    times = segment.reference_times() - 0.5
    before = np.clip(np.floor(times).astype(np.int64), 0, len(reference) - 1)
    after = np.minimum(before + 1, len(reference) - 1)
    share = np.clip(times - before, 0, 1)
    if rng.random() < 0.5:
        return reference[np.where(share < 0.5, before, after)]
    return np.asarray((1 - share[:, None]) * reference[before] + share[:, None] * reference[after])


def _add_look_alikes(rng: np.random.Generator, query: Rows, reference: Rows) -> None:
    """Stretches of the query that resemble one frame of the reference, or its places in another order.

    The latter is another take of the same scene.
    """
    for _ in range(rng.integers(1, 5)):
        frames = min(int(rng.integers(4, 30)), len(query))
        start = int(rng.integers(0, max(1, len(query) - frames)))
        similarity = rng.uniform(0.4, 0.75)
        visited = np.full(frames, rng.integers(0, len(reference)))
        if rng.random() < 0.5:
            steps = rng.normal(0, rng.uniform(0.5, 3), frames)
            visited = np.clip((visited + np.cumsum(steps)).astype(np.int64), 0, len(reference) - 1)
        stretch = query[start : start + frames]
        stretch[:] = _unit(
            np.sqrt(1 - similarity * similarity) * _unit(stretch) + similarity * _unit(reference[visited])
        )


def _add_credits(rng: np.random.Generator, query: Rows, reference: Rows, plan: Plan) -> None:
    """Runs of frames that are the same in both videos, often at their ends, and never within a copy."""
    shown = 3 * _unit(rng.normal(size=DIMENSION))
    copied, source = np.zeros(len(query), np.bool_), np.zeros(len(reference), np.bool_)
    for segment in plan.segments:
        copied[segment.query_frames()] = True
        source[max(0, segment.reference_start - 1) : int(segment.reference_end + 1) + 1] = True
    for video, taken in ((query, copied), (reference, source)):
        for _ in range(rng.integers(1, 3)):
            frames = int(rng.integers(3, 30) if plan.kind == "credits_negative" else rng.integers(1, 12))
            latest = max(0, len(video) - frames)
            start = int(rng.choice([0, latest, int(rng.integers(0, max(1, latest)))]))
            free = np.flatnonzero(~taken[start : start + frames]) + start
            video[free] = shown + rng.normal(0, 0.05, (len(free), DIMENSION))


def _columns(segment: Planted) -> slice:
    return slice(segment.reference_start, int(segment.reference_end))


def _at_similarity(rows: Rows, others: Rows, similarities: NDArray[np.float64]) -> Rows:
    """Unit vectors that have these inner products with unit `rows`, on the side of `others`."""
    across = _unit(others - (others * rows).sum(axis=1, keepdims=True) * rows)
    return np.asarray(similarities * rows + np.sqrt(1 - similarities * similarities) * across)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
