"""The figures of the segment benchmark: what was found held against what is true, with nothing read or run.

A pair id is `qid-rid`, with no hyphen within an id; a box is `[q_start, r_start, q_end, r_end]` in seconds.
Recall, precision and F are VCSL's (see `reprise.evaluation`); a pair is scored if it is labelled or predicted.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reprise.evaluation import Box, evaluate, harmonic_mean, score_pairs

Case = Mapping[str, Any]  # a query of the benchmark: qid, kind, segments with their ref and transforms
Boxes = dict[str, list[list[float]]]  # pair id to boxes

STRENGTHS = ("light", "medium", "hard", "natural")
PLAIN, COMBINED = "(plain)", "(combined)"
MATCHED_IOU = 0.5  # from here a prediction is of a true segment, and how far its ends are off can be told
CLOSE_S, NEAR_S = 0.2, 0.5
ENDS = ("query start", "reference start", "query end", "reference end")  # in the order of a box


@dataclass(frozen=True, slots=True)
class FoundSegment:
    """A predicted segment with its score."""

    box: tuple[float, float, float, float]
    score: float


Found = Mapping[str, Sequence[FoundSegment]]  # pair id to segments of any score


@dataclass(frozen=True, slots=True)
class Figures:
    """Recall, precision and F of some pairs, 0 to 1; None where there is nothing to average."""

    recall: float | None
    precision: float | None
    f_score: float | None
    pairs: int  # that were scored
    found: int  # of them with a prediction


@dataclass(frozen=True, slots=True)
class EndErrors:
    """Absolute differences of predicted from true ends over matched segments; seconds, None for no segment."""

    segments: int
    median_s: float | None
    percentile_90_s: float | None
    within_close: float | None  # share of at most CLOSE_S
    within_near: float | None  # share of at most NEAR_S


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What a score threshold gives."""

    min_score: float
    figures: Figures
    alarmed: dict[str, tuple[int, int]]  # see `false_alarms`


def is_in_half(query_id: str, half: str) -> bool:
    """Whether a query belongs to the half "odd", "even" or "both", by the parity of its id's CRC-32."""
    return half == "both" or zlib.crc32(query_id.encode()) % 2 == {"even": 0, "odd": 1}[half]


def query_of(pair: str) -> str:
    """The query's id in a pair's."""
    return pair.split("-", maxsplit=1)[0]


def at_least(found: Found, min_score: float) -> Boxes:
    """The boxes of the segments with that score or a higher one; pairs that are left with none are left out."""
    kept = {pair: [list(one.box) for one in segments if one.score >= min_score] for pair, segments in found.items()}
    return {pair: boxes for pair, boxes in kept.items() if boxes}


def overall_figures(predicted: Boxes, truth: Boxes) -> Figures:
    """Of all pairs that are labelled or predicted."""
    overall = evaluate(predicted, truth)
    return Figures(overall.recall, overall.precision, overall.f_score, overall.pairs, len(predicted))


def figures_by_kind(predicted: Boxes, truth: Boxes, cases: Iterable[Case]) -> dict[str, Figures]:
    """By kind of query, of the kinds with labelled pairs; a kind's false pairs lower its precision."""
    kinds = {case["qid"]: case["kind"] for case in cases}
    by_kind: dict[str, set[str]] = defaultdict(set)
    for pair in {**truth, **predicted}:
        by_kind[kinds[query_of(pair)]].add(pair)
    labelled = {kinds[query_of(pair)] for pair in truth}
    return {kind: _figures(predicted, truth, by_kind[kind]) for kind in sorted(labelled)}


def figures_by_edit(predicted: Boxes, truth: Boxes, cases: Iterable[Case]) -> dict[tuple[str, str], Figures]:
    """By edit and strength, over the labelled pairs that hold a segment with them.

    The key (edit, "") is the edit in any strength, ("", strength) any edit in the strength; PLAIN stands for
    segments with no edit, COMBINED for those with several.
    """
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for case in cases:
        for segment in case["segments"]:
            pair = f"{case['qid']}-{segment['ref']}"
            transforms = segment["transforms"]
            keys = {key for one in transforms for key in _keys(one["name"], one["strength"])}
            if len(transforms) != 1:
                keys.add((COMBINED if transforms else PLAIN, ""))
            for key in keys:
                groups[key].add(pair)
    return {key: _figures(predicted, truth, groups[key]) for key in sorted(groups)}


def false_alarms(predicted: Boxes, cases: Iterable[Case]) -> dict[str, tuple[int, int]]:
    """By kind of query with no copy: how many got an answer all the same, and how many there are."""
    alarmed = {query_of(pair) for pair in predicted}
    counts: dict[str, list[bool]] = defaultdict(list)
    for case in cases:
        if not case["segments"]:
            kind = "ambiguous" if case.get("ambiguous") else case["kind"]
            counts[kind].append(case["qid"] in alarmed)
    return {kind: (sum(answers), len(answers)) for kind, answers in sorted(counts.items())}


def end_errors(predicted: Boxes, truth: Boxes) -> dict[str, EndErrors]:
    """How far the ends of matched segments are off, for each of ENDS and for "all"."""
    differences = [
        np.abs(np.subtract(box, true))
        for pair, boxes in predicted.items()
        for box, true in matched(boxes, truth.get(pair, []))
    ]
    table = np.array(differences).reshape(-1, 4)
    columns = {end: table[:, column] for column, end in enumerate(ENDS)}
    return {name: _errors(values) for name, values in [*columns.items(), ("all", table.ravel())]}


def matched(boxes: Sequence[Box], truth: Sequence[Box]) -> list[tuple[Box, Box]]:
    """Predictions with the true segment that each is of: IoU above MATCHED_IOU on both axes, one to one."""
    overlaps = [
        (min(_iou(box, true, axis) for axis in (0, 1)), i, j)
        for i, box in enumerate(boxes)
        for j, true in enumerate(truth)
    ]
    pairs: list[tuple[Box, Box]] = []
    free_boxes, free_truth = set(range(len(boxes))), set(range(len(truth)))
    for overlap, i, j in sorted(overlaps, key=lambda one: (-one[0], one[1:])):
        if overlap > MATCHED_IOU and i in free_boxes and j in free_truth:
            free_boxes.remove(i)
            free_truth.remove(j)
            pairs.append((boxes[i], truth[j]))
    return pairs


def candidate_recall(
    candidates: Mapping[str, Sequence[str]], truth: Boxes, depths: Sequence[int]
) -> dict[int, float]:
    """Share of the labelled pairs whose reference is among the query's first `depth` candidates; {} for no pair.

    candidates: query id to reference ids, best first.
    """
    if not truth:
        return {}
    pairs = [pair.split("-") for pair in truth]
    return {
        depth: sum(reference in candidates[query][:depth] for query, reference in pairs) / len(pairs)
        for depth in depths
    }


def curve(found: Found, truth: Boxes, cases: Sequence[Case], thresholds: Iterable[float]) -> list[CurvePoint]:
    """The overall figures and false alarms with each threshold on the segments' score."""
    points = []
    for threshold in thresholds:
        predicted = at_least(found, threshold)
        points.append(CurvePoint(threshold, overall_figures(predicted, truth), false_alarms(predicted, cases)))
    return points


def _keys(edit: str, strength: str) -> list[tuple[str, str]]:
    return [(edit, ""), (edit, strength), ("", strength)]


def _figures(predicted: Boxes, truth: Boxes, pairs: Iterable[str]) -> Figures:
    scores = score_pairs(predicted, truth, sorted(pairs))
    answered = [score.precision for pair, score in scores.items() if predicted.get(pair)]
    true = [score.recall for pair, score in scores.items() if truth.get(pair)]
    recall, precision = _mean(true), _mean(answered)
    f_score = None if precision is None or recall is None else harmonic_mean(precision, recall)
    return Figures(recall, precision, f_score, len(scores), len(answered))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _iou(box: Box, other: Box, axis: int) -> float:
    shared = min(box[axis + 2], other[axis + 2]) - max(box[axis], other[axis])
    covered = max(box[axis + 2], other[axis + 2]) - min(box[axis], other[axis])
    return max(shared, 0.0) / covered if covered > 0 else 0.0


def _errors(values: np.ndarray[Any, np.dtype[np.float64]]) -> EndErrors:
    if not len(values):
        return EndErrors(0, None, None, None, None)

    def within(limit_s: float) -> float:
        # Labels lie on the grid of the file's frames and are rounded: a millisecond is no difference.
        return float(np.mean(values <= limit_s + 1e-3))

    return EndErrors(
        len(values), float(np.median(values)), float(np.percentile(values, 90)), within(CLOSE_S), within(NEAR_S)
    )
