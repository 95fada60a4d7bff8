"""The whole main job on a folder of labelled videos: ingest the references, query the queries, score the segments.

    python benchmarks/segments.py BENCH [--aligner NAME] [--refine] [--min-score S] [--half odd|even] [--cache DIR]

BENCH holds `refs/*.mp4`, `queries/*.mp4`, `labels.json` in VCSL's layout (`{"qid-rid": [[q_start, r_start, q_end,
r_end], ...]}`) and `cases.jsonl`, one object a query with its kind and each segment's edits. Figures are VCSL's:
means over pairs of precision (pairs with a predicted segment) and recall (pairs with a true one), and their F.
A pair is scored if it is labelled or predicted. Per edit and strength: the labelled pairs that hold such a segment.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import reprise
from query_cache import embedded_query
from reprise import EmbedSettings, QuerySettings
from reprise.alignment.aligners import ALIGNERS
from segment_figures import (
    Boxes,
    Case,
    Found,
    FoundSegment,
    at_least,
    candidate_recall,
    curve,
    end_errors,
    false_alarms,
    figures_by_edit,
    figures_by_kind,
    is_in_half,
    overall_figures,
    query_of,
)
from segment_report import Report, as_json, curve_csv, tables

DEPTHS = (1, 5, 20)  # of the coarse vote
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(20))


def main() -> None:
    """Runs the benchmark that the arguments name and prints its tables."""
    arguments = _arguments()
    bench = Path(arguments.bench)
    truth: Boxes = json.loads((bench / "labels.json").read_text())
    truth = {pair: boxes for pair, boxes in truth.items() if is_in_half(query_of(pair), arguments.half)}
    lines = (bench / "cases.jsonl").read_text().splitlines()
    cases = [case for case in map(json.loads, filter(str.strip, lines)) if is_in_half(case["qid"], arguments.half)]
    cache = Path(arguments.cache) if arguments.cache else None
    # Refining costs seconds a segment: what is too faint for the tables is not refined, and not on the curve.
    wanted = QuerySettings(aligner=arguments.aligner, min_score=arguments.min_score, refine=arguments.refine)
    settings = wanted if arguments.refine else replace(wanted, min_score=0)
    with tempfile.TemporaryDirectory() as scratch:
        place = arguments.library or (cache or Path(scratch)) / "library"
        with reprise.open(place) as library:
            began = time.monotonic()
            _ingest(library, bench / "refs")
            ingested = time.monotonic()
            found, candidates = _ask(library, cases, bench / "queries", settings, cache)
            answered = time.monotonic()
    predicted = at_least(found, wanted.least_score)
    report = Report(
        min_score=wanted.least_score,
        labelled=len(truth),
        overall=overall_figures(predicted, truth),
        by_kind=figures_by_kind(predicted, truth, cases),
        by_edit=figures_by_edit(predicted, truth, cases),
        false_alarms=false_alarms(predicted, cases),
        end_errors=end_errors(predicted, truth),
        candidate_recall=candidate_recall(candidates, truth, DEPTHS),
        curve=curve(found, truth, cases, THRESHOLDS),
    )
    print(tables(report))
    _write(arguments, report, predicted)
    print(f"\nwall time: ingest {ingested - began:.1f} s, {len(cases)} queries {answered - ingested:.1f} s")


def _arguments() -> argparse.Namespace:
    usual = QuerySettings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", help="folder with refs, queries, labels.json and cases.jsonl")
    parser.add_argument("--aligner", choices=list(ALIGNERS), default=usual.aligner)
    parser.add_argument("--refine", action="store_true", help="locate the segments' ends to a fraction of a second")
    parser.add_argument("--min-score", type=float, help="of the segments in the tables, else the aligner's own")
    parser.add_argument(
        "--half", choices=("odd", "even", "both"), default="both", help="queries by the parity of crc32(qid)"
    )
    parser.add_argument("--library", help="library to use; by default a new one that is thrown away")
    parser.add_argument(
        "--cache", help="folder that keeps the embedded queries, and the library if --library is left out"
    )
    parser.add_argument("--predictions", help="file to write the predicted segments to, in VCSL's layout")
    parser.add_argument("--json", help="file to write all figures to")
    parser.add_argument("--csv", help="file to write the curve over the score threshold to")
    return parser.parse_args()


def _ingest(library: reprise.Library, references: Path) -> None:
    report = library.ingest([references])
    for failed in report.failed:
        print(f"not ingested: {failed.reason}")


def _ask(
    library: reprise.Library, cases: Iterable[Case], queries: Path, settings: QuerySettings, cache: Path | None
) -> tuple[Found, dict[str, Sequence[str]]]:
    """What is found, whatever its score, and each query's candidates, best first."""
    embedding = EmbedSettings(fps=library.info().fps)
    deep = replace(settings, top_k=max(DEPTHS))
    found: dict[str, list[FoundSegment]] = {}
    candidates: dict[str, Sequence[str]] = {}
    for case in cases:
        query = embedded_query(queries / f"{case['qid']}.mp4", embedding, cache)
        candidates[case["qid"]] = [Path(path).stem for path in library.candidates(query, deep)]
        for match in library.query_embedded(query, settings):
            pair = f"{case['qid']}-{Path(match.reference).stem}"
            found[pair] = [
                FoundSegment((s.query_start_s, s.reference_start_s, s.query_end_s, s.reference_end_s), s.score)
                for s in match.segments
            ]
    return found, candidates


def _write(arguments: argparse.Namespace, report: Report, predicted: Boxes) -> None:
    if arguments.predictions:
        Path(arguments.predictions).write_text(json.dumps(predicted))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(as_json(report), indent=1) + "\n")
    if arguments.csv:
        Path(arguments.csv).write_text(curve_csv(report.curve))


if __name__ == "__main__":
    main()
