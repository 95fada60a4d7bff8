"""The verdicts of `reprise check` on files whose verdict is known: precision and recall of each, and its sureness.

    python benchmarks/check.py BENCH [--references N] [--work DIR] [--json FILE]

BENCH holds `refs/*.mp4`, `queries/*.mp4`, `labels.json` and `cases.jsonl` as benchmarks/segments.py reads them. All
references go into a library; of N of them files are made that are the same in another encoding, edited, pieces, or
set into other footage (`checked_files.py`), and each is checked by itself. New are the queries that copy nothing.
Half of the references (and queries) are for choosing the thresholds, by their ids' CRC-32, the other for the
figures that are told; the labelled queries, whose edits are harder, are told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from pathlib import Path

import reprise
from checked_files import KnownFile, footage, known_files
from reprise.checking import likeness as thresholds
from reprise.checking.embedding import embed_checked
from reprise.checking.likeness import MOST_APART_S, likeness
from reprise.checking.settings import CheckSettings
from reprise.checking.stages import NEAREST, Side, by_hash, by_pictures, kind_of
from reprise.checking.verdict import KINDS, shares
from reprise.scanning import content_hash, video_id
from reprise.segment import Segment
from reprise.stalling import tree_cpu_s
from segment_figures import is_in_half

CHOSEN_ON, TOLD_OF = "even", "odd"
GREY = (0.65, 0.9)  # labelled queries with a share in between are of no one verdict
POOLED = (0.99, 0.993, 0.995, 0.996, 0.997, 0.9975, 0.998, 0.9985)
MEANS = (0.98, 0.985, 0.99, 0.992, 0.993, 0.994, 0.995, 0.996)
STRETCHES = (0.8, 0.9, 0.93, 0.95, 0.97)
MOSTS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
SURE = (0.0, 0.5, 0.7, 0.9, 0.97, 1.01)


@dataclass(frozen=True, slots=True)
class Checked:
    """A file with what was found out about it."""

    name: str
    half: str
    way: str
    right: tuple[str, ...]  # verdicts that are right
    verdict: str
    stage: str
    sureness: float
    shares: list[tuple[float, float]]  # of the video and of each reference, by segments
    likeness: tuple[float, float, float] | None  # pooled, mean, stretch: to the reference most alike
    cpu_s: float


def main() -> None:
    """Makes the files, checks them and prints the tables."""
    arguments = _arguments()
    bench = Path(arguments.bench)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(arguments.work or scratch)
        (work / "files").mkdir(parents=True, exist_ok=True)
        files = _all_files(bench, work / "files", arguments.references)
        queries = _queries(bench)
        with reprise.open(work / "library") as library:
            report = library.ingest([bench / "refs"])
            if report.failed:
                raise SystemExit(report.failed[0].reason)
            stores, embedding = library.opened()
            side = Side(stores, embedding)
            made, asked = _run(files, side, embedding), _run(queries, side, embedding)
    new = [one for one in asked if one.right == ("new",)]
    hard = [one for one in asked if one.right != ("new",)]
    _print_choice([one for one in made + new if one.half == CHOSEN_ON])
    for half in (CHOSEN_ON, TOLD_OF):
        title = "thresholds chosen on" if half == CHOSEN_ON else "not looked at"
        _print_table([one for one in made + new if one.half == half], f"half {half} ({title}), files made")
    _print_table(hard, "labelled queries of the benchmark, both halves")
    _print_ways([one for one in made + new if one.half == TOLD_OF])
    _print_sureness([one for one in made + new if one.half == TOLD_OF])
    _print_costs(made + asked)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps([asdict(one) for one in made + asked], indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bench")
    parser.add_argument("--references", type=int, default=1000, help="of which files are made; all by default")
    parser.add_argument("--work", help="folder in which the files and the library are kept for another run")
    parser.add_argument("--json", help="file for what was found out about every file")
    return parser.parse_args()


def _all_files(bench: Path, folder: Path, most: int) -> list[KnownFile]:
    cases = [json.loads(line) for line in (bench / "cases.jsonl").read_text().splitlines()]
    others = [footage(bench / "queries" / f"{case['qid']}.mp4") for case in cases if case["kind"] == "negative"]
    paths = sorted((bench / "refs").glob("*.mp4"))
    chosen = paths[:: max(1, len(paths) // most)][:most]
    return [file for turn, path in enumerate(chosen) for file in known_files(footage(path), others, turn, folder)]


def _queries(bench: Path) -> list[KnownFile]:
    """The benchmark's own queries that are of one verdict by their labels; ambiguous ones are left out."""
    labels = json.loads((bench / "labels.json").read_text())
    boxes: dict[str, dict[str, list[Segment]]] = defaultdict(dict)
    for pair, found in labels.items():
        query, reference = pair.split("-")
        boxes[query][reference] = [Segment(box[0], box[1], box[2], box[3], 1.0) for box in found]
    files = []
    for line in (bench / "cases.jsonl").read_text().splitlines():
        case = json.loads(line)
        name, path = case["qid"], bench / "queries" / f"{case['qid']}.mp4"
        if case.get("ambiguous"):
            continue
        covered = [
            shares(segments, case["duration"], footage(bench / "refs" / f"{reference}.mp4").duration_s)
            for reference, segments in boxes[name].items()
        ]
        if any(GREY[0] <= share < GREY[1] for pair in covered for share in pair):
            continue
        kinds = [kind_of(*pair, (GREY[0] + GREY[1]) / 2) for pair in covered] or ["new"]
        strongest = min(kinds, key=KINDS.index)
        # An honest copy by somebody else may well be the same content.
        right = ("near-duplicate", "same-content") if strongest == "near-duplicate" else (strongest,)
        files.append(KnownFile(path, "", case["kind"], right))
    return files


def _run(files: Iterable[KnownFile], side: Side, embedding: reprise.EmbedSettings) -> list[Checked]:
    return [_checked(file, side, embedding) for file in files]


def _checked(file: KnownFile, side: Side, embedding: reprise.EmbedSettings) -> Checked:
    began = _cpu_s()
    path, settings = str(file.path), CheckSettings()
    digest, id_here = content_hash(path), video_id(path)
    verdict = by_hash([side], path, id_here, digest)
    alike = None
    if verdict is None:
        checked = embed_checked(path, embedding, digest)
        verdict = by_pictures([side], path, id_here, checked, settings)
        took_s = _cpu_s() - began
        near = [video for video, _ in side.stores.videos.nearest(checked.video.pooled, NEAREST)]
        likenesses = []
        for row in side.stores.videos.get(near).values():
            matrix = side.stores.matrix(row.id)
            if matrix is not None and abs(row.duration_s - checked.video.duration_s) <= MOST_APART_S:
                likenesses.append(likeness(checked, matrix, embedding.fps))
        best = max(likenesses, key=lambda one: one.mean, default=None)
        alike = None if best is None else (best.pooled, best.mean, best.stretch)
    else:
        took_s = _cpu_s() - began
    return Checked(
        name=file.path.name,
        half=CHOSEN_ON if is_in_half(file.reference or file.path.stem, CHOSEN_ON) else TOLD_OF,
        way=file.way,
        right=file.verdicts,
        verdict=verdict.kind,
        stage=verdict.stage,
        sureness=verdict.sureness,
        shares=[(relation.video_share, relation.reference_share) for relation in verdict],
        likeness=alike,
        cpu_s=took_s,
    )


def _cpu_s() -> float:
    return tree_cpu_s(os.getpid())  # decoding is done by a process of its own


def _print_choice(files: Sequence[Checked]) -> None:
    """The thresholds that the first half would choose, beside those in use."""

    def is_same(one: Checked, pooled: float, mean: float, stretch: float) -> bool:
        alike = one.likeness
        return alike is not None and alike[0] >= pooled and alike[1] >= mean and alike[2] >= stretch

    decided = [one for one in files if len(one.right) == 1 and one.verdict != "exact"]

    def wrong(values: tuple[float, float, float]) -> int:
        return sum(is_same(one, *values) != (one.right == ("same-content",)) for one in decided)

    tried = {values: wrong(values) for values in product(POOLED, MEANS, STRETCHES)}
    least = min(tried.values())
    print(f"same-content: of {len(decided)} files of half {CHOSEN_ON} at least {least} are taken wrongly, with")
    for values in [values for values, count in tried.items() if count == least][:12]:
        print("    pooled {:.4f}, mean {:.3f}, stretch {:.2f}".format(*values))
    used = thresholds.LEAST_POOLED, thresholds.LEAST_MEAN, thresholds.LEAST_STRETCH
    print("  in use: pooled {:.4f}, mean {:.3f}, stretch {:.2f}".format(*used), f"with {wrong(used)}")
    parts = [one for one in decided if one.stage == "frames" and one.shares and one.right != ("same-content",)]
    print(f"most: right verdicts of {len(parts)} files that were decided by frames")
    for most in MOSTS:
        right = sum(min((kind_of(*pair, most) for pair in one.shares), key=KINDS.index) in one.right for one in parts)
        print(f"    {most:.2f} {right:5d}{'  in use' if most == CheckSettings().most else ''}")
    print()


def _print_table(files: Sequence[Checked], title: str) -> None:
    """Precision and recall of each verdict, on files that are of one alone, and on what took the place of what."""
    one_right = [one for one in files if len(one.right) == 1 or one.right[0] == "near-duplicate"]
    between = [one for one in files if one not in one_right]
    print(f"{title}: {len(one_right)} files")
    print(f"{'verdict':16}{'files':>6}{'told':>6}{'precision':>11}{'recall':>8}   instead")
    for kind in KINDS:
        true = [one for one in one_right if one.right[0] == kind]
        told = [one for one in one_right if one.verdict == kind]
        if not (true or told):
            continue
        right = sum(one.verdict in one.right for one in true)
        good = sum(one.verdict in one.right for one in told)
        instead = Counter(one.verdict for one in true if one.verdict not in one.right)
        print(
            f"{kind:16}{len(true):6}{len(told):6}{_ratio(good, len(told)):>11}{_ratio(right, len(true)):>8}   "
            + ", ".join(f"{count} {other}" for other, count in instead.most_common())
        )
    known = [one for one in one_right if one.right != ("new",)]
    found = sum(one.verdict != "new" for one in known)
    fresh = [one for one in one_right if one.right == ("new",)]
    alarms = sum(one.verdict != "new" for one in fresh)
    print(f"not new at all: {found} of {len(known)} known; {alarms} of {len(fresh)} new ones taken for known")
    if between:
        print("neither wrong:", dict(Counter(f"{one.way}: {one.verdict}" for one in between)))
    print()


def _print_ways(files: Sequence[Checked]) -> None:
    print(f"by the way in which they were made, half {TOLD_OF}")
    for way in dict.fromkeys(one.way for one in files):
        some = [one for one in files if one.way == way]
        told = Counter(one.verdict for one in some)
        print(f"  {way:16}{len(some):4}   " + ", ".join(f"{count} {kind}" for kind, count in told.most_common()))
    print()


def _print_sureness(files: Sequence[Checked]) -> None:
    print(f"how sure, half {TOLD_OF}: share of right verdicts, and of those right about whether there is a copy")
    for least, above in pairwise(SURE):
        some = [one for one in files if least <= one.sureness < above and one.stage != "hash"]
        for stage in ("vector", "frames"):
            of_stage = [one for one in some if one.stage == stage]
            if of_stage:
                copy = sum((one.verdict == "new") == (one.right == ("new",)) for one in of_stage)
                right = sum(one.verdict in one.right for one in of_stage)
                print(
                    f"  {stage:8}{least:.2f} to {min(above, 1):.2f}{len(of_stage):6}"
                    f"{_ratio(right, len(of_stage)):>8}{_ratio(copy, len(of_stage)):>8}"
                )
    print()


def _print_costs(files: Sequence[Checked]) -> None:
    print("CPU seconds a file, by the stage that decided")
    for stage in ("hash", "vector", "frames"):
        if costs := [one.cpu_s for one in files if one.stage == stage]:
            print(f"  {stage:8}{len(costs):5} files {sum(costs) / len(costs):8.3f}")


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


if __name__ == "__main__":
    main()
