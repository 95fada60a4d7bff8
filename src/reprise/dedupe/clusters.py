"""Clusters of videos that are in each other: which to keep, what the others are to it, and what would be saved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise.dedupe.keeping import as_long, best_copy
from reprise.dedupe.pairs import PARTIAL, Pair, PairAligner
from reprise.dedupe.settings import DedupeSettings
from reprise.segment import Segment
from reprise.stores.videos import VideoRow

# Keepers of one cluster with which all its other videos are aligned, if they were not: the work stays in proportion.
ALIGNED_KEEPERS = 3


@dataclass(frozen=True, slots=True)
class Kept:
    """A video to keep."""

    video: VideoRow
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The object that `reprise dedupe --json` prints of it."""
        return {**_video_json(self.video), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Copy:
    """A video that is wholly in one that is kept."""

    video: VideoRow
    kept: VideoRow
    relation: str  # of `video` to `kept`: exact, same-content, near-duplicate or contained-in
    share: float  # of the video's frames that are in the kept one, 0 to 1
    kept_share: float  # of the kept one's that are in the video
    segments: tuple[Segment, ...]  # the video as query, the kept one as reference
    saved_bytes: int
    remark: str  # empty, or what speaks for having a look before it is deleted

    def to_json(self) -> dict[str, Any]:
        """The object that `reprise dedupe --json` prints of it."""
        return {
            **_video_json(self.video),
            "relation": self.relation,
            "of": self.kept.path,
            "share": round(self.share, 4),
            "kept_share": round(self.kept_share, 4),
            "segments": [segment.to_json() for segment in self.segments],
            "saved_bytes": self.saved_bytes,
            **({"remark": self.remark} if self.remark else {}),
        }


@dataclass(frozen=True, slots=True)
class Cluster:
    """Videos that are joined by being in each other."""

    kept: tuple[Kept, ...]  # more than one where none holds all
    copies: tuple[Copy, ...]

    @property
    def saved_s(self) -> float:
        """Seconds of video that are there twice."""
        return sum(copy.video.duration_s for copy in self.copies)

    @property
    def saved_bytes(self) -> int:
        """Bytes on disk that the copies take."""
        return sum(copy.saved_bytes for copy in self.copies)

    def to_json(self) -> dict[str, Any]:
        """The object that `reprise dedupe --json` prints."""
        return {
            "keep": [kept.to_json() for kept in self.kept],
            "copies": [copy.to_json() for copy in self.copies],
            "saved_s": round(self.saved_s, 3),
            "saved_bytes": self.saved_bytes,
        }


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two videos that share something."""

    first: VideoRow
    second: VideoRow
    pair: Pair  # seen from the first

    def to_json(self) -> dict[str, Any]:
        """The object that `reprise dedupe --json --partial` prints."""
        return {
            "partial": [_video_json(self.first), _video_json(self.second)],
            "shares": [round(self.pair.first_share, 4), round(self.pair.second_share, 4)],
            "segments": [segment.to_json() for segment in self.pair.segments],
        }


def find_clusters(
    videos: dict[str, VideoRow], pairs: Iterable[Pair], aligner: PairAligner, settings: DedupeSettings
) -> list[Cluster]:
    """The clusters that `pairs` make, what saves most disk first. A cluster of which nothing can go is none."""
    joined = [pair for pair in pairs if pair.relation(settings.min_share) != PARTIAL]
    clusters = [
        _cluster([videos[member] for member in members], aligner, settings.min_share)
        for members in _components(joined)
    ]
    found = [cluster for cluster in clusters if cluster.copies]
    return sorted(found, key=lambda cluster: (-cluster.saved_bytes, cluster.kept[0].video.path))


def partial_overlaps(
    videos: dict[str, VideoRow], pairs: Iterable[Pair], clusters: Sequence[Cluster]
) -> list[Overlap]:
    """The pairs that share something and of which neither is told as the other's copy, most shared seconds first.

    A video that can go is left out: what it shares with others, the kept one does.
    """
    gone = {copy.video.id for cluster in clusters for copy in cluster.copies}
    return overlaps_of(videos, [pair for pair in pairs if pair.first not in gone and pair.second not in gone])


def overlaps_of(videos: dict[str, VideoRow], pairs: Iterable[Pair]) -> list[Overlap]:
    """The pairs with their videos, most shared seconds first."""
    found = []
    for pair in pairs:
        first, second = sorted((videos[pair.first], videos[pair.second]), key=lambda video: video.path)
        found.append(Overlap(first, second, pair.seen_from(first.id)))
    return sorted(found, key=lambda one: (-one.pair.first_share * one.first.duration_s, one.first.path))


def _components(pairs: Iterable[Pair]) -> list[list[str]]:
    """The ids that pairs join, directly or over others."""
    joined: dict[str, list[str]] = defaultdict(list)
    for pair in pairs:
        joined[pair.first].append(pair.second)
        joined[pair.second].append(pair.first)
    components: list[list[str]] = []
    seen: set[str] = set()
    for start in sorted(joined):
        if start in seen:
            continue
        seen.add(start)
        component = [start]
        for member in component:  # which grows meanwhile
            fresh = [other for other in joined[member] if other not in seen]
            seen.update(fresh)
            component += dict.fromkeys(fresh)
        components.append(component)
    return components


def _cluster(members: list[VideoRow], aligner: PairAligner, min_share: float) -> Cluster:
    """The longest is kept, or as good a copy of it; what is wholly in it can go; then the longest of what is left."""
    left = sorted(members, key=lambda video: (-video.duration_s, video.path))
    kept: list[Kept] = []
    copies: list[Copy] = []

    def similarity_of(one: VideoRow, other: VideoRow) -> float | None:
        pair = aligner.known(one.id, other.id)
        return None if pair is None else pair.similarity

    while left:
        if len(kept) < ALIGNED_KEEPERS:
            for video in left[1:]:
                aligner.pair(video, left[0])
        rivals = [left[0]]
        for video in left[1:]:
            pair = aligner.known(video.id, left[0].id)
            if pair is not None and as_long(video, left[0]) and min(pair.first_share, pair.second_share) >= min_share:
                rivals.append(video)
        rival_ids = {video.id for video in rivals}
        inside = [v for v in left if v.id not in rival_ids and _is_in(aligner, v, left[0], min_share)]
        keeper, reason = best_copy(rivals, inside, similarity_of)
        rest = []
        for video in left:
            if video.id == keeper.id:
                continue
            pair = aligner.pair(video, keeper) if len(kept) < ALIGNED_KEEPERS else aligner.known(video.id, keeper.id)
            if pair is not None and pair.first_share >= min_share:
                copies.append(_copy(video, keeper, pair, min_share))
            else:
                rest.append(video)
        is_alone = not any(copy.kept.id == keeper.id for copy in copies)
        kept.append(Kept(keeper, "not wholly in another" if is_alone else reason))
        left = rest
    return Cluster(tuple(kept), tuple(copies))


def _is_in(aligner: PairAligner, video: VideoRow, other: VideoRow, min_share: float) -> bool:
    pair = aligner.known(video.id, other.id)
    return pair is not None and pair.first_share >= min_share


def _copy(video: VideoRow, keeper: VideoRow, pair: Pair, min_share: float) -> Copy:
    has_larger = video.width * video.height > keeper.width * keeper.height > 0
    return Copy(
        video=video,
        kept=keeper,
        relation=pair.relation(min_share),
        share=pair.first_share,
        kept_share=pair.second_share,
        segments=pair.segments,
        saved_bytes=_saved_bytes(video, keeper),
        remark=f"its picture is larger, {video.width}x{video.height}" if has_larger else "",
    )


def _saved_bytes(video: VideoRow, keeper: VideoRow) -> int:
    """What the file takes on disk; what it took when it was ingested, where it is gone; 0 where both are one file."""
    try:
        own = Path(video.path).stat()
    except (OSError, ValueError):
        return video.file_size
    try:
        is_linked = Path(keeper.path).samefile(video.path)
    except (OSError, ValueError):
        is_linked = False
    return 0 if is_linked else own.st_size


def _video_json(video: VideoRow) -> dict[str, Any]:
    return {
        "path": video.path,
        "duration": round(video.duration_s, 3),
        "file_size": video.file_size,
        **({"width": video.width, "height": video.height} if video.width else {}),
        **({"codec": video.codec} if video.codec else {}),
    }
