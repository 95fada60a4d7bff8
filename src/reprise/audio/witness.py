"""What the sound says of the answer of a query: of each match, and of references that only sound the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reprise.audio.chromaprint import HOP_S, SPAN_S
from reprise.segment import Match, QueryResult, Segment

SAME, PARTLY, OTHER = "same", "partly", "other"

# Of a match: so much of what sounds in it must sound the same, for the sound to be the same, or for it to be partly.
SAME_SHARE, PARTLY_SHARE = 2 / 3, 1 / 5
# Less sound than this on either side says nothing.
LEAST_SOUND_S = 4.0
# A picture and its sound may be so far apart, by rounding and by bad editing.
APART_S = 2.0

Codes = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the sound of copied pictures is the same; seconds of the query."""

    says: str | None  # SAME, PARTLY or OTHER; None where there is too little sound to say
    compared_s: float  # of the copied pictures in which both videos sound
    same_s: float  # of these, that sound the same


NOT_COMPARED = Agreement(None, 0.0, 0.0)


def witnessed(
    result: QueryResult, heard: Mapping[str, Sequence[Segment]], query: Codes, references: Mapping[str, Codes]
) -> QueryResult:
    """The result, with what the sound says.

    heard: by reference, the stretches that sound the same. query: the codes of the query's sound; references: those
    of every reference of a match that has any. A match gets `audio`: whether the sound of its segments is the same,
    partly, or other; None where there is too little sound to say. `audio_matches` are the stretches that sound the
    same where no copied pictures were found.
    """
    matches = []
    for match in result.matches:
        sounds = heard.get(match.reference, ())
        codes = references.get(match.reference, query[:0])
        says = agreement(match.segments, sounds, query, codes).says
        matches.append(replace(match, audio=says, audio_segments=tuple(sounds)))
    pictures = {match.reference: match.segments for match in result.matches}
    alone = []
    for reference, sounds in heard.items():
        without = unseen(sounds, pictures.get(reference, ()))
        if without:
            alone.append(Match.of(reference, without))
    alone.sort(key=lambda match: (-match.score, match.reference))
    return replace(result, matches=tuple(matches), audio_matches=tuple(alone))


def agreement(segments: Sequence[Segment], sounds: Sequence[Segment], query: Codes, reference: Codes) -> Agreement:
    """How far the sound of `segments`, which show the same, agrees; `sounds` sound the same in the two videos."""
    same_s = sounding_s = 0.0
    for segment in segments:
        there_s = min(
            _sounding_s(query, segment.query_start_s, segment.query_end_s),
            _sounding_s(reference, segment.reference_start_s, segment.reference_end_s) / segment.speed,
        )
        sounding_s += there_s
        same_s += min(there_s, _covered_s(segment, sounds))
    if sounding_s < LEAST_SOUND_S:
        return Agreement(None, sounding_s, same_s)
    share = same_s / sounding_s
    return Agreement(SAME if share >= SAME_SHARE else PARTLY if share >= PARTLY_SHARE else OTHER, sounding_s, same_s)


def unseen(sounds: Sequence[Segment], pictures: Sequence[Segment]) -> list[Segment]:
    """The stretches of the same sound that mostly have other pictures; `pictures` show the same in the two videos."""
    return [sound for sound in sounds if not _is_seen(sound, pictures)]


def _sounding_s(codes: Codes, start_s: float, end_s: float) -> float:
    """How many seconds between these sound at all."""
    # A code is said of the middle of its span; before the first and after the last middle is no code.
    first, past = (max(0, round((time_s - SPAN_S / 2) / HOP_S)) for time_s in (start_s, end_s))
    inside = codes[first:past]
    return float(np.count_nonzero(inside)) / len(inside) * (end_s - start_s) if len(inside) else 0.0


def _is_seen(sound: Segment, pictures: Iterable[Segment]) -> bool:
    """Whether most of a stretch of the same sound has the same pictures, too."""
    return _covered_s(sound, pictures) >= 0.5 * (sound.query_end_s - sound.query_start_s)


def _covered_s(segment: Segment, others: Iterable[Segment]) -> float:
    """How many seconds of the query one segment has in common with others that place them alike in the reference."""
    spans = []
    for other in others:
        start_s = max(segment.query_start_s, other.query_start_s)
        end_s = min(segment.query_end_s, other.query_end_s)
        middle_s = (start_s + end_s) / 2
        if start_s < end_s and abs(_reference_s(segment, middle_s) - _reference_s(other, middle_s)) <= APART_S:
            spans.append((start_s, end_s))
    covered_s = reached_s = 0.0
    for start_s, end_s in sorted(spans):
        covered_s += max(0.0, end_s - max(start_s, reached_s))
        reached_s = max(reached_s, end_s)
    return covered_s


def _reference_s(segment: Segment, query_s: float) -> float:
    """Where in the reference a second of the query comes from."""
    share = (query_s - segment.query_start_s) / max(segment.query_end_s - segment.query_start_s, 1e-9)
    if segment.backwards:
        share = 1 - share
    return segment.reference_start_s + share * (segment.reference_end_s - segment.reference_start_s)
