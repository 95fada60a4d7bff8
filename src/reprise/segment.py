"""What a query answers: segments, grouped into matches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reprise.alignment.aligned import AlignedSegment


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of the query that is copied from one stretch of a reference; times in seconds."""

    query_start_s: float
    reference_start_s: float
    query_end_s: float  # exclusive
    reference_end_s: float  # exclusive
    score: float  # 0 to 1, higher is better
    speed: float = 1.0  # seconds of the reference a second of the query
    backwards: bool = False  # the query shows the stretch of the reference from its end to its start

    @property
    def box(self) -> list[float]:
        """`[q_start, r_start, q_end, r_end]`, VCSL's order."""
        return [self.query_start_s, self.reference_start_s, self.query_end_s, self.reference_end_s]

    def to_json(self) -> dict[str, Any]:
        """Times with three decimals, the score with four; `speed` only where it is not 1, `backwards` where true."""
        shown: dict[str, Any] = {"segment": [round(t, 3) for t in self.box], "score": round(self.score, 4)}
        if round(self.speed, 2) != 1:
            shown["speed"] = round(self.speed, 2)
        if self.backwards:
            shown["backwards"] = True
        return shown


def segments_of(
    aligned: Sequence[AlignedSegment], *, fps: float, query_duration_s: float, reference_duration_s: float
) -> list[Segment]:
    """Segments in seconds from an aligner's segments in frames.

    Frame i is the picture at i / fps. A copy whose first frame is i may have begun at any moment since frame i - 1:
    the middle between them is taken, likewise at its end. What begins with a video's first frame begins with the
    video, and what ends with its last frame ends with it; the other video's end moves with it.
    """
    durations_s = query_duration_s, reference_duration_s
    return [_in_seconds(segment, fps, durations_s) for segment in aligned]


def _in_seconds(found: AlignedSegment, fps: float, durations_s: tuple[float, float]) -> Segment:
    # Each end of the line through the map: in the query, in the reference.
    first, last = (found.query_start, found.reference_start), (found.query_end, found.reference_end)
    if found.backwards:
        first, last = (first[0], last[1]), (last[0], first[1])
    speed = -found.speed if found.backwards else found.speed
    (query_start_s, one_s), (query_end_s, other_s) = (
        _end_s(frames, is_start, speed, fps, durations_s) for frames, is_start in ((first, True), (last, False))
    )
    return Segment(
        query_start_s=query_start_s,
        reference_start_s=min(one_s, other_s),
        query_end_s=query_end_s,
        reference_end_s=max(one_s, other_s),
        score=found.score,
        speed=found.speed,
        backwards=found.backwards,
    )


def _end_s(
    frames: tuple[float, float], is_start: bool, speed: float, fps: float, durations_s: tuple[float, float]
) -> tuple[float, float]:
    """One end of a segment in both videos; `is_start`: of the query's stretch."""
    query_s, reference_s = ((frame - 0.5) / fps for frame in frames)
    is_reference_start = is_start == (speed > 0)
    query_moved_s = _at_an_end(frames[0], is_start, fps, durations_s[0]) - query_s
    reference_moved_s = _at_an_end(frames[1], is_reference_start, fps, durations_s[1]) - reference_s
    if query_moved_s and not reference_moved_s:
        reference_moved_s = _bounded(query_moved_s, 0.5 / fps) * speed
    elif reference_moved_s and not query_moved_s and is_reference_start:
        # Nothing can come from before the reference begins; that a copy runs to its very end is but likely.
        query_moved_s = _bounded(reference_moved_s / speed, 0.5 / fps)
    return (
        min(max(query_s + query_moved_s, 0.0), durations_s[0]),
        min(max(reference_s + reference_moved_s, 0.0), durations_s[1]),
    )


def _bounded(moved_s: float, most_s: float) -> float:
    # What a video announces beyond its last frame's time says nothing of the other one.
    return min(max(moved_s, -most_s), most_s)


def _at_an_end(frame: float, is_start: bool, fps: float, duration_s: float) -> float:
    """The time of a segment's start or end; a video's own where the frame is its first or the one after its last."""
    if is_start:
        return max(0.0, (frame - 0.5) / fps)
    return duration_s if frame >= math.ceil(duration_s * fps - 1e-6) else (frame - 0.5) / fps


@dataclass(frozen=True, slots=True)
class Match:
    """A reference that the query copies from.

    `segments` are sorted by query start. `score` is their mean score, weighted by length in the query.
    """

    reference: str  # the path as it was ingested
    score: float
    segments: tuple[Segment, ...]
    # What the sound says: "same", "partly" or "other", None where there is none to compare; and where it is the same.
    audio: str | None = None
    audio_segments: tuple[Segment, ...] = ()

    @classmethod
    def of(cls, reference: str, segments: list[Segment]) -> Match:
        """The match that `segments` (at least one) make."""
        ordered = tuple(sorted(segments, key=lambda s: (s.query_start_s, s.reference_start_s)))
        lengths = [s.query_end_s - s.query_start_s for s in ordered]
        total = sum(lengths)
        score = sum(s.score * length for s, length in zip(ordered, lengths, strict=True)) / total
        return cls(reference, score, ordered)

    def to_json(self) -> dict[str, Any]:
        """What a result's object holds of it; `audio` and `audio_segments` only where the sound says anything."""
        shown: dict[str, Any] = {
            "reference": self.reference,
            "score": round(self.score, 4),
            "segments": [segment.to_json() for segment in self.segments],
        }
        if self.audio is not None:
            shown["audio"] = self.audio
            shown["audio_segments"] = [segment.to_json() for segment in self.audio_segments]
        return shown


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The answer for one query video: matches sorted by score, best first; none means no copy was found.

    Iterating over it yields the matches.
    """

    query: str
    duration_s: float
    matches: tuple[Match, ...]
    warning: str | None = None  # e.g. that the file is truncated and was read only up to a point
    similarity: float | None = None  # of two videos as wholes, where two were compared: -1 to 1
    rejected: int = 0  # segments that were found and left out, as they are marked as no copies
    repeats: bool = False  # whether a video was held against itself: segments are what comes in it again
    # What sounds the same where no copied pictures were found; None where the sound was not compared.
    audio_matches: tuple[Match, ...] | None = None

    def __iter__(self) -> Iterator[Match]:
        return iter(self.matches)

    def __len__(self) -> int:
        return len(self.matches)

    def to_json(self) -> dict[str, Any]:
        """The object that `query --json` and `compare --json` print; times with three decimals, scores with four."""
        answer: dict[str, Any] = {
            "query": self.query,
            "duration": round(self.duration_s, 3),
            "matches": [match.to_json() for match in self.matches],
        }
        if self.audio_matches is not None:
            answer["audio_matches"] = [match.to_json() for match in self.audio_matches]
        if self.similarity is not None:
            answer["similarity"] = round(self.similarity, 4)
        if self.rejected:
            answer["rejected"] = self.rejected
        if self.repeats:
            answer["repeats"] = True
        if self.warning is not None:
            answer["warning"] = self.warning
        return answer
