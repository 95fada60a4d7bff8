"""`Library.dedupe` on labelled videos: references and queries together as one library, pairs found against labels."""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import reprise
from reprise.dedupe.deduplication import DedupeReport
from reprise.errors import printable

Pair = tuple[str, str]
LEAST_SHARED_S = 3.0  # of two queries' stretches of one reference, from which they share content


def main() -> None:
    """Ingests, runs and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", type=Path, help="folder with refs, queries, labels.json and cases.jsonl")
    parser.add_argument("--library", help="made there, or taken if it is there  [default: made anew, and removed]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, reprise.open(arguments.library or Path(folder) / "lib") as library:
        library.ingest([arguments.bench / "refs", arguments.bench / "queries"])
        report = library.dedupe()
    print_tables(report, arguments.bench)


def print_tables(report: DedupeReport, bench: Path) -> None:
    """Recall of the labelled pairs by edit, and what was found that is not labelled."""
    with (bench / "cases.jsonl").open(encoding="utf-8") as lines:
        cases = {case["qid"]: case for case in map(json.loads, lines)}
    labels = json.loads((bench / "labels.json").read_text(encoding="utf-8"))
    labelled = {pair_of(*key.split("-")) for key in labels}
    over_reference, unknown = shared(labels), shared_distractors(cases)
    clustered, partial = pairs_of(report)
    found = clustered | partial
    print(f"{report.cost.to_json()}")
    print(f"labelled pairs found: {len(found & labelled)} of {len(labelled)}")
    known = over_reference - labelled
    print(f"pairs of queries over one reference found: {len(found & known)} of {len(known)}")
    others = found - labelled - known
    print(f"of {len(found)} pairs found share footage that is in no reference: {len(others & unknown)}")
    print(f"of {len(found)} pairs found share nothing that is known: {len(others - unknown)}")
    wrong = sorted(clustered - labelled - known - unknown)
    print(
        f"of {len(clustered)} pairs of a video that could go and the one to keep share nothing that is known: {wrong}"
    )
    kinds: dict[str, list[bool]] = defaultdict(list)
    strengths: dict[str, list[bool]] = defaultdict(list)
    for qid, case in cases.items():
        for segment in case["segments"]:
            is_found = pair_of(qid, segment["ref"]) in found
            edits = segment["transforms"]
            kinds["(plain)" if not edits else "(combined)" if len(edits) > 1 else edits[0]["name"]].append(is_found)
            for strength in {edit["strength"] for edit in edits}:
                strengths[strength].append(is_found)
    for table in (strengths, kinds):
        for name, values in sorted(table.items()):
            print(f"  {name:18} {sum(values):4} of {len(values):4}")


def pair_of(one: str, other: str) -> Pair:
    """The two by name."""
    return min(one, other), max(one, other)


def pairs_of(report: DedupeReport) -> tuple[set[Pair], set[Pair]]:
    """(a video that could go and the one to keep; pairs with a part in common), by file names.

    A pair of which one could go is told only with the one to keep, so what shares a part with that counts for both.
    """
    clustered = {
        pair_of(name(copy.video.path), name(copy.kept.path)) for cluster in report.clusters for copy in cluster.copies
    }
    return clustered, {pair_of(name(one.first.path), name(one.second.path)) for one in report.found_pairs}


def name(path: str) -> str:
    """A file's name without its ending."""
    return printable(Path(path).stem)


def shared(labels: dict[str, list[list[float]]]) -> set[Pair]:
    """Labelled pairs, and pairs of queries that copy the same seconds of one reference."""
    found: set[Pair] = set()
    stretches: dict[str, list[tuple[str, float, float]]] = defaultdict(list)
    for key, segments in labels.items():
        query, reference = key.split("-")
        found.add(pair_of(query, reference))
        stretches[reference] += [(query, start, end) for _, start, _, end in segments]
    for of_one in stretches.values():
        for (one, start, end), (other, other_start, other_end) in itertools.combinations(of_one, 2):
            if one != other and min(end, other_end) - max(start, other_start) >= LEAST_SHARED_S:
                found.add(pair_of(one, other))
    return found


def shared_distractors(cases: dict[str, Any]) -> set[Pair]:
    """Pairs of queries with footage of one source that is not in the references; which seconds is not known."""
    holders: dict[str, set[str]] = defaultdict(set)
    for query, case in cases.items():
        for other in case["other"]:
            holders[other["source"]].add(query)
    return {pair_of(*pair) for queries in holders.values() for pair in itertools.combinations(sorted(queries), 2)}


if __name__ == "__main__":
    main()
