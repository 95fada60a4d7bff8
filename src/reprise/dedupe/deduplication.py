"""All videos of a library held against each other: near frames, candidate pairs, alignment, clusters."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reprise.dedupe.candidates import Candidates, find_candidates
from reprise.dedupe.clusters import Cluster, Overlap, find_clusters, overlaps_of, partial_overlaps
from reprise.dedupe.frames import CountingFrames, Floats, MatrixOf, flat_vectors
from reprise.dedupe.pairs import Pair, PairAligner, exact_pair
from reprise.dedupe.representatives import Representatives
from reprise.dedupe.settings import DedupeSettings
from reprise.errors import ModelError
from reprise.ignoring import IgnoredFrames, IgnoreList
from reprise.marks import MarkReader
from reprise.rejections import Rejection, all_rejections
from reprise.scanning import Failure
from reprise.settings import EmbedSettings
from reprise.stores.library import LibraryStores
from reprise.stores.videos import VideoRow

# Called with what is done ("reading", "searching", "aligning" or "sorting"), how much of it, and of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class DedupeCost:
    """What it took to find all pairs."""

    videos: int
    frames: int
    searches: int  # representative frames, each of which is looked up among all
    comparisons: int  # of two representative frames, or of one with a cell's centre
    common_frames: int  # representatives that so many videos hold that they say little
    candidate_pairs: int
    left_out_pairs: int  # faint ones, beyond what is aligned
    alignments: int
    matrices_loaded: int
    cpu_s: float

    def to_json(self) -> dict[str, Any]:
        """The object under "cost" in what `reprise dedupe --json` prints."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "cpu_s"} | {
            "cpu_s": round(self.cpu_s, 2)
        }


@dataclass(frozen=True, slots=True)
class DedupeReport:
    """Which videos of a library are in which others."""

    clusters: tuple[Cluster, ...]  # what saves most disk first
    partial: tuple[Overlap, ...]  # pairs of videos that stay and share a part, the longest first
    found_pairs: tuple[Overlap, ...]  # all pairs that were aligned and share anything
    cost: DedupeCost
    failed: tuple[Failure, ...]  # videos with no matrix
    warning: str = ""  # what kept the answer from being as good as it can be

    @property
    def copies(self) -> int:
        """How many videos are wholly in others."""
        return sum(len(cluster.copies) for cluster in self.clusters)

    @property
    def saved_s(self) -> float:
        """Seconds of video that are there twice."""
        return sum(cluster.saved_s for cluster in self.clusters)

    @property
    def saved_bytes(self) -> int:
        """Bytes on disk that the copies take."""
        return sum(cluster.saved_bytes for cluster in self.clusters)

    def to_json(self) -> dict[str, Any]:
        """The object under "total" in what `reprise dedupe --json` prints."""
        return {
            "videos": self.cost.videos,
            "clusters": len(self.clusters),
            "copies": self.copies,
            "saved_s": round(self.saved_s, 3),
            "saved_bytes": self.saved_bytes,
            "partial": len(self.partial),
            "cost": self.cost.to_json(),
        }


def dedupe_library(
    stores: LibraryStores, embedding: EmbedSettings, settings: DedupeSettings, progress: Progress | None
) -> DedupeReport:
    """The videos of an opened library that are in each other; `embedding` is what it was made with."""
    warning = ""
    try:
        flat = flat_vectors(embedding.embedder())
    except ModelError as error:
        flat = np.zeros((0, stores.frames.facts().dimension), np.float32)
        warning = f"black and other flat frames count as content here, as the network cannot be asked: {error}"
    rows = sorted(stores.videos.all(), key=lambda row: (row.path, row.id))
    report = find_duplicates(
        rows,
        stores.matrix,
        flat,
        fps=embedding.fps,
        settings=settings,
        progress=progress,
        ignored=IgnoreList(stores).frames(MarkReader(stores).now().ignored),
        marks=all_rejections(stores.notes),
    )
    return replace(report, warning=warning)


def find_duplicates(
    videos: Sequence[VideoRow],
    matrix_of: MatrixOf,
    flat: Floats,
    *,
    fps: float,
    settings: DedupeSettings | None = None,
    progress: Progress | None = None,
    ignored: IgnoredFrames | None = None,
    marks: Sequence[Rejection] = (),
) -> DedupeReport:
    """The videos that are in each other.

    `matrix_of(id)` gives a video matrix [frames, dim] float32, rows L2-normalised, or None; `flat`: [n, dim] what
    frames of one colour look like, [0, dim] if that is not known; `ignored` frames and what is marked as no copy in
    `marks` do not count, but for videos whose files are the same. Nothing is decoded, written or removed.
    """
    settings = settings or DedupeSettings()
    start_s = time.process_time()
    frames = CountingFrames(matrix_of, flat, ignored=ignored)
    heads, same_files = _by_content(videos)
    readable, candidates, failed = _candidates(heads, frames, progress)
    aligner = PairAligner(frames, fps, settings, marks)
    pairs = _aligned(readable, candidates, aligner, progress)
    for one, other in same_files:
        aligner.add(exact_pair(one, other))
        pairs.append(exact_pair(one, other))
    rows = {video.id: video for video in videos}
    if progress is not None:
        progress("sorting", 0, 1)
    clusters = find_clusters(rows, pairs, aligner, settings)
    return DedupeReport(
        tuple(clusters),
        tuple(partial_overlaps(rows, pairs, clusters)),
        tuple(overlaps_of(rows, pairs)),
        DedupeCost(
            videos=len(videos),
            frames=sum(video.frame_count for video in videos),
            searches=candidates.join.vectors,
            comparisons=candidates.join.comparisons,
            common_frames=candidates.common_frames,
            candidate_pairs=len(candidates.pairs),
            left_out_pairs=candidates.left_out,
            alignments=aligner.alignments,
            matrices_loaded=frames.loaded,
            cpu_s=time.process_time() - start_s,
        ),
        tuple(failed),
    )


def _by_content(videos: Sequence[VideoRow]) -> tuple[list[VideoRow], list[tuple[VideoRow, VideoRow]]]:
    """One video of each content, and the others with the same file, each beside that one."""
    groups: dict[str, list[VideoRow]] = defaultdict(list)
    for video in videos:
        groups[video.content_hash or video.id].append(video)
    same = [(other, group[0]) for group in groups.values() for other in group[1:]]
    return [group[0] for group in groups.values()], same


def _candidates(
    videos: Sequence[VideoRow], frames: CountingFrames, progress: Progress | None
) -> tuple[list[VideoRow], Candidates, list[Failure]]:
    """The videos that have a matrix, the pairs of them to align, and those that have none."""
    representatives = Representatives(sum(video.frame_count for video in videos))
    readable: list[VideoRow] = []
    failed: list[Failure] = []
    for done, video in enumerate(videos, start=1):
        matrix = frames.read(video.id)
        if matrix is None:
            failed.append(
                Failure(video.path, f"{video.path}: its matrix is gone; remove the video and ingest it again")
            )
        else:
            representatives.add(matrix)
            readable.append(video)
        if progress is not None:
            progress("reading", done, len(videos))
    search = None if progress is None else lambda done, of: progress("searching", done, of)
    return readable, find_candidates(representatives.gathered(), search), failed


def _aligned(
    videos: Sequence[VideoRow], candidates: Candidates, aligner: PairAligner, progress: Progress | None
) -> list[Pair]:
    """The candidates that share something."""
    found: list[Pair] = []
    # Video by video, so that one of each pair's matrices is held already.
    order = sorted(range(len(candidates.pairs)), key=lambda number: tuple(candidates.pairs[number]))
    for done, number in enumerate(order, start=1):
        first, second = candidates.pairs[number]
        pair = aligner.pair(videos[first], videos[second], evidence=float(candidates.evidence[number]))
        if pair is not None:
            found.append(pair)
        if progress is not None:
            progress("aligning", done, len(order))
    return found
