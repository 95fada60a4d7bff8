"""Verdicts as a table, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from reprise.checking.verdict import Verdict

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
)


def csv_of(verdicts: Iterable[Verdict]) -> str:
    """One line for each reference of each video, and one for a video with none; a header first.

    `segments` are query_start-query_end=reference_start-reference_end in seconds, with spaces between them.
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
        for relation in verdict.relations:
            table.writerow(
                [
                    *facts,
                    relation.kind,
                    relation.reference,
                    relation.among,
                    f"{relation.sureness:.4f}",
                    f"{relation.video_share:.4f}",
                    f"{relation.reference_share:.4f}",
                    f"{relation.reference_duration_s:.3f}",
                    " ".join(
                        f"{s.query_start_s:.3f}-{s.query_end_s:.3f}={s.reference_start_s:.3f}-{s.reference_end_s:.3f}"
                        for s in relation.segments
                    ),
                ]
            )
        if not verdict.relations:
            table.writerow([*facts, *[""] * (len(COLUMNS) - len(facts))])
    return text.getvalue()
