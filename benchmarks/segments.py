"""The whole main job on a folder of labelled videos: ingest the references, query the queries, score the segments.

    python benchmarks/segments.py BENCH [--library LIB] [--predictions FILE]

BENCH holds `refs/*.mp4`, `queries/*.mp4`, `labels.json` in VCSL's layout (`{"qid-rid": [[q_start, r_start, q_end,
r_end], ...]}`) and `cases.jsonl`, one object a query with its kind and each segment's edits. Figures are VCSL's:
means over pairs of precision (pairs with a predicted segment) and recall (pairs with a true one), and their F.
A pair is scored if it is labelled or predicted. Per edit: the labelled pairs that hold a segment with that edit.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import reprise
from reprise import QuerySettings
from reprise.evaluation import evaluate, harmonic_mean, score_pairs

Boxes = dict[str, list[list[float]]]


def main() -> None:
    """Runs the benchmark that the arguments name and prints its tables."""
    arguments = _arguments()
    bench = Path(arguments.bench)
    truth: Boxes = json.loads((bench / "labels.json").read_text())
    cases = [json.loads(line) for line in (bench / "cases.jsonl").read_text().splitlines() if line.strip()]
    with tempfile.TemporaryDirectory() as scratch:
        place = arguments.library or f"{scratch}/library"
        with reprise.open(place) as library:
            ingest_s = _timed(lambda: _ingest(library, bench / "refs"))
            predicted: Boxes = {}
            query_s = _timed(lambda: predicted.update(_predict(library, cases, bench / "queries")))
    if arguments.predictions:
        Path(arguments.predictions).write_text(json.dumps(predicted))
    _print_overall(predicted, truth)
    _print_by_edit(predicted, truth, cases)
    _print_false_alarms(predicted, cases)
    cpu = sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"\nwall time: ingest {ingest_s:.1f} s, {len(cases)} queries {query_s:.1f} s; user CPU time {cpu:.1f} s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", help="folder with refs, queries, labels.json and cases.jsonl")
    parser.add_argument("--library", help="library to use; by default a new one that is thrown away")
    parser.add_argument("--predictions", help="file to write the predicted segments to, in VCSL's layout")
    return parser.parse_args()


def _timed(work: Any) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _ingest(library: reprise.Library, references: Path) -> None:
    report = library.ingest([references])
    for failed in report.failed:
        print(f"not ingested: {failed.reason}")


def _predict(library: reprise.Library, cases: Iterable[dict[str, Any]], queries: Path) -> Boxes:
    predicted: Boxes = {}
    for case in cases:
        for match in library.query(queries / f"{case['qid']}.mp4", QuerySettings()):
            pair = f"{case['qid']}-{Path(match.reference).stem}"
            predicted[pair] = [segment.box for segment in match.segments]
    return predicted


def _print_overall(predicted: Boxes, truth: Boxes) -> None:
    overall = evaluate(predicted, truth)
    print(f"pairs scored: {overall.pairs}, labelled: {len(truth)}, predicted: {len(predicted)}")
    print(f"{'':24}{'recall':>8}{'precision':>11}{'F':>8}")
    print(f"{'overall':24}{_figure(overall.recall):>8}{_figure(overall.precision):>11}{_figure(overall.f_score):>8}")
    for message in overall.messages:
        print(message)


def _print_by_edit(predicted: Boxes, truth: Boxes, cases: Iterable[dict[str, Any]]) -> None:
    pairs: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        for segment in case["segments"]:
            pair = f"{case['qid']}-{segment['ref']}"
            for transform in segment["transforms"]:
                pairs[transform["name"]].add(pair)
            if not segment["transforms"]:
                pairs["(plain)"].add(pair)
            if len(segment["transforms"]) > 1:
                pairs["(combined)"].add(pair)
    print(f"\n{'by edit':24}{'recall':>8}{'precision':>11}{'F':>8}{'pairs':>8}{'found':>8}")
    for edit in sorted(pairs):
        scores = score_pairs(predicted, truth, sorted(pairs[edit]))
        answered = [score.precision for pair, score in scores.items() if predicted.get(pair)]
        recall = sum(score.recall for score in scores.values()) / len(scores)
        precision = sum(answered) / len(answered) if answered else None
        f_score = None if precision is None else harmonic_mean(precision, recall)
        row = f"{edit:24}{recall:>8.3f}{_figure(precision):>11}{_figure(f_score):>8}"
        print(f"{row}{len(scores):>8}{len(answered):>8}")


def _print_false_alarms(predicted: Boxes, cases: Iterable[dict[str, Any]]) -> None:
    alarmed = {pair.split("-")[0] for pair in predicted}
    groups: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        if not case["segments"]:
            groups[case["kind"] + (" (ambiguous)" if case.get("ambiguous") else "")].append(case["qid"])
    print("\nqueries with no copy in the library that got an answer all the same")
    for kind, queries in sorted(groups.items()):
        print(f"{kind:32}{sum(query in alarmed for query in queries):>4} of {len(queries)}")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
