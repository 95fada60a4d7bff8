"""How well predicted segments meet the true ones: the metric of the VCSL benchmark.

Source: He et al., "A Large-scale Comprehensive Dataset and Copy-overlap Aware Evaluation Protocol for
Segment-level Video Copy Detection", CVPR 2022, section 4.  A box is `[q_start, r_start, q_end, r_end]`
in seconds, half-open on both axes; a pair is one query held against one reference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Box = Sequence[float]
Interval = tuple[float, float]

# VCSL: added to every sum of lengths, so that a perfect prediction scores just below 1 and stays in the mean
LENGTH_EPSILON_S = 1e-6


@dataclass(frozen=True, slots=True)
class PairScore:
    precision: float  # share of the predicted seconds that are true, 0 to 1
    recall: float  # share of the true seconds that were predicted, 0 to 1


@dataclass(frozen=True, slots=True)
class OverallScore:
    """The published figures over a list of pairs; a figure is None where nothing is left to average.

    `messages` says why, one sentence for each figure that is None.
    """

    pairs: int
    precision: float | None  # mean over the `precision_pairs` pairs whose precision is not exactly 1
    precision_pairs: int
    recall: float | None  # mean over the `recall_pairs` pairs whose recall is not exactly 1
    recall_pairs: int
    f_score: float | None  # harmonic mean of the two
    false_rejection_rate: float | None  # FRR: share of the pairs with a copy for which nothing was predicted
    false_alarm_rate: float | None  # FAR: share of the pairs without a copy for which something was predicted
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MacroScore:
    query_sets: int
    precision: float
    recall: float
    f_score: float


def union_length(intervals: Iterable[Interval]) -> float:
    """Seconds that the intervals cover together; 0 for none.  Touching intervals merge."""
    # Deviation: VCSL's own code rounds this length to float32; ours does not, which is below 1e-6 in a figure
    covered = 0.0
    reached = -math.inf
    for start, end in sorted(intervals):
        if end > max(start, reached):
            covered += end - max(start, reached)
            reached = end
    return covered


def score_pair(predicted: Sequence[Box], truth: Sequence[Box]) -> PairScore:
    """Precision and recall of one pair, each the product of its query axis and its reference axis.

    Predictions only: (0, 1).  Truth only: (1, 0).  Neither: (1, 1).  These exact ones mark what the
    overall mean leaves out: with boxes on both sides the epsilon keeps both figures below 1.  A box that
    ends before it starts on an axis (the published labels hold one) covers nothing; its length there is 0.

    Raises ValueError where a box is not four finite numbers.
    """
    _check_boxes(predicted)
    _check_boxes(truth)
    if len(predicted) == 0 or len(truth) == 0:
        return PairScore(precision=float(len(predicted) == 0), recall=float(len(truth) == 0))
    return PairScore(precision=_covered_share(predicted, truth), recall=_covered_share(truth, predicted))


def score_pairs(
    predicted: Mapping[str, Sequence[Box]],
    truth: Mapping[str, Sequence[Box]],
    pair_ids: Iterable[str] | None = None,
) -> dict[str, PairScore]:
    """The score of every pair of `pair_ids`, in that order; left out, of every pair that has a key in either.

    A pair without a key has no boxes on that side; keys that are not in `pair_ids` are not looked at.
    Raises ValueError, naming the pair, where a box is not four finite numbers.
    """
    scores = {}
    for pair_id in {**truth, **predicted} if pair_ids is None else pair_ids:
        try:
            scores[pair_id] = score_pair(predicted.get(pair_id, ()), truth.get(pair_id, ()))
        except ValueError as error:
            raise ValueError(f"pair {pair_id}: {error}") from error
    return scores


def evaluate(
    predicted: Mapping[str, Sequence[Box]],
    truth: Mapping[str, Sequence[Box]],
    pair_ids: Iterable[str] | None = None,
) -> OverallScore:
    """The published ("micro") figures; the arguments are those of `score_pairs`.

    VCSL writes FRR = (1+ratio)/ratio * misses/N and FAR = (1+ratio) * alarms/N, where ratio is
    positives/negatives; counted on these very pairs, that is misses/positives and alarms/negatives.
    """
    scores = score_pairs(predicted, truth, pair_ids)
    positives = sum(len(truth.get(pair_id, ())) > 0 for pair_id in scores)
    return overall_score(scores.values(), positives=positives)


def overall_score(scores: Iterable[PairScore], *, positives: int) -> OverallScore:
    """The figures of `evaluate` from scores already made, of which `positives` are of pairs with a copy.

    Raises ValueError where `positives` does not lie within 0 and the number of scores.
    """
    listed = list(scores)
    negatives = len(listed) - positives
    if positives < 0 or negatives < 0:
        raise ValueError(f"{positives} pairs with a copy among {len(listed)} pairs: the counts do not fit")
    precisions = [score.precision for score in listed if score.precision != 1.0]
    recalls = [score.recall for score in listed if score.recall != 1.0]
    misses = sum(score == PairScore(precision=1.0, recall=0.0) for score in listed)
    alarms = sum(score == PairScore(precision=0.0, recall=1.0) for score in listed)

    messages = []
    if not precisions:
        messages.append(f"precision: nothing to average, none of the {len(listed)} pairs has a predicted segment")
    if not recalls:
        messages.append(f"recall: nothing to average, none of the {len(listed)} pairs has a true segment")
    if not precisions or not recalls:
        messages.append("F: needs both precision and recall")
    if not positives:
        messages.append(f"FRR: none of the {len(listed)} pairs holds a copy")
    if not negatives:
        messages.append(f"FAR: each of the {len(listed)} pairs holds a copy")

    precision = float(np.mean(precisions)) if precisions else None
    recall = float(np.mean(recalls)) if recalls else None
    return OverallScore(
        pairs=len(listed),
        precision=precision,
        precision_pairs=len(precisions),
        recall=recall,
        recall_pairs=len(recalls),
        f_score=None if precision is None or recall is None else harmonic_mean(precision, recall),
        false_rejection_rate=misses / positives if positives else None,
        false_alarm_rate=alarms / negatives if negatives else None,
        messages=tuple(messages),
    )


def macro_score(scores: Mapping[str, PairScore], query_sets: Mapping[str, Sequence[str]]) -> MacroScore:
    """Mean over each query set's pairs, then over the sets; here exact ones count too.

    query_sets: name of the set to the ids of its pairs, each a key of `scores`.
    Raises ValueError where there is no set, a set is empty or one of its pairs has no score.
    """
    if not query_sets:
        raise ValueError("no query set to average over")
    for name, pair_ids in query_sets.items():
        missing = [pair_id for pair_id in pair_ids if pair_id not in scores]
        if not pair_ids or missing:
            reason = f"pair {missing[0]} has no score" if missing else "it holds no pair"
            raise ValueError(f"query set {name}: {reason}")

    def mean(figure: Callable[[PairScore], float]) -> float:
        per_set = [np.mean([figure(scores[pair_id]) for pair_id in ids]) for ids in query_sets.values()]
        return float(np.mean(per_set))

    precision = mean(lambda score: score.precision)
    recall = mean(lambda score: score.recall)
    return MacroScore(
        query_sets=len(query_sets),
        precision=precision,
        recall=recall,
        f_score=harmonic_mean(precision, recall),
    )


def harmonic_mean(precision: float, recall: float) -> float:
    """F of the two; 0 where both are 0."""
    if precision + recall == 0.0:
        return 0.0
    return 2.0 * precision * recall / (precision + recall)


def _covered_share(boxes: Sequence[Box], others: Sequence[Box]) -> float:
    """Product over both axes of (seconds of `boxes` covered by `others`) / (seconds of `boxes` + epsilon)."""
    covered_s = [0.0, 0.0]
    length_s = [0.0, 0.0]
    for box in boxes:
        # VCSL: what counts on one axis must overlap on the other one too; boxes that only touch do not
        overlaps = [
            overlap
            for overlap in (_overlap(box, other) for other in others)
            if all(start < end for start, end in overlap)
        ]
        for axis in (0, 1):
            covered_s[axis] += union_length(overlap[axis] for overlap in overlaps)
            length_s[axis] += max(0.0, box[axis + 2] - box[axis])
    return math.prod(covered_s[axis] / (length_s[axis] + LENGTH_EPSILON_S) for axis in (0, 1))


def _overlap(box: Box, other: Box) -> tuple[Interval, Interval]:
    """What two boxes share on the query and on the reference axis; end <= start where they share nothing."""
    return (
        (max(box[0], other[0]), min(box[2], other[2])),
        (max(box[1], other[1]), min(box[3], other[3])),
    )


def _check_boxes(boxes: Sequence[Box]) -> None:
    for box in boxes:
        if len(box) != 4 or not all(math.isfinite(value) for value in box):
            raise ValueError(f"{list(box)} is not a box: four finite seconds [q_start, r_start, q_end, r_end]")
