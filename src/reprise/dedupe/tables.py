"""Clusters as a table, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from reprise.dedupe.clusters import Cluster, Overlap
from reprise.segment import Segment
from reprise.stores.videos import VideoRow
from reprise.times import clock

COLUMNS = (
    "cluster",
    "video",
    "relation",
    "of",
    "share",
    "share_of_other",
    "segments",
    "duration_s",
    "file_size",
    "saved_bytes",
    "remark",
)


def csv_of(clusters: Sequence[Cluster], partial: Sequence[Overlap] = ()) -> str:
    """One line a video, a header first: those to keep ("keep") and those wholly in them; then pairs ("partial")."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for number, cluster in enumerate(clusters, 1):
        for kept in cluster.kept:
            table.writerow([number, kept.video.path, "keep", "", "", "", "", *_size(kept.video), "", kept.reason])
        for copy in cluster.copies:
            shares = f"{copy.share:.4f}", f"{copy.kept_share:.4f}"
            told = copy.relation, copy.kept.path, *shares, segments_text(copy.segments)
            table.writerow([number, copy.video.path, *told, *_size(copy.video), copy.saved_bytes, copy.remark])
    for one in partial:
        shares = f"{one.pair.first_share:.4f}", f"{one.pair.second_share:.4f}"
        told = "partial", one.second.path, *shares, segments_text(one.pair.segments)
        table.writerow(["", one.first.path, *told, *_size(one.first), "", ""])
    return text.getvalue()


def segments_text(segments: Sequence[Segment]) -> str:
    """`0:05 - 0:15 = 0:02 - 0:12`, the video's seconds and the other's; further ones after a semicolon."""
    return "; ".join(
        f"{_span(s.query_start_s, s.query_end_s)} = {_span(s.reference_start_s, s.reference_end_s)}" for s in segments
    )


def _span(start_s: float, end_s: float) -> str:
    return f"{clock(start_s)} - {clock(end_s)}"


def _size(video: VideoRow) -> tuple[str, int]:
    return f"{video.duration_s:.3f}", video.file_size
