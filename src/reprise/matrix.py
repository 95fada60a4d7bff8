"""All videos of a folder against each other: each embedded once, then compared pair by pair."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reprise.comparison import comparison_of
from reprise.embedding import EmbeddedVideo
from reprise.errors import ModelError, ReprisError, SettingsError
from reprise.ingest import embed_all, readable
from reprise.scanning import Failure, find_videos
from reprise.settings import EmbedSettings, default_workers
from reprise.temporary import temporary_folder
from reprise.video_similarity import (
    Candidate,
    Floats,
    candidates_by_frames,
    frame_vectors,
    pairs_of,
    similarity_table,
)

DEFAULT_DISTANCE = 1.0  # Euclidean, of unit vectors: a cosine similarity of 0.5
# Called with what is done ("embedding" or "comparing"), how much of it, and of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class MatrixSettings:
    """Which pairs are compared: all, or with `top` each video with at most that many candidates.

    Candidates are the videos that hold the most frames within `max_distance` of the video's own.
    """

    top: int | None = None
    max_distance: float = DEFAULT_DISTANCE  # Euclidean distance of L2-normalised frame vectors, 0 to 2

    def __post_init__(self) -> None:
        if self.top is not None and self.top < 1:
            raise SettingsError(f"top must be at least 1, not {self.top}")
        if not 0 <= self.max_distance <= 2:
            raise SettingsError(f"max_distance must be from 0 to 2, not {self.max_distance:g}")


@dataclass(frozen=True, slots=True)
class Similar:
    """A video that another was compared with."""

    video: str
    similarity: float
    near_frames: int | None = None  # of the other video, where candidates were looked for


@dataclass(frozen=True, slots=True)
class SimilarityMatrix:
    """How alike videos are."""

    videos: list[str]  # paths, in the order of rows and columns
    similarity: Floats  # [videos, videos], row as query, column as reference; NaN where nothing was compared
    candidates: list[list[Candidate]] | None  # of each video, where they were looked for
    failed: list[Failure]
    warnings: list[Failure]  # embedded, but with something wrong

    def similar_to(self, index: int) -> list[Similar]:
        """What video `index` was compared with beside itself, most similar first."""
        row = self.similarity[index]
        if self.candidates is None:
            found = [Similar(video, float(row[j])) for j, video in enumerate(self.videos) if j != index]
        else:
            found = [
                Similar(self.videos[one.video], float(row[one.video]), one.near_frames)
                for one in self.candidates[index]
            ]
        return sorted(found, key=lambda similar: (-similar.similarity, similar.video))


def matrix(
    paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    *,
    embedding: EmbedSettings | None = None,
    settings: MatrixSettings | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SimilarityMatrix:
    """How alike all videos at `paths`, files and folders, are to each other.

    A video that cannot be used is in the result's `failed`, and the others are compared. `workers` is the number of
    processes that decode and embed, by default one a core. Similarities are as `reprise.compare`'s, or with
    `vectors_of="video"` the cosine of the videos' vectors.

    Vectors of regions are many: they are kept in files in the system's folder for temporary ones while this runs, 9 x
    dimension x 4 bytes a frame (138 kB with ViSiL). Raises a ModelError or SettingsError.
    """
    embedding, settings = embedding or EmbedSettings(), settings or MatrixSettings()
    found = find_videos([paths] if isinstance(paths, str | os.PathLike) else paths)
    comparison = comparison_of(embedding)
    with temporary_folder("matrix") as folder:
        videos, failed, warnings = _embedded(found.videos, embedding, workers or default_workers(), folder, progress)
        failed = [*found.failures, *failed]
        matrices = list(videos.values())
        candidates = None
        if settings.top is not None:
            vectors = [frame_vectors(video) for video in matrices]
            candidates = candidates_by_frames(vectors, top=settings.top, max_distance=settings.max_distance)
        pairs = pairs_of(len(matrices), candidates, symmetric=comparison.is_symmetric)
        table = similarity_table(
            matrices, comparison, pairs, None if progress is None else lambda *done: progress("comparing", *done)
        )
    return SimilarityMatrix(list(videos), table, candidates, failed, warnings)


def _embedded(
    paths: list[str], embedding: EmbedSettings, workers: int, folder: Path, progress: Progress | None
) -> tuple[dict[str, Floats], list[Failure], list[Failure]]:
    """The videos' vectors in the order of `paths`, what failed, and what has a fault."""
    wanted, unreadable = readable(paths)
    failed = [Failure(outcome.path, outcome.reason) for outcome in unreadable]
    warnings: list[Failure] = []
    videos: dict[str, Floats] = {}
    with closing(embed_all(wanted, embedding, workers)) as results:
        for done, (task, result) in enumerate(results, start=1):
            if isinstance(result, ModelError | SettingsError):
                raise result  # which no other video would fare better with
            if isinstance(result, EmbeddedVideo):
                videos[task.path] = _kept(result.matrix, folder / f"{done}.npy")
                warnings += [Failure(task.path, result.warning)] if result.warning else []
            elif isinstance(result, ReprisError):
                failed.append(Failure(task.path, str(result)))
            if progress is not None:
                progress("embedding", done, len(wanted))
    return {task.path: videos[task.path] for task in wanted if task.path in videos}, failed, warnings


def _kept(vectors: Floats, path: Path) -> Floats:
    """The vectors, in a file if they are of regions."""
    if vectors.ndim < 3:
        return vectors
    np.save(path, vectors)
    mapped: Floats = np.load(path, mmap_mode="r")
    return mapped
