"""Two videos of a library that share content: the segments, how much of each they cover, and the word for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from reprise.alignment.aligned import AlignedSegment
from reprise.alignment.aligners import DEFAULT_ALIGNER, matrix_aligner, parameters_in_frames
from reprise.dedupe.frames import CountingFrames, Floats
from reprise.dedupe.settings import DedupeSettings
from reprise.rejections import Rejection
from reprise.segment import Segment, segments_of
from reprise.stores.videos import VideoRow

EXACT, SAME_CONTENT, NEAR_DUPLICATE = "exact", "same-content", "near-duplicate"
CONTAINS, CONTAINED_IN, PARTIAL = "contains", "contained-in", "partial"

MOST_SHARE = 0.7  # of both videos, from which they are near-duplicates
# Another encoding of the same pictures: all of both, at the same times, and no other look. The built-in network sees
# colours so little that a grey copy still has a similarity of 0.99.
SAME_SHARE, SAME_SIMILARITY, SAME_START_S = 0.97, 0.995, 0.6
# A still picture has no line to be found: two videos of one length are one if their frames are this alike throughout,
# or on average, and by a margin less so at any other offset.
STILL_SIMILARITY, STILL_APART_S = 0.98, 0.5
IN_STEP_SIMILARITY, IN_STEP_MARGIN = 0.9, 0.1
# Segments that are but likely copies count where they make a video wholly part of the other and look like it: of such
# pairs of labelled videos all of 12 were copies, of less alike ones 2 of 5.
LIKELY_SCORE, LIKELY_SIMILARITY = 0.5, 0.8
SECOND_LOOK = 0.3  # evidence of a pair from which it is aligned the other way round too


@dataclass(frozen=True, slots=True)
class Pair:
    """Two videos that share content, seen from the first."""

    first: str  # id
    second: str
    segments: tuple[Segment, ...]  # the first as query, the second as reference, by start in the first
    first_share: float  # of its frames that count, 0 to 1
    second_share: float
    similarity: float  # mean cosine of the frames that the segments join
    is_exact: bool = False  # the files are the same

    def seen_from(self, video_id: str) -> Pair:
        """The pair with `video_id`, one of the two, as the first."""
        return self if video_id == self.first else self._turned()

    def _turned(self) -> Pair:
        turned = sorted((_turned(segment) for segment in self.segments), key=lambda s: s.query_start_s)
        return replace(
            self,
            first=self.second,
            second=self.first,
            segments=tuple(turned),
            first_share=self.second_share,
            second_share=self.first_share,
        )

    def relation(self, min_share: float) -> str:
        """What the first is to the second; wholly is what `min_share` of its frames are in the other."""
        if self.is_exact:
            return EXACT
        if self._is_same:
            return SAME_CONTENT
        if min(self.first_share, self.second_share) >= MOST_SHARE:
            return NEAR_DUPLICATE
        if self.first_share >= min_share:
            return CONTAINED_IN
        return CONTAINS if self.second_share >= min_share else PARTIAL

    @property
    def _is_same(self) -> bool:
        return (
            min(self.first_share, self.second_share) >= SAME_SHARE
            and self.similarity >= SAME_SIMILARITY
            and all(
                abs(s.query_start_s - s.reference_start_s) <= SAME_START_S
                and round(s.speed, 1) == 1
                and not s.backwards
                for s in self.segments
            )
        )


def exact_pair(one: VideoRow, other: VideoRow) -> Pair:
    """The pair of two videos whose files are the same."""
    whole = Segment(0.0, 0.0, one.duration_s, other.duration_s, score=1.0)
    return Pair(one.id, other.id, (whole,), 1.0, 1.0, 1.0, is_exact=True)


class PairAligner:
    """Aligns pairs of a library's videos; each pair once."""

    def __init__(
        self, frames: CountingFrames, fps: float, settings: DedupeSettings, marks: Sequence[Rejection] = ()
    ) -> None:
        """`marks`: what a person said is no copy, which is left out whichever of the two videos was the query."""
        self._frames, self._fps, self._settings = frames, fps, settings
        self._marks = _by_contents(marks)
        self._align = matrix_aligner(
            DEFAULT_ALIGNER,
            min_score=min(LIKELY_SCORE, settings.min_score),
            **parameters_in_frames(DEFAULT_ALIGNER, fps, settings.min_length_s),
        )
        self._settled: dict[tuple[str, str], Pair | None] = {}
        self.alignments = 0

    def add(self, pair: Pair) -> None:
        """Takes in a pair that is known without being aligned."""
        self._settled[_key(pair.first, pair.second)] = pair

    def known(self, one: str, other: str) -> Pair | None:
        """What the first of two videos has to do with the second, as far as they were aligned."""
        pair = self._settled.get(_key(one, other))
        return None if pair is None else pair.seen_from(one)

    def pair(self, one: VideoRow, other: VideoRow, *, evidence: float = SECOND_LOOK) -> Pair | None:
        """What the first of two videos has to do with the second; None where they share nothing.

        Where there is little `evidence` that they do, they are aligned in one direction only.
        """
        key = _key(one.id, other.id)
        if key not in self._settled:
            self._settled[key] = self._aligned(one, other, evidence)
        return self.known(one.id, other.id)

    def _aligned(self, one: VideoRow, other: VideoRow, evidence: float) -> Pair | None:
        # Aligned as a query that is an edit of a reference: mostly the one with more in it is edited, and what is
        # found the other way round is another half.
        query, reference = (one, other) if one.frame_count >= other.frame_count else (other, one)
        asked, held = self._frames.of(query.id), self._frames.of(reference.id)
        if asked is None or held is None:
            return None
        found = self._look(query, reference, asked, held)
        is_settled = found is not None and max(found.first_share, found.second_share) >= self._settings.min_share
        if not is_settled and evidence >= SECOND_LOOK:
            back = self._look(reference, query, held, asked)
            if back is not None and (found is None or _weight(back) > _weight(found)):
                found = back.seen_from(query.id)
        if found is None and abs(one.duration_s - other.duration_s) <= STILL_APART_S:
            found = _in_step(query, reference, asked, held)
            if found is not None and self._is_marked(query, reference, found.segments[0]):
                return None
        return found

    def _look(self, query: VideoRow, reference: VideoRow, asked: Floats, held: Floats) -> Pair | None:
        self.alignments += 1
        likely = self._align(asked, held, None)
        sure = [segment for segment in likely if segment.score >= self._settings.min_score]
        found = self._described(query, reference, asked, held, sure)
        if len(likely) > len(sure) and (found is None or found.relation(self._settings.min_share) == PARTIAL):
            whole = self._described(query, reference, asked, held, likely)
            if (
                whole is not None
                and whole.similarity >= LIKELY_SIMILARITY
                and whole.relation(self._settings.min_share) != PARTIAL
            ):
                return whole
        return found

    def _described(
        self, query: VideoRow, reference: VideoRow, asked: Floats, held: Floats, aligned: list[AlignedSegment]
    ) -> Pair | None:
        """The pair that these segments make, those aside that are marked as no copies; None if none is left."""
        in_seconds = segments_of(
            aligned,
            fps=self._fps,
            query_duration_s=query.duration_s,
            reference_duration_s=reference.duration_s,
        )
        unmarked = [not self._is_marked(query, reference, segment) for segment in in_seconds]
        if not any(unmarked):
            return None
        aligned, segments = list(compress(aligned, unmarked)), list(compress(in_seconds, unmarked))
        return Pair(
            query.id,
            reference.id,
            tuple(sorted(segments, key=lambda s: (s.query_start_s, s.reference_start_s))),
            _share([(s.query_start_s, s.query_end_s) for s in segments], asked, self._fps),
            _share([(s.reference_start_s, s.reference_end_s) for s in segments], held, self._fps),
            _similarity(aligned, asked, held),
        )

    def _is_marked(self, query: VideoRow, reference: VideoRow, segment: Segment) -> bool:
        one, other = query.content_hash, reference.content_hash
        return any(mark.rejects(segment) for mark in self._marks.get((one, other), ())) or any(
            mark.rejects(_turned(segment)) for mark in self._marks.get((other, one), ())
        )


def _by_contents(marks: Sequence[Rejection]) -> dict[tuple[str, str], list[Rejection]]:
    """Marks by the content hashes of query and reference."""
    found: dict[tuple[str, str], list[Rejection]] = {}
    for mark in marks:
        found.setdefault((mark.query_hash, mark.reference_hash), []).append(mark)
    return found


def _key(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def _weight(pair: Pair) -> float:
    return pair.first_share + pair.second_share


def _turned(segment: Segment) -> Segment:
    return Segment(
        query_start_s=segment.reference_start_s,
        reference_start_s=segment.query_start_s,
        query_end_s=segment.reference_end_s,
        reference_end_s=segment.query_end_s,
        score=segment.score,
        speed=1 / segment.speed,
        backwards=segment.backwards,
    )


def _share(spans_s: Sequence[tuple[float, float]], matrix: Floats, fps: float) -> float:
    """The share of a video's frames that count which lie in any of the spans."""
    counts = np.any(matrix, axis=1)
    times_s = np.arange(len(matrix)) / fps
    covered = np.zeros(len(matrix), bool)
    for start_s, end_s in spans_s:
        covered |= (times_s >= start_s) & (times_s < end_s)
    return float(covered[counts].mean()) if counts.any() else 0.0


def _similarity(aligned: Sequence[AlignedSegment], query: Floats, reference: Floats) -> float:
    """Mean cosine of the frames that the segments join, of those that count."""
    joined = np.concatenate([_joined(segment, query, reference) for segment in aligned])
    return float(joined.mean()) if len(joined) else 0.0


def _joined(segment: AlignedSegment, query: Floats, reference: Floats) -> NDArray[np.float32]:
    rows = np.arange(int(segment.query_start), int(segment.query_end))
    share = (rows + 0.5 - segment.query_start) / (segment.query_end - segment.query_start)
    along = 1 - share if segment.backwards else share
    columns = segment.reference_start + along * (segment.reference_end - segment.reference_start)
    columns = np.clip(np.floor(columns).astype(np.int64), 0, len(reference) - 1)
    counts = np.any(query[rows], axis=1) & np.any(reference[columns], axis=1)
    return np.asarray((query[rows] * reference[columns]).sum(axis=1)[counts])


def _in_step(query: VideoRow, reference: VideoRow, asked: Floats, held: Floats) -> Pair | None:
    """Two videos of one length as one, if they are the same picture throughout, or look alike at the same times and
    not at others: in still shots there is no line to be found, but their cuts agree.
    """
    length = min(len(asked), len(held))
    along = _mean_along(asked[:length], held[:length])
    if along is None:
        return None
    mean, least = along
    if mean < IN_STEP_SIMILARITY:
        return None
    apart = [
        found[0]
        for shift in range(3, max(4, length // 2))
        for found in (_mean_along(asked[shift:], held[:-shift]), _mean_along(asked[:-shift], held[shift:]))
        if found is not None
    ]
    is_in_step = bool(apart) and mean >= max(apart) + IN_STEP_MARGIN
    if not (is_in_step or least >= STILL_SIMILARITY):
        return None
    whole = Segment(0.0, 0.0, query.duration_s, reference.duration_s, score=min(mean, 1.0))
    return Pair(query.id, reference.id, (whole,), 1.0, 1.0, mean)


def _mean_along(one: Floats, other: Floats) -> tuple[float, float] | None:
    """(mean, least) cosine of the frames at the same places, of those that count; None for none."""
    length = min(len(one), len(other))
    similarity = np.einsum("ij,ij->i", one[:length], other[:length])
    counts = np.any(one[:length], axis=1) & np.any(other[:length], axis=1)
    return (float(similarity[counts].mean()), float(similarity[counts].min())) if counts.any() else None
