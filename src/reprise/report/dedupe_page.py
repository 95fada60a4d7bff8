"""One HTML page of the videos of a library that are in each other; it needs nothing but a browser."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from reprise.dedupe.clusters import Cluster, Copy, Overlap
from reprise.dedupe.deduplication import DedupeReport
from reprise.errors import ReprisError, printable
from reprise.evidence import MapForEyes, MatchEvidence
from reprise.report.files import write_whole
from reprise.report.page import PAGE_NAME, ReportFacts, file_url, match_content, page_of
from reprise.segment import Match, Segment
from reprise.stores.videos import VideoRow

PICTURED = 50  # pairs of videos with thumbnails, which take half a second of decoding each
MOST_SEGMENTS = 5  # of a pair that are shown
MOST_PARTIAL = 500
NO_MAP = MapForEyes(np.zeros((0, 0), np.float32))


def write_dedupe_report(folder: Path, found: DedupeReport, facts: ReportFacts) -> None:
    """Writes `report.html` into the folder, which is made if need be.

    Thumbnails are taken where the files are still there. Raises ReprisError if the folder cannot be written.
    """
    page = page_of(_content(found, facts), "dedupe")  # first: decoding for it may be interrupted
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / PAGE_NAME, page)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ReprisError(f"{printable(folder)}: the report cannot be written ({reason})") from error


def _content(found: DedupeReport, facts: ReportFacts) -> dict[str, Any]:
    pictures = _Pictures(facts.fps)
    return {
        "program": f"Reprise {version('reprise')}",
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "library": facts.library,
        "model": facts.model,
        "fps": facts.fps,
        "failures": list(facts.failures),
        "warning": found.warning,
        "total": found.to_json(),
        "clusters": [_cluster(cluster, pictures) for cluster in found.clusters],
        "partial": [_partial(one, pictures) for one in found.partial[:MOST_PARTIAL]],
        "partial_left_out": max(0, len(found.partial) - MOST_PARTIAL),
    }


class _Pictures:
    """What a pair of videos looks like on the page; the first ones with thumbnails."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._left = PICTURED

    def pair(self, one: VideoRow, other: VideoRow, segments: tuple[Segment, ...]) -> dict[str, Any]:
        """The pair as the page's script reads it."""
        match = Match.of(other.path, list(segments[:MOST_SEGMENTS]))
        evidence = MatchEvidence(match, other.duration_s, NO_MAP, self._fps)
        self._left -= 1
        content = match_content(evidence, one.path, with_pictures=self._left >= 0)
        return content | {"more": len(segments) - len(match.segments)}


def _cluster(cluster: Cluster, pictures: _Pictures) -> dict[str, Any]:
    return {
        "keep": [_video(kept.video) | {"reason": kept.reason} for kept in cluster.kept],
        "copies": [_copy(copy, pictures) for copy in cluster.copies],
        "saved_s": cluster.saved_s,
        "saved_bytes": cluster.saved_bytes,
    }


def _copy(copy: Copy, pictures: _Pictures) -> dict[str, Any]:
    return _video(copy.video) | {
        "relation": copy.relation,
        "share": copy.share,
        "other_share": copy.kept_share,
        "saved_bytes": copy.saved_bytes,
        "remark": copy.remark,
        "names": ["this video", "the kept one"],
        "matches": [pictures.pair(copy.video, copy.kept, copy.segments)],
    }


def _partial(one: Overlap, pictures: _Pictures) -> dict[str, Any]:
    return _video(one.first) | {
        "relation": "partial",
        "share": one.pair.first_share,
        "other_share": one.pair.second_share,
        "names": ["the first", "the second"],
        "matches": [pictures.pair(one.first, one.second, one.pair.segments)],
    }


def _video(video: VideoRow) -> dict[str, Any]:
    return {
        "path": video.path,
        "url": file_url(video.path),
        "duration": round(video.duration_s, 3),
        "file_size": video.file_size,
        "width": video.width,
        "height": video.height,
        "codec": video.codec,
    }
