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
    video, and what ends with its last frame ends with it.
    """

    def start_s(frame: float) -> float:
        return max(0.0, (frame - 0.5) / fps)

    def end_s(frame: float, duration_s: float) -> float:
        return duration_s if frame >= math.ceil(duration_s * fps - 1e-6) else (frame - 0.5) / fps

    return [
        Segment(
            query_start_s=start_s(segment.query_start),
            reference_start_s=start_s(segment.reference_start),
            query_end_s=end_s(segment.query_end, query_duration_s),
            reference_end_s=end_s(segment.reference_end, reference_duration_s),
            score=segment.score,
            speed=segment.speed,
            backwards=segment.backwards,
        )
        for segment in aligned
    ]


@dataclass(frozen=True, slots=True)
class Match:
    """A reference that the query copies from.

    `segments` are sorted by query start. `score` is their mean score, weighted by length in the query.
    """

    reference: str  # the path as it was ingested
    score: float
    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, reference: str, segments: list[Segment]) -> Match:
        """The match that `segments` (at least one) make."""
        ordered = tuple(sorted(segments, key=lambda s: (s.query_start_s, s.reference_start_s)))
        lengths = [s.query_end_s - s.query_start_s for s in ordered]
        total = sum(lengths)
        score = sum(s.score * length for s, length in zip(ordered, lengths, strict=True)) / total
        return cls(reference, score, ordered)


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

    def __iter__(self) -> Iterator[Match]:
        return iter(self.matches)

    def __len__(self) -> int:
        return len(self.matches)

    def to_json(self) -> dict[str, Any]:
        """The object that `query --json` and `compare --json` print; times with three decimals, scores with four."""
        answer: dict[str, Any] = {
            "query": self.query,
            "duration": round(self.duration_s, 3),
            "matches": [
                {
                    "reference": match.reference,
                    "score": round(match.score, 4),
                    "segments": [segment.to_json() for segment in match.segments],
                }
                for match in self.matches
            ],
        }
        if self.similarity is not None:
            answer["similarity"] = round(self.similarity, 4)
        if self.warning is not None:
            answer["warning"] = self.warning
        return answer
