"""What an ignore list saves: clips that stand in every video of a library and in every query, before and after.

    python benchmarks/ignored_clips.py BENCH [--cache DIR] [--queries N] [--json FILE]

BENCH is a folder as for `segments.py`. A studio's ident (drawn), six seconds of footage that is not in the library,
and credits (drawn) are encoded in ten ways. Every reference gets the ident or the footage at its start and the
credits at its end, every query one of the three at its start, its middle or its end, each in another encoding and
sampled at another instant. The clips are really decoded and embedded; they are put between the frames of the videos
as vectors, which leaves the videos' own frames what they are. A query is asked three times: as it is, with the clips,
and with the clips on the ignore list. A false match is a pair that holds no copy.

Before that: how alike a clip's frames, in the easy encodings, are to those on the list, by the pictures a second that
the list has of it, and how alike all other frames of BENCH are.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import reprise
from query_cache import embedded_query
from reprise import EmbedSettings, Library
from reprise.decoding.sampling import sample
from reprise.embedding import EmbeddedQuery, EmbeddedVideo
from reprise.ignoring import MIN_SIMILARITY
from reprise.views import embed_views
from segment_figures import Boxes, Case, at_least, overall_figures, query_of
from segment_figures import FoundSegment as Segment
from spliced_clips import HARD, VARIANTS, cut_clip, drawn_credits, drawn_ident, variant

Floats = np.ndarray[Any, np.dtype[np.float32]]

PHASES = (1, 2, 4, 8)  # pictures a second that a list could have of a clip
FOOTAGE_START_S, FOOTAGE_LENGTH_S = 3.0, 6.0


@dataclass(frozen=True)
class Sampled:
    """A clip in one encoding, sampled once a second from some instant on."""

    frames: Floats  # [frames, dim], as a reference's
    views: list[Floats]  # of each frame [views, dim], as a query's


def main() -> None:
    """Runs the benchmark that the arguments name and prints its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", help="folder with refs, queries, labels.json and cases.jsonl")
    parser.add_argument("--cache", help="folder that keeps the embedded queries, the library and the clips")
    parser.add_argument("--queries", type=int, help="ask only so many queries")
    parser.add_argument("--json", help="file to write the figures to")
    arguments = parser.parse_args()
    bench = Path(arguments.bench)
    truth: Boxes = json.loads((bench / "labels.json").read_text())
    lines = (bench / "cases.jsonl").read_text().splitlines()
    cases = [json.loads(line) for line in lines if line.strip()][: arguments.queries]
    asked = {case["qid"] for case in cases}
    truth = {pair: boxes for pair, boxes in truth.items() if query_of(pair) in asked}
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(arguments.cache or scratch)
        clips = _clips(bench, cases, cache / "clips")
        with reprise.open(cache / "library") as plain, reprise.open(Path(scratch) / "spliced") as spliced:
            plain.ingest([bench / "refs"])
            settings = EmbedSettings(fps=plain.info().fps)
            rng = np.random.default_rng(0)
            sampled = {
                name: [_sampled(master, v, cache / "clips", rng) for v in range(len(VARIANTS))]
                for name, master in clips.items()
            }
            queries = {
                case["qid"]: embedded_query(bench / "queries" / f"{case['qid']}.mp4", settings, cache)
                for case in cases
            }
            figures: dict[str, Any] = {"alike": _alike(clips, sampled, plain, list(queries.values()))}
            reference_shifts = _fill(spliced, plain, sampled, rng)
            with_clips, shifted = _spliced(
                queries, truth, sampled, reference_shifts, rng, ("ident", "footage", "credits")
            )
            rows = {
                "as they are": _asked(plain, queries, truth),
                "with the clips": _asked(spliced, with_clips, shifted),
            }
            for name in ("ident", "footage", "credits"):
                spliced.ignore(clips[name])
            rows["with the clips, ignored"] = _asked(spliced, with_clips, shifted)
    figures["queries"] = rows
    print(f"\n{len(cases)} queries")
    print(f"{'':<26}{'recall':>8}{'precision':>11}{'F':>8}{'false matches':>15}{'true pairs':>12}")
    for name, row in rows.items():
        print(
            f"{name:<26}{row['recall']:>8.3f}{row['precision']:>11.3f}{row['f']:>8.3f}{row['false']:>15}{row['true']:>12}"
        )
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=1) + "\n")


def _clips(bench: Path, cases: Sequence[Case], folder: Path) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    # Footage of a query that copies nothing is in no reference.
    source = next(case["qid"] for case in cases if case["kind"] == "negative")
    made = {name: folder / f"{name}.mp4" for name in ("ident", "credits", "footage")}
    drawn_ident(made["ident"])
    drawn_credits(made["credits"])
    cut_clip(
        made["footage"],
        bench / "queries" / f"{source}.mp4",
        start_s=FOOTAGE_START_S,
        seconds=FOOTAGE_LENGTH_S,
    )
    return made


def _sampled(master: Path, number: int, folder: Path, rng: np.random.Generator) -> Sampled:
    settings = EmbedSettings()
    embed = settings.embedder()
    clip = variant(folder / f"{master.stem}-{number}.mp4", master, number)
    start_s = float(rng.random())
    whole = [picture.pixels for picture in sample(str(clip), start_s=start_s, size=settings.picture_size)]
    large = [picture.pixels for picture in sample(str(clip), start_s=start_s, size=settings.query_picture_size)]
    return Sampled(embed(whole), embed_views(large, embed, widen=settings.network.sees_widened))


def _alike(
    clips: Mapping[str, Path],
    sampled: Mapping[str, Sequence[Sampled]],
    plain: Library,
    queries: Sequence[EmbeddedQuery],
) -> dict[str, Any]:
    stores, settings = plain.opened()
    held = [stores.matrix(row.id) for row in plain.videos()]
    others = np.concatenate([*(matrix for matrix in held if matrix is not None), *(query.views for query in queries)])
    table: dict[str, Any] = {}
    header = f"{'clip':<10}{'a second':>9}   {'its frames: least, 1 %, 10 %':<29} {'others: 99 %, 99.9 %, most':<29}"
    print(f"{header} >= {MIN_SIMILARITY}")
    for name in ("ident", "footage", "credits"):
        own = np.concatenate([one.frames for one in sampled[name][: len(VARIANTS) - HARD]])
        for phases in PHASES:
            pictures = [p.pixels for p in sample(str(clips[name]), fps=phases, size=settings.picture_size)]
            listed = settings.embedder()(pictures).T
            of_clip, of_others = (own @ listed).max(axis=1), (others @ listed).max(axis=1)
            low, high = np.percentile(of_clip, [0, 1, 10]), np.percentile(of_others, [99, 99.9, 100])
            shares = [float((one >= MIN_SIMILARITY).mean()) for one in (of_clip, of_others)]
            table[f"{name}, {phases}"] = {"own": low.tolist(), "others": high.tolist(), "from_limit": shares}
            told = ["  ".join(f"{value:.2f}" for value in values) for values in (low, high)]
            print(f"{name:<10}{phases:>9}   {told[0]:<29} {told[1]:<29} {shares[0]:.3f} / {shares[1]:.4f}")
    return table


def _fill(
    spliced: Library, plain: Library, sampled: Mapping[str, Sequence[Sampled]], rng: np.random.Generator
) -> dict[str, int]:
    """Puts the references into the library with clips around them; by how many seconds each is later by that."""
    source, _ = plain.opened()
    target, _ = spliced.opened(create=True)
    shifts = {}
    for number, row in enumerate(plain.videos()):
        own = source.matrix(row.id)
        assert own is not None
        first, last = (
            sampled[name][int(rng.integers(len(VARIANTS) - HARD))].frames
            for name in (("ident", "footage")[number % 2], "credits")
        )
        matrix = np.concatenate([first, own, last])
        times_s = np.arange(len(matrix), dtype=np.float64)
        duration_s = row.duration_s + len(first) + len(last)
        target.add(
            replace(row, duration_s=duration_s, frame_count=len(matrix)),
            EmbeddedVideo(times_s, matrix, duration_s, "", row.content_hash),
        )
        shifts[Path(row.path).stem] = len(first)
    target.flush()
    return shifts


def _spliced(
    queries: Mapping[str, EmbeddedQuery],
    truth: Boxes,
    sampled: Mapping[str, Sequence[Sampled]],
    reference_shifts: Mapping[str, int],
    rng: np.random.Generator,
    names: Sequence[str],
) -> tuple[dict[str, EmbeddedQuery], Boxes]:
    """The queries with a clip each, and where the copies are then."""
    made, shifted = {}, {}
    for number, (qid, query) in enumerate(queries.items()):
        clip = sampled[names[number % len(names)]][int(rng.integers(len(VARIANTS)))]
        frames = int(query.frame_of[-1]) + 1
        place = (0, int(rng.integers(1, frames)), frames)[number // len(names) % 3]
        views = [query.views[query.frame_of == i] for i in range(frames)]
        views[place:place] = clip.views
        frame_of = np.repeat(np.arange(len(views)), [len(of_frame) for of_frame in views])
        length = len(clip.views)
        made[qid] = replace(
            query, views=np.concatenate(views), frame_of=frame_of, duration_s=query.duration_s + length
        )
        for pair, boxes in truth.items():
            if query_of(pair) == qid:
                shift = reference_shifts[pair.split("-")[1]]
                shifted[pair] = [one for box in boxes for one in _moved(box, place, length, shift)]
    return made, shifted


def _moved(box: Sequence[float], place: float, length: float, shift: float) -> list[list[float]]:
    """A copy's box after `length` seconds came in at second `place` of the query and `shift` before the reference."""
    q_start, r_start, q_end, r_end = box
    r_start, r_end = r_start + shift, r_end + shift
    if q_end <= place:
        return [[q_start, r_start, q_end, r_end]]
    if q_start >= place:
        return [[q_start + length, r_start, q_end + length, r_end]]
    middle = r_start + (r_end - r_start) * (place - q_start) / (q_end - q_start)
    return [[q_start, r_start, place, middle], [place + length, middle, q_end + length, r_end]]


def _asked(library: Library, queries: Mapping[str, EmbeddedQuery], truth: Boxes) -> dict[str, Any]:
    found = {
        f"{qid}-{Path(match.reference).stem}": [Segment(tuple(one.box), one.score) for one in match.segments]  # type: ignore[arg-type]
        for qid, query in queries.items()
        for match in library.query_embedded(query)
    }
    predicted = at_least(found, 0)
    figures = overall_figures(predicted, truth)
    return {
        "recall": figures.recall or 0.0,
        "precision": figures.precision or 0.0,
        "f": figures.f_score or 0.0,
        "false": len(set(predicted) - set(truth)),
        "true": len(set(predicted) & set(truth)),
    }


if __name__ == "__main__":
    main()
