"""Segments as a table, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from reprise.segment import QueryResult

COLUMNS = (
    "query",
    "reference",
    "query_start_s",
    "query_end_s",
    "reference_start_s",
    "reference_end_s",
    "score",
    "speed",
    "backwards",
    "audio",
)


def csv_of(results: Iterable[QueryResult]) -> str:
    """One line a segment, a header first; times in seconds with three decimals. A query with no copy has no line.

    `audio` tells of each match whether its sound is the same, partly or other; it is empty where that was not
    compared. What only sounds the same is not in the table.
    """
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for result in results:
        for match in result.matches:
            for s in match.segments:
                times_s = (s.query_start_s, s.query_end_s, s.reference_start_s, s.reference_end_s)
                table.writerow(
                    [
                        result.query,
                        match.reference,
                        *(f"{time_s:.3f}" for time_s in times_s),
                        f"{s.score:.4f}",
                        f"{s.speed:.3f}",
                        "yes" if s.backwards else "no",
                        match.audio or "",
                    ]
                )
    return text.getvalue()
