"""How well frame descriptors find edited frames again: recall@1 and micro average precision, edit by edit.

    python benchmarks/descriptor.py FOLDER... [--distractors FOLDER...] [--drawn N] [--part choose|report|all]
        [--seed 0] [--per-edit 100] [--weights FILE.onnx...] [--picture-size PIXELS] [--views] [--no-baselines]
        [--json FILE]

needs `pip install -e '.[bench]'`. References are the photos in the folders and one frame of every shot of their
videos. Each file belongs to the part "choose" or "report" by the hash of its name: settings are chosen on one and
figures told of the other. A quarter of the files is held out: their frames are the queries without a counterpart,
one on two queries with one, and the backgrounds. Every edit is made in three strengths, of `--per-edit` references
each, and every query is JPEG-compressed in the end, as whatever is posted is.

R@1 is the share of the queries whose best reference is the right one; uAP the micro average precision of DISC21
(Douze et al. 2021) over all queries of a row, those without counterpart too, ten references a query; R@P90 the recall
at 90 % precision. "all" pools the queries of the 13 edits above it; the edits below it are extra and not in it.
"NAME+views" is the descriptor with `--views`. Times are CPU time of one thread.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from baselines import PDQ, PHASH, Hog
from descriptor_tables import as_json, print_tables
from descriptor_trial import Contest, parts_of
from frame_queries import query_groups
from frame_sources import PARTS, collect, drawn
from networks import BuiltIn, Embedder, OnnxNetwork
from photometric_edits import Rgb
from reprise.errors import ReprisError

HOG_BACKGROUND_FRAMES = 2000  # to whiten on, at most


def main() -> None:
    """Runs the benchmark that the arguments name, prints its tables and writes its figures."""
    arguments = _arguments()
    try:
        collection = collect(arguments.folders, arguments.distractors, arguments.part)
    except ReprisError as error:
        sys.exit(f"descriptor.py: {error}")
    references = [frame.pixels for frame in collection.references]
    distractors: list[Rgb] = [frame.pixels for frame in collection.distractors]
    if arguments.drawn:
        distractors += list(drawn(arguments.drawn))  # views of a file: they take no memory yet
    contests = [
        Contest(embed, [*references, *distractors], views=views)
        for embed, views in _embedders(arguments, distractors)
    ]
    for group in query_groups(collection, per_edit=arguments.per_edit, seed=arguments.seed):
        print(f"{group.edit} {group.strength}: {len(group.pictures)} queries", file=sys.stderr)
        parts = parts_of(group.pictures) if arguments.views else None
        for contest in contests:
            contest.run(group, parts)
    setting: dict[str, Any] = {
        "part": arguments.part,
        "seed": arguments.seed,
        "per edit": arguments.per_edit,
        "references": len(references),
        "held out": len(collection.negatives),
        "distractors": len(distractors),
    }
    print(", ".join(f"{name} {amount}" for name, amount in setting.items()))
    print_tables(contests)
    if arguments.json:
        arguments.json.write_text(json.dumps({**setting, "descriptors": as_json(contests)}, indent=1) + "\n")


def _embedders(arguments: argparse.Namespace, background: list[Rgb]) -> list[tuple[Embedder, bool]]:
    """The descriptors to hold side by side, and whether each also sees the further views of queries."""
    embedders: list[tuple[Embedder, bool]]
    if arguments.weights:
        embedders = [(OnnxNetwork(path, arguments.picture_size), arguments.views) for path in arguments.weights]
    else:
        embedders = [(BuiltIn(), arguments.views)]
    if not arguments.no_baselines:
        embedders += [(PDQ, False), (PHASH, False), (Hog(background[:HOG_BACKGROUND_FRAMES]), False)]
    return embedders


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="photos and videos to search for")
    parser.add_argument("--distractors", nargs="+", type=Path, default=[], metavar="FOLDER", help="more references")
    parser.add_argument("--drawn", type=int, default=0, metavar="N", help="so many drawn images as more references")
    parser.add_argument("--part", choices=[*PARTS, "all"], default="report", help="of the folders' files")
    parser.add_argument("--seed", type=int, default=0, help="of the edits")
    parser.add_argument(
        "--per-edit", type=int, default=100, metavar="N", help="references an edit and strength; 0: all"
    )
    parser.add_argument("--weights", nargs="+", type=Path, metavar="FILE", help="ONNX files in the built-in's place")
    parser.add_argument("--picture-size", type=int, metavar="PIXELS", help="side of the pictures that --weights see")
    parser.add_argument("--views", action="store_true", help="embed queries as `reprise query` does")
    parser.add_argument("--no-baselines", action="store_true", help="networks only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="file to write all figures to")
    arguments = parser.parse_args()
    for path in (*arguments.folders, *arguments.distractors, *(arguments.weights or [])):
        if not path.exists():
            parser.error(f"there is no {path}")
    if arguments.picture_size and not arguments.weights:
        parser.error("--picture-size is for --weights; the built-in descriptor has its own")
    return arguments


if __name__ == "__main__":
    main()
