"""`reprise dedupe` on drawn libraries of many videos: what it finds of the planted copies, and how its cost grows."""

from __future__ import annotations

import argparse
import json
import resource
from typing import Any

from dedupe_videos import KINDS, DrawnLibrary
from reprise.dedupe.deduplication import DedupeReport, find_duplicates
from reprise.stores.videos import VideoRow

Pairs = set[tuple[int, int]]


def main() -> None:
    """Runs the sizes that are asked for and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=int, nargs="*", default=[1000, 10_000], help="sizes of the libraries")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    arguments = parser.parse_args()
    results = []
    for videos in arguments.videos:
        results.append(measured(videos, arguments.seed))
        print_result(results[-1])
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:  # noqa: PTH123 - a path as it was typed
            json.dump(results, file, indent=1)


def measured(videos: int, seed: int) -> dict[str, Any]:
    """All figures of one size."""
    library = DrawnLibrary(videos, seed)
    report = find_duplicates(rows_of(library), lambda video_id: library.matrix(int(video_id)), library.black, fps=1.0)
    joined, partial = found_pairs(report)
    true = true_pairs(library)
    # What goes as a copy is told of no more: what it shares with others, the kept one does.
    same = {pair_of(original(library, one), original(library, other)) for one, other in joined | partial}
    recall = {}
    for kind in (*KINDS, "viral"):
        planted = [(i, p.source) for i, p in enumerate(library.planted) if p.kind == kind]
        if kind == "shared part":
            found = sum(pair_of(*pair) in same for pair in planted)
        else:
            found = sum(pair_of(*pair) in joined | partial for pair in planted)
        recall[kind] = {
            "planted": len(planted),
            "found": found,
            "in one cluster": sum(pair_of(*pair) in joined for pair in planted),
        }
    return {
        "videos": videos,
        "recall": recall,
        "copies": report.copies,
        "wrong_in_clusters": len(joined - true),
        "in_clusters": len(joined),
        "partial": len(partial),
        "wrong_partial": len({pair for pair in partial if pair not in true}),
        "ident_partial": sum(has_ident(library, pair) for pair in partial if pair not in true),
        "cost": report.cost.to_json(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def rows_of(library: DrawnLibrary) -> list[VideoRow]:
    """A row for every video; of the copies in the order in which they were ingested the source comes first."""
    rows = []
    for position in range(len(library)):
        frames = library.frames(position)
        rows.append(
            VideoRow(
                id=str(position),
                path=f"drawn/{position:06d}.mp4",
                content_hash="",
                file_size=100_000 * frames,
                modified_ns=0,
                duration_s=float(frames),
                frame_count=frames,
                fps=1.0,
                model="drawn",
                ingested_at="2026-01-01T00:00:00+00:00",
                warning="",
                tags=[],
            )
        )
    return rows


def pair_of(one: int, other: int) -> tuple[int, int]:
    """The two, the smaller first."""
    return min(one, other), max(one, other)


def found_pairs(report: DedupeReport) -> tuple[Pairs, Pairs]:
    """(pairs of a copy and what holds it, and of two copies of one; pairs with a part in common)."""
    joined: Pairs = set()
    for cluster in report.clusters:
        groups: dict[int, list[int]] = {}
        for copy in cluster.copies:
            groups.setdefault(int(copy.kept.id), [int(copy.kept.id)]).append(int(copy.video.id))
        for members in groups.values():
            joined |= {pair_of(one, other) for i, one in enumerate(members) for other in members[i + 1 :]}
    return joined, {pair_of(int(one.first.id), int(one.second.id)) for one in report.partial}


def original(library: DrawnLibrary, position: int) -> int:
    """What a video is a whole copy of; itself if it is none."""
    planted = library.planted[position]
    return position if planted.kind == "shared part" else planted.source


def true_pairs(library: DrawnLibrary) -> Pairs:
    """Pairs that share anything: a planted one and its source, and any two of one source."""
    groups: dict[int, list[int]] = {}
    for position, planted in enumerate(library.planted):
        groups.setdefault(planted.source, []).append(position)
    return {
        pair_of(one, other)
        for members in groups.values()
        for i, one in enumerate(members)
        for other in members[i + 1 :]
    }


def has_ident(library: DrawnLibrary, pair: tuple[int, int]) -> bool:
    """Whether both videos, or what they are copied from, begin with the ident."""
    return all(
        library.has_ident[position] or library.has_ident[library.planted[position].source] for position in pair
    )


def print_result(result: dict[str, Any]) -> None:
    """The figures of one size."""
    cost, videos = result["cost"], result["videos"]
    searches, comparisons = cost["searches"], cost["comparisons"]
    of_searches, of_pairs = comparisons / searches**2, cost["candidate_pairs"] / (videos * (videos - 1) / 2)
    wrong, joined = result["wrong_in_clusters"], result["in_clusters"]
    fewer = f"{cost['candidate_pairs']} candidate pairs: {100 * of_pairs:.3f} % of all"
    partial = f"{result['partial']}; not planted: {result['wrong_partial']}, {result['ident_partial']} by the ident"
    lines = [
        f"{videos} videos, {cost['frames']} frames",
        f"{cost['cpu_s']:.1f} CPU s, {1000 * cost['cpu_s'] / videos:.1f} ms a video; {result['peak_mb']} MB in all",
        f"{searches} frames searched for, {comparisons} comparisons: {100 * of_searches:.2f} % of all",
        f"{fewer}; {cost['left_out_pairs']} left out",
        f"{cost['alignments']} alignments, {cost['matrices_loaded']} matrices loaded",
        f"{result['copies']} videos wholly in others; pairs in clusters that are no copies: {wrong} of {joined}",
        f"pairs with a part in common: {partial}",
    ]
    print("\n  ".join(lines))
    for kind, found in result["recall"].items():
        share = 100 * found["found"] / max(1, found["planted"])
        print(
            f"  {kind:16} {found['found']:6} of {found['planted']:6} ({share:.1f} %), in one cluster "
            f"{found['in one cluster']}"
        )


if __name__ == "__main__":
    main()
