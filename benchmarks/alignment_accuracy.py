"""How well aligners find planted copies: straight lines against VCSL's reference aligners, by VCSL's metric.

    python benchmarks/alignment_accuracy.py [--per-kind 100] [--seed 2] [--tune-seed 1] [--labels FILE] [--workers 2]
    python benchmarks/alignment_accuracy.py --oracle FOLDER      on the maps of a folder instead

Maps are simulated (reprise.simulation): thirty kinds, lengths and speeds as VCSL's labels have them. The reference
aligners run at their published settings, with ends as their code gives them (inclusive) and half-open, and at the
best setting of a grid: tuned on the maps of one seed and reported on those of another. Straight lines run at their
default setting everywhere. Their weights come from simulated maps of other seeds than these (10 and above).

A folder for `--oracle` holds maps.npz and cases.json (see accuracy_contenders.py); published settings are taken
from its aligned.json, if there is one. There the references are also tuned on the very maps of the report.

The first table is of all maps, the second of every kind beside the reference that is best at that kind, which is
picked on the maps of the report, in the references' favour. Figures are percent.
"""

# ruff: noqa: E402  (numpy reads the number of threads when it is imported)
from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from accuracy_contenders import (
    OURS,
    REFERENCES,
    Contender,
    grid,
    published,
    read_cases,
    read_published,
)
from accuracy_tables import Scored, best, kind_table, overall_table
from reprise.alignment.aligners import aligner
from reprise.evaluation import Box, PairScore, score_pair
from reprise.simulation.cases import Case, cases
from reprise.simulation.statistics import VCSL, statistics_of_labels
from reprise.vcsl.annotation import read_labels


def main() -> None:
    """Tunes the references, runs all contenders and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-kind", type=int, default=100, help="maps of every kind (default %(default)s)")
    parser.add_argument("--seed", type=int, default=2, help="of the maps of the report (default %(default)s)")
    parser.add_argument("--tune-seed", type=int, default=1, help="of those for tuning (default %(default)s)")
    parser.add_argument("--tune-per-kind", type=int, default=30, help="maps for tuning (default %(default)s)")
    parser.add_argument("--labels", type=Path, help="VCSL's label file: lengths and speeds are drawn from it")
    parser.add_argument("--oracle", type=Path, metavar="FOLDER", help="report on the maps of this folder")
    parser.add_argument("--workers", type=int, default=2, help="processes (default %(default)s)")
    options = parser.parse_args()
    if options.seed == options.tune_seed and not options.oracle:
        parser.error("--seed and --tune-seed must differ: a report on the maps of the tuning means nothing")
    statistics = statistics_of_labels(read_labels(options.labels)) if options.labels else VCSL

    print("tuning the references", file=sys.stderr, flush=True)
    combinations = grid()
    on_seed = run(cases(options.tune_seed, options.tune_per_kind, statistics), combinations, options.workers)
    contenders = [Contender(OURS, "default")]
    contenders += published(read_published(options.oracle)) if options.oracle else published()
    contenders += tuned(combinations, on_seed, f"tuned on seed {options.tune_seed}")
    if options.oracle:
        on_these = run(read_cases(options.oracle), combinations, options.workers)
        contenders += tuned(combinations, on_these, "tuned on these maps")

    print("running", file=sys.stderr, flush=True)
    reported = read_cases(options.oracle) if options.oracle else cases(options.seed, options.per_kind, statistics)
    scored = run(reported, contenders, options.workers)
    names = [contender.name for contender in contenders]
    print(f"{len(scored)} maps, {sum(one.has_copy for one in scored)} with copies\n")
    print(overall_table(names, scored))
    print()
    print(kind_table(names, scored))


def run(of: Iterable[Case], contenders: Sequence[Contender], workers: int) -> list[Scored]:
    """What every contender makes of every case, in the order of the cases."""
    score = partial(scored_case, contenders)
    if workers == 1:
        return [score(case) for case in of]
    with get_context("spawn").Pool(workers) as pool:
        return list(_told(pool.imap(score, of, chunksize=2)))


def scored_case(contenders: Sequence[Contender], case: Case) -> Scored:
    """One case; contenders that differ in nothing but their ends run once."""
    found: dict[str, list[Box]] = {}
    scores: list[PairScore] = []
    for contender in contenders:
        key = f"{contender.aligner} {sorted(contender.parameters.items())}"
        if key not in found:
            align = aligner(contender.aligner, **contender.parameters)
            found[key] = [segment.box for segment in align(case.map)]
        boxes = [inclusive(box) for box in found[key]] if contender.inclusive else found[key]
        scores.append(score_pair(boxes, case.truth))
    return Scored(case.kind, bool(case.truth), tuple(scores))


def inclusive(box: Box) -> Box:
    """A half-open box of whole frames with the ends of VCSL's code: the last frames, not those after them."""
    start, across, end, last = box
    return start, across, end - 1, last - 1


def tuned(combinations: Sequence[Contender], scored: Sequence[Scored], how: str) -> list[Contender]:
    """Each reference aligner's combination with the best F."""
    found = []
    for name in REFERENCES:
        places = [place for place, contender in enumerate(combinations) if contender.aligner == name]
        chosen = combinations[best(scored, places)]
        print(f"{name}, {how}: {chosen.setting}", flush=True)
        found.append(replace(chosen, setting=how))
    return found


def _told(results: Iterator[Scored]) -> Iterator[Scored]:
    for number, result in enumerate(results, 1):
        if number % 200 == 0:
            print(f"{number} maps", file=sys.stderr, flush=True)
        yield result


if __name__ == "__main__":
    main()
