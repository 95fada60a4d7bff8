"""The three stages of a check, each asked only where the one before could not decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reprise.audio.library_sounds import LibrarySounds
from reprise.checking.embedding import CheckedVideo
from reprise.checking.hearing import with_sound
from reprise.checking.likeness import LEAST_POOLED, MOST_APART_S, likeness
from reprise.checking.settings import CheckSettings
from reprise.checking.verdict import KINDS, Among, Kind, Relation, Stage, Verdict, shares
from reprise.errors import printable
from reprise.querying import Queries
from reprise.segment import Match, Segment
from reprise.settings import EmbedSettings, QuerySettings
from reprise.stores.library import LibraryStores
from reprise.stores.videos import VideoRow
from reprise.times import clock

NEAREST = 32  # videos whose mean vectors are looked at: many copies of one video may be there
WORTH_A_LOOK = 0.5  # score of a segment that is too faint to count; most copies that are missed have one

NOTHING_SHOWN = "nothing is to be seen in it (black, or of one colour): it could be compared as a whole only"
TOO_SHORT = f"shorter than {QuerySettings().min_length_s:g} s: a part of it, or it as a part of others, is not found"


class Side:
    """Videos that others are held against: those of a library, or those that the same batch brought."""

    def __init__(self, stores: LibraryStores, embedding: EmbedSettings, sounds: LibrarySounds | None = None) -> None:
        """`sounds` may have been read before: that of a large library takes a while."""
        self.stores = stores
        self.sounds = sounds or LibrarySounds(stores)
        self.of_batch: set[str] = set()  # ids of the videos that were checked before in the same batch
        self._queries = Queries(stores, embedding)
        self._fps = embedding.fps

    def with_content(self, content_hash: str) -> list[VideoRow]:
        """The videos whose files have this content."""
        return self.stores.videos.with_content(content_hash)

    def with_likeness(self, checked: CheckedVideo) -> list[tuple[VideoRow, float]]:
        """The videos that show the same all along, each with how sure that is."""
        near = [
            video_id
            for video_id, cosine in self.stores.videos.nearest(checked.video.pooled, NEAREST)
            if cosine >= LEAST_POOLED
        ]
        found = []
        for row in self.stores.videos.get(near).values():
            if abs(row.duration_s - checked.video.duration_s) > MOST_APART_S:
                continue
            matrix = self.stores.matrix_of(row)
            if matrix is not None and (alike := likeness(checked, matrix, self._fps)).is_same:
                found.append((row, alike.sureness))
        return found

    def with_copies(self, checked: CheckedVideo, settings: CheckSettings) -> list[tuple[VideoRow, Match]]:
        """The videos with stretches in common, however faint."""
        found = []
        for match in self._queries.query_embedded(checked.query, settings.query).matches:
            # Of several that were ingested under one name, the one in which the segments lie.
            rows = self.stores.videos.by_path(match.reference)
            end_s = max(segment.reference_end_s for segment in match.segments)
            fitting = [row for row in rows if row.duration_s >= end_s - 1e-6] or rows
            found += [(row, match) for row in fitting[:1]]
        return found

    def among(self, row: VideoRow) -> Among:
        """Whose the video is."""
        return "batch" if row.id in self.of_batch else "library"


def by_hash(sides: Sequence[Side], path: str, video_id: str, content_hash: str) -> Verdict | None:
    """The verdict of the first stage: exact, or None where no file has this content. Nothing is decoded."""
    relations, remarks, duration_s = [], [], 0.0
    for side in sides:
        for row in side.with_content(content_hash):
            duration_s = row.duration_s
            relations.append(_as_a_whole("exact", row, side, duration_s, 1.0))
            if row.id == video_id:
                remarks.append("the library has this very file already")
    if not relations:
        return None
    return _verdict(path, "hash", duration_s, relations, remarks)


def by_pictures(
    sides: Sequence[Side], path: str, video_id: str, checked: CheckedVideo, settings: CheckSettings
) -> Verdict:
    """The verdict of the second stage or, where that finds nothing, of the third; sides: the library first.

    What the sound says is told beside it, where the video was listened to.
    """
    library = sides[0]
    is_there = video_id not in library.of_batch and bool(library.stores.videos.get([video_id]))
    remarks = ["the library has an earlier version of this file"] if is_there else []
    pictures = _Pictures(sides, checked, settings)
    verdict = _seen(sides, path, checked, settings, pictures, remarks)
    if checked.query.listened is None:
        return verdict
    hearing = [(side.sounds, side.among) for side in sides]
    return with_sound(verdict, checked.query.listened, hearing, pictures.perhaps_in)


class _Pictures:
    """What the third stage finds, sought when it is first asked for."""

    def __init__(self, sides: Sequence[Side], checked: CheckedVideo, settings: CheckSettings) -> None:
        self._sides, self._checked, self._settings = sides, checked, settings
        self._found: list[tuple[Side, VideoRow, Match]] | None = None

    def found(self) -> list[tuple[Side, VideoRow, Match]]:
        """All videos with stretches in common, however faint."""
        if self._found is None:
            self._found = [
                (side, row, match)
                for side in self._sides
                for row, match in side.with_copies(self._checked, self._settings)
            ]
        return self._found

    def perhaps_in(self, row: VideoRow) -> list[Segment]:
        """The stretches that are copied from the video, or perhaps are."""
        if not np.any(self._checked.query.views):
            return []
        least = min(WORTH_A_LOOK, self._settings.least_score)
        return [s for _, one, match in self.found() if one.id == row.id for s in match.segments if s.score >= least]


def _seen(
    sides: Sequence[Side],
    path: str,
    checked: CheckedVideo,
    settings: CheckSettings,
    pictures: _Pictures,
    remarks: list[str],
) -> Verdict:
    video = checked.video
    alike = [
        _as_a_whole("same-content", row, side, video.duration_s, sureness)
        for side in sides
        for row, sureness in side.with_likeness(checked)
    ]
    if alike:
        return _verdict(path, "vector", video.duration_s, alike, remarks, warning=video.warning)
    if not np.any(checked.query.views):
        remarks.append(NOTHING_SHOWN)
        return _verdict(path, "vector", video.duration_s, [], remarks, warning=video.warning, doubt=1.0)
    if video.duration_s < settings.query.min_length_s:
        remarks.append(TOO_SHORT)
    relations, doubts = [], [(0.0, "")]
    for side, row, match in pictures.found():
        counted = tuple(segment for segment in match.segments if segment.score >= settings.least_score)
        if counted:
            relations.append(_of_segments(counted, row, side, video.duration_s, settings))
        doubts += [(segment.score, _perhaps(segment, row)) for segment in match.segments if not counted]
    doubt, perhaps = max(doubts)
    if not relations and doubt >= WORTH_A_LOOK:
        remarks.append(perhaps)
    return _verdict(path, "frames", video.duration_s, relations, remarks, warning=video.warning, doubt=doubt)


def kind_of(video_share: float, reference_share: float, most: float) -> Kind:
    """What two videos are to each other of which these shares are in common; `most` counts as all of one."""
    if video_share >= most:
        return "near-duplicate" if reference_share >= most else "contained-in"
    return "contains" if reference_share >= most else "partial"


def _perhaps(segment: Segment, row: VideoRow) -> str:
    here = f"{clock(segment.query_start_s)} - {clock(segment.query_end_s)}"
    there = f"{clock(segment.reference_start_s)} - {clock(segment.reference_end_s)}"
    return f"perhaps {here} here is {there} of {row.path}, with a score of {segment.score:.2f}: have a look"


def _of_segments(
    segments: tuple[Segment, ...], row: VideoRow, side: Side, duration_s: float, settings: CheckSettings
) -> Relation:
    video_share, reference_share = shares(segments, duration_s, row.duration_s)
    return Relation(
        kind=kind_of(video_share, reference_share, settings.most),
        reference=row.path,
        among=side.among(row),
        sureness=max(segment.score for segment in segments),
        segments=segments,
        video_share=video_share,
        reference_share=reference_share,
        reference_duration_s=row.duration_s,
    )


def _as_a_whole(kind: Kind, row: VideoRow, side: Side, duration_s: float, sureness: float) -> Relation:
    whole = Segment(0.0, 0.0, duration_s, row.duration_s, sureness)
    return Relation(kind, row.path, side.among(row), sureness, (whole,), 1.0, 1.0, row.duration_s)


def _verdict(
    path: str,
    stage: Stage,
    duration_s: float,
    relations: Sequence[Relation],
    remarks: Sequence[str],
    *,
    warning: str = "",
    doubt: float = 0.0,
) -> Verdict:
    """The verdict of the strongest relation; `doubt` is the score of what was too faint to be one."""
    # Of equals the library's first.
    ordered = sorted(
        relations, key=lambda r: (KINDS.index(r.kind), r.among == "batch", -r.sureness, -r.video_share, r.reference)
    )
    return Verdict(
        path=printable(path),
        kind=ordered[0].kind if ordered else "new",
        stage=stage,
        sureness=ordered[0].sureness if ordered else 1 - doubt,
        duration_s=duration_s,
        relations=tuple(ordered),
        remarks=tuple(remarks),
        warning=warning or None,
    )
