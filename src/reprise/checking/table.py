"""Verdicts as a table, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from reprise.audio.witness import OTHER, PARTLY, SAME
from reprise.checking.verdict import OTHER_AUDIO, OTHER_PICTURES, AudioRelation, Relation, Verdict
from reprise.segment import Segment

COLUMNS = (
    "video",
    "verdict",
    "stage",
    "sureness",
    "duration_s",
    "covered_share",
    "ingested",
    "relation",
    "reference",
    "among",
    "relation_sureness",
    "video_share",
    "reference_share",
    "reference_duration_s",
    "segments",
    "audio",
    "audio_compared_s",
    "audio_same_s",
    "audio_segments",
)
# What stands in `relation` for a reference that only sounds the same.
ONLY_AUDIO = "same-audio"
PICTURES_AND = {
    SAME: "same pictures, same audio",
    PARTLY: "same pictures, partly the same audio",
    OTHER: OTHER_AUDIO,
}


def csv_of(verdicts: Iterable[Verdict]) -> str:
    """One line for each reference of each video, and one for a video with none; a header first.

    `segments` are query_start-query_end=reference_start-reference_end in seconds, with spaces between them.
    `audio` is "same pictures, other audio" and so on; a reference that only sounds the same has the relation
    "same-audio", its shares are those of the sound, and it has no `segments` but `audio_segments`.
    """
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for verdict in verdicts:
        facts = [
            verdict.path,
            verdict.kind,
            verdict.stage,
            f"{verdict.sureness:.4f}",
            f"{verdict.duration_s:.3f}",
            f"{verdict.covered_share:.4f}",
            "yes" if verdict.ingested else "no",
        ]
        lines = [_line(relation) for relation in verdict.relations]
        lines += [_audio_line(relation) for relation in verdict.audio_relations or ()]
        for line in lines or [[""] * (len(COLUMNS) - len(facts))]:
            table.writerow([*facts, *line])
    return text.getvalue()


def _line(relation: Relation) -> list[str]:
    audio = relation.audio
    heard = ["", "", "", ""]
    if audio.says is not None:
        seconds = (f"{audio.compared_s:.1f}", f"{audio.same_s:.1f}")
        heard = [PICTURES_AND[audio.says], *seconds, _stretches(relation.audio_segments)]
    return [
        relation.kind,
        relation.reference,
        relation.among,
        f"{relation.sureness:.4f}",
        *_shares(relation),
        _stretches(relation.segments),
        *heard,
    ]


def _audio_line(relation: AudioRelation) -> list[str]:
    named = [ONLY_AUDIO, relation.reference, relation.among, f"{relation.score:.4f}"]
    return [*named, *_shares(relation), "", OTHER_PICTURES, "", "", _stretches(relation.segments)]


def _shares(relation: Relation | AudioRelation) -> list[str]:
    shares = (relation.video_share, relation.reference_share)
    return [*(f"{share:.4f}" for share in shares), f"{relation.reference_duration_s:.3f}"]


def _stretches(segments: Iterable[Segment]) -> str:
    return " ".join(
        f"{s.query_start_s:.3f}-{s.query_end_s:.3f}={s.reference_start_s:.3f}-{s.reference_end_s:.3f}"
        for s in segments
    )
