"""How well copied sound is found by fingerprints, and what it costs.

    python benchmarks/audio.py SOUNDS [--half tuning|report] [--copies N] [--cache DIR] [--sweep] [--shelf-hours H]

SOUNDS is a folder of sound or video files, searched to any depth: music and speech, each a minute or longer. Half
of them are references, half are other sound that is not in the library. Every edit of `audio_edits` is made to N
excerpts of 10 s (and a plain copy and an MP3 to excerpts of 4, 6 and 20 s), each between other sound; and N clips
an edit hold no copy at all. The references, and so their copies, are split in two: thresholds are chosen on the
tuning half, figures are of the report half. Works that are in SOUNDS twice are left out but once.

Found: the true reference, with a stretch whose middle is where it should be to a second. Precision: the share of
all references told that are the true one, over all queries of an edit and its clips without a copy.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio_edits import BEFORE_S, EDITS, Edit, as_video, edited_copy
from reprise.audio.chromaprint import HOP_S
from reprise.audio.fingerprint import Heard, fingerprint, query_fingerprint
from reprise.audio.lines import LEAST_EVIDENCE, standing
from reprise.audio.matching import same_lines, segment_of
from reprise.audio.votes import Shelf
from reprise.segment import Segment

SUFFIXES = {".ogg", ".mp3", ".opus", ".flac", ".wav", ".m4a", ".mp4", ".mkv", ".webm"}
REFERENCE_S = 60.0
LENGTHS_S = (4.0, 6.0, 20.0)  # of copies that are not 10 s long
USUAL_S = 10.0
SWEPT_FROM = 0.5  # the evidence that a sweep begins with
SAME_WORK_S, TWIN_EVIDENCE = 8.0, 10.0
COSTED_S = 600.0


@dataclass(frozen=True, slots=True)
class Case:
    """A query clip: an edited copy of a stretch of a reference, or, with no reference, none."""

    edit: str
    copied: int  # the source of the edited stretch
    reference: int | None  # its number in the library
    other: int  # the source around it
    start_s: float
    length_s: float
    other_s: float
    speed: float

    @property
    def truth(self) -> Segment:
        """The copied stretch."""
        end_s = BEFORE_S + self.length_s / self.speed
        return Segment(BEFORE_S, self.start_s, end_s, self.start_s + self.length_s, 1.0)

    @property
    def label(self) -> str:
        """The row of the table that it counts in."""
        return self.edit if self.length_s == USUAL_S else f"{self.edit}, {self.length_s:.0f} s"


@dataclass(frozen=True, slots=True)
class Told:
    """What was found for one case: reference, stretch and evidence."""

    reference: int
    segment: Segment
    evidence: float

    def is_right(self, case: Case) -> bool:
        """Whether it lies on the copied stretch, to a second."""
        if self.reference != case.reference:
            return False
        found, truth = self.segment, case.truth
        middle_s = (max(found.query_start_s, truth.query_start_s) + min(found.query_end_s, truth.query_end_s)) / 2
        if not truth.query_start_s < middle_s < truth.query_end_s:
            return False
        return abs(_reference_s(found, middle_s) - _reference_s(truth, middle_s)) <= 1


def _reference_s(segment: Segment, query_s: float) -> float:
    share = (query_s - segment.query_start_s) / (segment.query_end_s - segment.query_start_s)
    return segment.reference_start_s + share * (segment.reference_end_s - segment.reference_start_s)


def main() -> None:
    """Runs the benchmark that the arguments name and prints its tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("sounds", type=Path)
    parser.add_argument("--half", choices=("tuning", "report"), default="report")
    parser.add_argument("--copies", type=int, default=12, metavar="N", help="excerpts an edit")
    parser.add_argument("--cache", type=Path, help="folder that keeps clips' fingerprints between runs")
    parser.add_argument("--sweep", action="store_true", help="recall and precision over the least evidence")
    parser.add_argument("--shelf-hours", type=float, default=0, metavar="H", help="time a library of H hours")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(arguments, Path(scratch))


def run(arguments: argparse.Namespace, scratch: Path) -> None:
    """The whole benchmark, with `scratch` for clips."""
    cache = arguments.cache or scratch / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    sources = sorted(path for path in arguments.sounds.rglob("*") if path.suffix.lower() in SUFFIXES)
    codes = [_reference(source, cache, scratch) for source in sources]
    usable = [i for i, one in enumerate(codes) if len(one) * HOP_S > 0.9 * REFERENCE_S - 3]
    usable = _without_twins(usable, codes)
    random.Random(0).shuffle(usable)
    library, others = usable[: len(usable) // 2], usable[len(usable) // 2 :]
    print(f"{len(library)} references, {len(others)} other sounds of {len(sources)} files", file=sys.stderr)
    shelf = Shelf.of([codes[i] for i in library])
    cases = _cases(arguments.half, library, others, codes, arguments.copies)
    least = SWEPT_FROM if arguments.sweep else LEAST_EVIDENCE
    told, asked_s, heard_s = [], 0.0, 0.0
    for number, case in enumerate(cases):
        heard = _query(case, sources, cache, scratch)
        began = time.process_time()
        told.append(_told(shelf, heard, least))
        asked_s += time.process_time() - began
        heard_s += sum(len(one.codes) * HOP_S for one in heard if one.speed == 1)
        if number % 50 == 49:
            print(f"{number + 1} of {len(cases)} clips", file=sys.stderr)
    print_table(cases, [[t for t in found if t.evidence >= LEAST_EVIDENCE] for found in told])
    if arguments.sweep:
        print_sweep(cases, told)
    hours = len(shelf.codes) * HOP_S / 3600
    print(f"\nasking the library of {hours:.1f} h: {asked_s / heard_s * 60:.2f} CPU s a minute of query")
    print_costs(sources[library[0]], scratch)
    if arguments.shelf_hours:
        print_large_shelf(shelf, arguments.shelf_hours, _query(cases[0], sources, cache, scratch))


def _reference(source: Path, cache: Path, scratch: Path) -> NDArray[np.uint32]:
    kept = cache / f"reference-{_digest(source.name, source.stat().st_size, REFERENCE_S)}.npy"
    if not kept.exists():
        clip = scratch / "reference.mkv"
        as_video(source, clip, REFERENCE_S)
        np.save(kept, fingerprint(str(clip)))
    return np.asarray(np.load(kept), np.uint32)


def _without_twins(usable: list[int], codes: Sequence[NDArray[np.uint32]]) -> list[int]:
    """Each work once: the same recording is often in several collections."""
    shelf, twins = Shelf.of([codes[i] for i in usable]), set()
    for place, i in enumerate(usable):
        if i in twins:
            continue
        for number, lines in same_lines(shelf, [Heard(1.0, codes[i])], least_evidence=TWIN_EVIDENCE).items():
            if number != place and any((line.end - line.start) * HOP_S >= SAME_WORK_S for _, line in lines):
                twins.add(usable[number])
    return [i for i in usable if i not in twins]


def _cases(
    half: str, library: list[int], others: list[int], codes: Sequence[NDArray[np.uint32]], copies: int
) -> list[Case]:
    mine = [place for place in range(len(library)) if (place % 2 == 0) == (half == "tuning")]
    rng = random.Random(half)
    cases = []
    plans = [(edit, USUAL_S) for edit in EDITS] + [(edit, length_s) for edit in EDITS[:2] for length_s in LENGTHS_S]
    for edit, length_s in plans:
        for _ in range(copies):
            place, other = rng.choice(mine), rng.choice(others)
            most_s = len(codes[library[place]]) * HOP_S - length_s
            other_s = rng.uniform(0, max(0.0, len(codes[other]) * HOP_S - 2 * length_s - 12))
            start_s = rng.uniform(0, most_s)
            cases.append(Case(edit.name, library[place], place, other, start_s, length_s, other_s, edit.speed))
        for _ in range(copies if length_s == USUAL_S else 0):
            copied, other = rng.sample(others, 2)
            start_s = rng.uniform(0, len(codes[copied]) * HOP_S - USUAL_S)
            cases.append(Case(edit.name, copied, None, other, start_s, USUAL_S, 0.0, edit.speed))
    return cases


def _query(case: Case, sources: Sequence[Path], cache: Path, scratch: Path) -> list[Heard]:
    copied, other = sources[case.copied], sources[case.other]
    edit: Edit = next(edit for edit in EDITS if edit.name == case.edit)
    kept = cache / f"query-{_digest(asdict(case), asdict(edit), copied.name, other.name)}.npz"
    if not kept.exists():
        clip = scratch / "query.mkv"
        edited_copy(
            copied,
            other,
            clip,
            edit,
            start_s=case.start_s,
            length_s=case.length_s,
            other_s=case.other_s,
        )
        by_speed = {f"{one.speed:.2f}": one.codes for one in query_fingerprint(str(clip))}
        np.savez(kept, allow_pickle=False, **by_speed)
    with np.load(kept) as archive:
        return [Heard(float(speed), archive[speed]) for speed in archive.files]


def _told(shelf: Shelf, heard: Sequence[Heard], least_evidence: float) -> list[Told]:
    lengths = {one.speed: len(one.codes) for one in heard}
    return [
        Told(place, segment_of(speed, line, lengths[speed], len(shelf.video(place))), standing(speed, line))
        for place, lines in same_lines(shelf, heard, least_evidence=least_evidence).items()
        for speed, line in lines
    ]


def print_table(cases: Sequence[Case], told: Sequence[Sequence[Told]]) -> None:
    """Recall, precision and errors of each edit."""
    print(f"{'edit':<42}{'found':>9}{'precision':>11}{'offset s':>10}{'start s':>14}{'end s':>14}{'score':>7}")
    labels = list(dict.fromkeys(case.label for case in cases if case.reference is not None))
    for label in [*labels, "all"]:
        chosen = [(case, found) for case, found in zip(cases, told, strict=True) if label in {"all", case.label}]
        _print_row(label, chosen)
    negatives = [(case, found) for case, found in zip(cases, told, strict=True) if case.reference is None]
    alarmed = sum(bool(found) for _, found in negatives)
    print(f"\nclips with no copy: {alarmed} of {len(negatives)} with a false alarm")


def _print_row(label: str, chosen: Sequence[tuple[Case, Sequence[Told]]]) -> None:
    positives = [(case, found) for case, found in chosen if case.reference is not None]
    best = [
        max((t for t in found if t.is_right(case)), key=lambda t: t.evidence, default=None)
        for case, found in positives
    ]
    right = [(case, t) for (case, _), t in zip(positives, best, strict=True) if t is not None]
    pairs = [(case, reference) for case, found in chosen for reference in {t.reference for t in found}]
    true_pairs = sum(case.reference == reference for case, reference in pairs)
    precision = f"{100 * true_pairs / len(pairs):.0f} %" if pairs else "-"
    errors = ["-", "-", "-", "-"]
    if right:
        stretches = [(case.truth, t.segment, _middle(case)) for case, t in right]
        offsets = [_reference_s(found, at) - _reference_s(truth, at) for truth, found, at in stretches]
        starts = np.array([found.query_start_s - truth.query_start_s for truth, found, _ in stretches])
        ends = np.array([found.query_end_s - truth.query_end_s for truth, found, _ in stretches])
        errors = [f"{np.median(np.abs(offsets)):.2f}"]
        errors += [f"{np.median(e):+.2f} ±{np.median(np.abs(e - np.median(e))):.2f}" for e in (starts, ends)]
        errors.append(f"{np.mean([t.segment.score for _, t in right]):.2f}")
    share = f"{len(right)}/{len(positives)}"
    print(f"{label:<42}{share:>9}{precision:>11}{errors[0]:>10}{errors[1]:>14}{errors[2]:>14}{errors[3]:>7}")


def _middle(case: Case) -> float:
    return (case.truth.query_start_s + case.truth.query_end_s) / 2


def print_sweep(cases: Sequence[Case], told: Sequence[Sequence[Told]]) -> None:
    """Recall and false alarms for every least evidence and least score."""
    positives = sum(case.reference is not None for case in cases)
    print("\nleast evidence, least score: found, references told wrongly, in clips with no copy")
    for least in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0):
        for score in (0.0, 0.45, 0.5, 0.55):
            found = wrong = alarms = 0
            for case, all_told in zip(cases, told, strict=True):
                kept = [t for t in all_told if t.evidence >= least and t.segment.score >= score]
                found += any(t.is_right(case) for t in kept)
                strays = len({t.reference for t in kept} - {case.reference})
                wrong += strays
                alarms += case.reference is None and strays > 0
            print(f"{least:4.1f} {score:5.2f}   {found:5d} of {positives}  {wrong:4d}  {alarms:4d}")


def print_costs(source: Path, scratch: Path) -> None:
    """CPU seconds and bytes of an hour of sound."""
    clip = scratch / "hour.mkv"
    as_video(source, clip, COSTED_S, looped=True)
    for what, work in (("ingest", lambda: [fingerprint(str(clip))]), ("query", lambda: query_fingerprint(str(clip)))):
        before = _cpu_s()
        made = work()
        codes = next(
            one if isinstance(one, np.ndarray) else one.codes for one in made if getattr(one, "speed", 1) == 1
        )
        an_hour = 3600 / (len(codes) * HOP_S)
        print(f"{what}: {(_cpu_s() - before) * an_hour:.1f} CPU s an hour of AAC, decoding included")
    print(f"{4 * 3600 / HOP_S / 1e6:.3f} MB an hour")


def print_large_shelf(shelf: Shelf, hours: float, heard: Sequence[Heard]) -> None:
    """What a query costs in a library of many hours, made of the references with a third of the bits at random."""
    rng = np.random.default_rng(0)
    videos = [shelf.video(number) for number in range(len(shelf.starts) - 1)]
    wanted, had = hours * 3600 / HOP_S, 0
    large = list(videos)
    while had < wanted:
        video = videos[int(rng.integers(len(videos)))]
        noise = rng.integers(0, 1 << 32, (2, len(video)), dtype=np.uint32)
        large.append(np.where(video == 0, video, video ^ (noise[0] & noise[1])).astype(np.uint32))
        had += len(video)
    began = time.process_time()
    large_shelf = Shelf.of(large)
    made_s = time.process_time() - began
    began = time.process_time()
    same_lines(large_shelf, heard)
    seconds = max(len(one.codes) for one in heard) * HOP_S
    size = f"{len(large_shelf.codes) * 4 / 1e6:.0f} MB of codes, joined in {made_s:.1f} CPU s"
    print(
        f"library of {hours:.0f} h ({size}): {time.process_time() - began:.1f} CPU s for a query of {seconds:.0f} s"
    )


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used) + sum(map(_living_cpu_s, _children()))


def _children() -> list[Path]:
    """The processes that this one has started and that go on, such as the one that decodes."""
    running = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [entry for entry in running if _status(entry)[1:2] == [str(os.getpid())]]


def _living_cpu_s(process: Path) -> float:
    return sum(map(int, _status(process)[11:13])) / os.sysconf("SC_CLK_TCK")


def _status(process: Path) -> list[str]:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return []


def _digest(*values: object) -> str:
    return hashlib.sha256(json.dumps(values, default=str).encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
