"""Which stretches of a query sound like which stretches of the videos of a library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from reprise.audio.chromaprint import HOP_S, SPAN_S
from reprise.audio.fingerprint import Heard
from reprise.audio.lines import LEAST_EVIDENCE, Line, lines_between, standing, without_doubles
from reprise.audio.votes import Shelf, candidates
from reprise.segment import Segment

# A code sees SPAN_S of sound, and where a copy begins or ends within that, some of its bits are still the source's.
# Seconds from the beginning of what the first code of a stretch sees to the beginning of the copy, and from the
# beginning of what its last code sees to the end of the copy: medians of the tuning half of benchmarks/audio.py.
BEGINS_S, ENDS_S = SPAN_S / 2 - 0.8, SPAN_S / 2


def same_sound(shelf: Shelf, heard: Sequence[Heard]) -> dict[int, list[Segment]]:
    """By number of the video on the shelf, the stretches that sound the same, sorted by query start.

    `heard` is the query at all the speeds that are to be tried. A segment's score is the share of equal bits, from 0
    where half of them are, as by chance, to 1; its speed is in seconds of the reference a second of the query.
    """
    codes = {one.speed: len(one.codes) for one in heard}
    found = {}
    for video, lines in same_lines(shelf, heard).items():
        past = len(shelf.video(video))
        segments = [segment_of(speed, line, codes[speed], past) for speed, line in lines]
        found[video] = sorted(segments, key=lambda s: (s.query_start_s, s.reference_start_s))
    return found


def same_lines(
    shelf: Shelf, heard: Sequence[Heard], *, least_evidence: float = LEAST_EVIDENCE
) -> dict[int, list[tuple[float, Line]]]:
    """By number of the video on the shelf, (speed the query was heard at, line) of what sounds the same."""
    lines: dict[int, list[tuple[float, Line]]] = defaultdict(list)
    for candidate in candidates(shelf, heard):
        one = heard[candidate.heard]
        reference = shelf.video(candidate.video)
        for line in lines_between(one.codes, reference, candidate.pairs, least_evidence=least_evidence):
            if standing(one.speed, line) >= least_evidence:
                lines[candidate.video].append((one.speed, line))
    return {video: without_doubles(its_lines) for video, its_lines in lines.items()}


def segment_of(speed: float, line: Line, query_codes: int, reference_codes: int) -> Segment:
    """A line in seconds: of the query as it is, and of the reference."""
    first, last = float(line.start), float(line.end - 1)
    starts = [first * HOP_S + BEGINS_S, line.reference(first) * HOP_S + BEGINS_S * line.pace]
    ends = [last * HOP_S + ENDS_S, line.reference(last) * HOP_S + ENDS_S * line.pace]
    # The first code of a sound is the first that could be: what begins with it begins with the sound. Likewise the
    # last.
    before = BEGINS_S if line.start == 0 or line.reference(first) < 1 else 0.0
    after = SPAN_S - ENDS_S if line.end == query_codes or line.reference(last) > reference_codes - 2 else 0.0
    return Segment(
        query_start_s=(starts[0] - before) / speed,
        query_end_s=(ends[0] + after) / speed,
        reference_start_s=max(0.0, starts[1] - before * line.pace),
        reference_end_s=ends[1] + after * line.pace,
        score=line.agreement,
        speed=speed * line.pace,
    )
