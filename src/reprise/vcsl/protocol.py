"""The protocol of VCSL: which pairs there are, what is predicted for them, and how that is scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reprise.errors import BenchmarkError, printable
from reprise.evaluation import MacroScore, OverallScore, macro_score, overall_score, score_pairs
from reprise.vcsl.aligning import AlignTask, align_pairs, checked_aligner
from reprise.vcsl.annotation import (
    Boxes,
    Pair,
    box_fault,
    read_frame_counts,
    read_labels,
    read_pairs,
    read_predictions,
    read_query_sets,
)
from reprise.vcsl.findings import Finding, by_reason
from reprise.vcsl.work_folder import WorkFolder

Progress = Callable[[int, int], None]  # pairs done, pairs in all


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a run is about."""

    labels: Mapping[str, Boxes]  # of all pairs that the file has, those outside `pairs` too
    pairs: Sequence[Pair]
    query_sets: Mapping[str, Sequence[Pair]] | None = None  # for the macro figures
    frame_counts: Mapping[str, int] | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def positives(self) -> int:
        """Pairs with a copy."""
        return sum(pair.id in self.labels for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class Predictions:
    """Boxes for each pair and setting. A pair that could not be done has none, and a finding says so."""

    boxes: Mapping[str, Sequence[Boxes]]  # by pair, for each setting
    findings: tuple[Finding, ...] = ()

    def of_setting(self, index: int) -> dict[str, Boxes]:
        """The predictions of one setting, as VCSL's prediction files hold them."""
        return {pair_id: boxes[index] for pair_id, boxes in self.boxes.items()}


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of the protocol; `macro` is None where no query sets were given."""

    overall: OverallScore
    macro: MacroScore | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "overall": asdict(self.overall),
            "macro": None if self.macro is None else asdict(self.macro),
        }


def read_annotation(
    labels: Path,
    *,
    pairs: Path | None = None,
    split_meta: Path | None = None,
    split: str = "test",
    frames: Path | None = None,
    sample: int | None = None,
) -> Annotation:
    """The pairs are those of the file `pairs`; without one those of the split; without that those of the labels.

    sample: so many of the pairs are taken, spread evenly over the list; None for all.
    Raises BenchmarkError, naming the file, where one cannot be used.
    """
    boxes = read_labels(labels)
    sets = None if split_meta is None else read_query_sets(split_meta, split)
    if pairs is not None:
        listed = read_pairs(pairs)
    elif sets is not None:
        listed = [*dict.fromkeys(pair for members in sets.values() for pair in members)]
    else:
        try:
            listed = [Pair.of(pair_id) for pair_id in boxes]
        except ValueError as error:
            raise BenchmarkError(f"{printable(labels)}: {error}") from error
    if not listed:
        raise BenchmarkError(f"{printable(split_meta or labels)}: it names no pair")
    findings = _about_lists(boxes, listed, sets)
    if sample is not None and sample < len(listed):
        listed = [listed[i * len(listed) // sample] for i in range(sample)]
    if sets is not None:
        kept = set(listed)
        sets = {name: [pair for pair in members if pair in kept] for name, members in sets.items()}
        sets = {name: members for name, members in sets.items() if members}
    counts = None if frames is None else read_frame_counts(frames)
    return Annotation(boxes, listed, sets, counts, tuple(findings))


def predict(
    annotation: Annotation,
    task: AlignTask,
    folder: Path,
    *,
    workers: int,
    faults: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Predictions:
    """The predictions of the task's aligner, with what is done kept in `folder`.

    faults: by video, why there is nothing of it; its pairs are not tried.
    Raises SettingsError for unknown or impossible settings and where `folder` holds a run with others.
    """
    for parameters in task.settings:
        checked_aligner(task.aligner, parameters)
    settings = {"aligner": task.aligner, "parameters": [*map(dict, task.settings)], "source": task.source.identity()}
    faults = faults or {}
    failed: dict[str, str] = {}
    remarks: list[str] = []
    with WorkFolder(folder, settings) as work:
        for pair in annotation.pairs:
            reason = faults.get(pair.query) or faults.get(pair.reference)
            if reason:
                failed[pair.id] = reason
        to_do = [pair for pair in annotation.pairs if pair.id not in work.done and pair.id not in failed]
        done = len(annotation.pairs) - len(to_do)
        if progress:
            progress(done, len(annotation.pairs))
        with closing(align_pairs(task, to_do, workers)) as chunks:
            for aligned in chunks:
                work.add(aligned)
                failed |= {one.pair.id: one.fault for one in aligned if one.fault}
                remarks += [one.remark for one in aligned if one.remark]
                done += len(aligned)
                if progress:
                    progress(done, len(annotation.pairs))
        nothing: list[Boxes] = [[] for _ in task.settings]
        boxes = {pair.id: work.done.get(pair.id, nothing) for pair in annotation.pairs}
    findings = [_not_done(failed, len(annotation.pairs))] if failed else []
    if remarks:
        odd = by_reason(remarks, "pair")
        findings.append(
            Finding(f"videos that are not as long as the frame counts say: {len(odd)}", odd, is_fault=False)
        )
    return Predictions(boxes, tuple(findings))


def given_predictions(annotation: Annotation, path: Path) -> Predictions:
    """Predictions from a file, for which nothing is aligned. Raises BenchmarkError if it cannot be used."""
    given = read_predictions(path)
    failed = {}
    boxes: dict[str, list[Boxes]] = {}
    for pair in annotation.pairs:
        fault = "" if pair.id not in given else box_fault(pair.id, given[pair.id])
        if pair.id not in given:
            fault = f"pair {pair.id}: the predictions do not have it"
        if fault:
            failed[pair.id] = fault
        boxes[pair.id] = [[] if fault else given[pair.id]]
    findings = [_not_done(failed, len(annotation.pairs))] if failed else []
    others = tuple(pair_id for pair_id in given if pair_id not in boxes)
    if others:
        what = f"predicted pairs outside the list of pairs, which are not looked at: {len(others)}"
        findings.append(Finding(what, others, is_fault=False))
    return Predictions(boxes, tuple(findings))


def score(annotation: Annotation, predicted: Mapping[str, Boxes]) -> Figures:
    """The figures of one setting's predictions."""
    scores = score_pairs(predicted, annotation.labels, [pair.id for pair in annotation.pairs])
    overall = overall_score(scores.values(), positives=annotation.positives)
    if not annotation.query_sets:
        return Figures(overall)
    sets = {name: [pair.id for pair in members] for name, members in annotation.query_sets.items()}
    return Figures(overall, macro_score(scores, sets))


def _not_done(failed: Mapping[str, str], total: int) -> Finding:
    what = f"pairs that could not be done, and count as pairs with nothing predicted: {len(failed)} of {total}"
    return Finding(what, by_reason(failed.values(), "pair"), is_fault=True)


def _about_lists(
    labels: Mapping[str, Boxes], pairs: Sequence[Pair], query_sets: Mapping[str, Sequence[Pair]] | None
) -> list[Finding]:
    """Where the files of the annotation do not list the same pairs."""
    listed = {pair.id for pair in pairs}
    findings = []
    # No fault: VCSL's own file of labels is one for all splits.
    unlisted = tuple(pair_id for pair_id in labels if pair_id not in listed)
    if unlisted:
        what = f"labelled pairs outside the list of pairs, which are not looked at: {len(unlisted)}"
        findings.append(Finding(what, unlisted, is_fault=False))
    if query_sets is not None:
        in_sets = {pair.id for members in query_sets.values() for pair in members}
        outside = tuple(sorted(in_sets - listed))
        if outside:
            what = (
                f"pairs of query sets outside the list of pairs, without which the macro figures are: {len(outside)}"
            )
            findings.append(Finding(what, outside, is_fault=True))
        setless = tuple(sorted(listed - in_sets))
        if setless:
            what = f"pairs in no query set, without which the macro figures are: {len(setless)}"
            findings.append(Finding(what, setless, is_fault=False))
    return findings
