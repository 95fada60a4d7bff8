"""What the sound says beside a verdict: of each relation, and of references that only sound the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from reprise.audio.fingerprint import Listened
from reprise.audio.library_sounds import LibrarySounds
from reprise.audio.witness import agreement, unseen
from reprise.checking.verdict import Among, AudioRelation, Relation, Verdict, shares
from reprise.segment import Match, Segment
from reprise.stores.videos import VideoRow

# The sounds of a side, and whose a video of it is.
SideSounds = tuple[LibrarySounds, Callable[[VideoRow], Among]]
# A reference, whose it is, and the stretches of it that sound the same.
Heard = tuple[VideoRow, Among, list[Segment]]


def with_sound(
    verdict: Verdict,
    listened: Listened,
    sides: Sequence[SideSounds],
    perhaps_in: Callable[[VideoRow], list[Segment]],
) -> Verdict:
    """The verdict with what the sound says; the verdict itself remains that of the pictures.

    `perhaps_in` gives what of the pictures is copied from a video or perhaps is: no sound is told to have other
    pictures where nobody looked, or where they may well be the same. As it was where no side has any fingerprint, and
    with a warning where the sound could not be heard.
    """
    hearing = [side for side in sides if side[0].any()]
    if not hearing:
        return verdict
    if listened.warning:
        return replace(verdict, warning="; ".join(filter(None, [verdict.warning, listened.warning])))
    heard = list(_heard(listened, hearing))
    relations = tuple(_compared(relation, listened, heard, hearing) for relation in verdict.relations)
    pictures = {(relation.reference, relation.among): relation.segments for relation in verdict.relations}
    alone, remarks = [], list(verdict.remarks)
    for row, among, sounds in heard:
        sure = pictures.get((row.path, among), ())
        without = unseen(sounds, sure)
        without, seen_perhaps = (unseen(without, perhaps_in(row)), without) if without else ([], [])
        if without:
            alone.append(_relation(without, row, among, verdict.duration_s))
        elif seen_perhaps and verdict.stage == "frames" and not sure:
            remarks.append(f"what is perhaps copied from {row.path} sounds the same, too")
    alone.sort(key=lambda one: (-one.video_share, -one.score, one.reference))
    return replace(verdict, relations=relations, audio_relations=tuple(alone), remarks=tuple(remarks))


def _heard(listened: Listened, sides: Sequence[SideSounds]) -> Iterator[Heard]:
    for sounds, among in sides:
        for row, segments in sounds.found(listened.heard):
            yield row, among(row), segments


def _compared(
    relation: Relation, listened: Listened, heard: Sequence[Heard], sides: Sequence[SideSounds]
) -> Relation:
    sounds = [
        segment
        for row, among, segments in heard
        if (row.path, among) == (relation.reference, relation.among)
        for segment in segments
    ]
    # One path may be in the library and in the batch: an earlier version of a file, and the file.
    codes = [codes for one, _ in sides if len(codes := one.codes_of(relation.reference))]
    if not codes:
        return relation
    reference = codes[-1] if relation.among == "batch" else codes[0]
    agreed = agreement(relation.segments, sounds, listened.codes, reference)
    return replace(relation, audio=agreed, audio_segments=tuple(sounds))


def _relation(segments: list[Segment], row: VideoRow, among: Among, duration_s: float) -> AudioRelation:
    match = Match.of(row.path, segments)
    video_share, reference_share = shares(match.segments, duration_s, row.duration_s)
    return AudioRelation(row.path, among, match.score, match.segments, video_share, reference_share, row.duration_s)
