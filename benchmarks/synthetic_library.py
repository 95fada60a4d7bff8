"""Drawn libraries of video matrices, and queries with planted copies, with the statistics of real frames.

    python benchmarks/synthetic_library.py BENCH

prints statistics of BENCH's references beside those of a drawn library of as many videos.

A frame is a direction drawn with the spectrum that the built-in descriptor has on real footage, off a common mean.
Shots are of two kinds: most last a few seconds and move, some stand still and last long, with near-identical frames.
Some shots show a theme that other videos show too (a studio, a title card, a dark street): these are the hubs that a
real library's searches come upon again and again. A copy's frames lie between two of the original's, and are as like
them as the labelled copies of real edited videos are; every frame of a query has two views, the better one as like as
that.

The constants were read off 71 real references (1278 frames) and 169 labelled copies, embedded with `reprise-1`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DIMENSION = 256
FALL = 0.042  # variance along direction k is exp(-FALL k)
MEAN = 0.26  # length of the frames' mean
MEDIAN_S, SPREAD_OF_LENGTHS, LEAST_S, MOST_S = 60.0, 1.0, 5, 3600  # of the videos: log-normal
STATIC_SHARE = 0.12  # of the shots
STATIC_S, STATIC_SPREAD = 14.0, 0.8  # log-normal
MOVING_S, MOVING_SPREAD = 5.0, 0.7
STATIC_DRIFT, STATIC_DRIFT_SPREAD = 0.004, 1.3  # 1 - cosine of frames that follow each other, log-normal
MOVING_DRIFT, MOVING_DRIFT_SPREAD = 0.11, 0.7
VIDEO_SHARE = 0.25  # cosine of a video's shots with each other
THEME_SHARE = 0.3  # of the shots that show a theme
THEMES = 1000  # the k-th most frequent is shown by a share of 1/k of what the first is
THEME_COSINES = (0.5, 0.9)  # of such a shot with its theme, uniform
COPY_LEVELS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
# Mean cosine of a copied stretch's frames, best view, with the frames that they are copied from, at those quantiles.
COPY_COSINES = (0.2, 0.306, 0.567, 0.677, 0.817, 0.916, 0.974, 0.988, 0.992, 0.998, 0.999)
COPY_SPREAD = 0.04  # of a frame's cosine about its stretch's
SECOND_VIEW = 0.25  # how much less like the other view is, at most
COPY_S = (4, 36)  # length of a copied stretch, as labelled
EDIT_IN_COMMON = 0.6  # of what an edit adds to a frame's direction it adds so much to all frames of the stretch
VIEWS_A_FRAME = 2


@dataclass(frozen=True, slots=True)
class Look:
    """What frames look like: their mean [dim] and a root [dim, dim] of the covariance of their directions."""

    mean: Floats
    root: Floats

    @classmethod
    def usual(cls) -> Look:
        """The built-in descriptor's spectrum on real footage, along the axes."""
        spread = np.exp(-FALL * np.arange(DIMENSION) / 2)
        mean = np.eye(1, DIMENSION, DIMENSION - 1)[0] * MEAN
        return cls(mean.astype(np.float32), np.diag(spread / np.linalg.norm(spread)).astype(np.float32))

    @classmethod
    def of(cls, frames: Floats) -> Look:
        """That of real frames [n, dim], so that a drawn library lies where a real one does."""
        mean = frames.mean(axis=0)
        variance, axes = np.linalg.eigh(np.cov(frames.T))
        root = axes * np.sqrt(np.maximum(variance, 1e-5))
        return cls(mean, np.asarray(root.T / np.sqrt((root**2).sum()), np.float32))

    def directions(self, rng: np.random.Generator, count: int) -> Floats:
        """[count, dim] rows L2-normalised, without the mean."""
        drawn = rng.standard_normal((count, len(self.root)), np.float32)
        diagonal = np.diag(self.root)
        is_diagonal = np.count_nonzero(self.root) == np.count_nonzero(diagonal)
        return normalised(drawn * diagonal if is_diagonal else drawn @ self.root)


@dataclass(frozen=True, slots=True)
class Copied:
    """A stretch of a query that is copied: the video's position and both sides' frames, half-open."""

    source: int
    query_start: int
    query_end: int
    source_start: int


@dataclass(frozen=True, slots=True)
class DrawnQuery:
    """A query as `reprise.embedding.EmbeddedQuery` has it, and what was planted in it."""

    views: Floats  # [views, dim]
    frame_of: NDArray[np.int64]  # [views]
    copies: tuple[Copied, ...]


class SyntheticLibrary:
    """Video matrices by position, the same at every call; none is held."""

    def __init__(self, videos: int, seed: int = 0, look: Look | None = None) -> None:
        self.look = look or Look.usual()
        self._seed = seed
        # Video by video, so that a larger library begins with the smaller one's videos.
        rng = np.random.default_rng([seed, 1 << 40])
        lengths = np.exp(np.log(MEDIAN_S) + SPREAD_OF_LENGTHS * rng.standard_normal(videos))
        self.lengths = np.clip(np.round(lengths), LEAST_S, MOST_S).astype(np.int64)

    @classmethod
    def of_frames(cls, frames: int, seed: int = 0, look: Look | None = None) -> SyntheticLibrary:
        """The library that has at least so many frames."""
        least = cls(max(16, frames // LEAST_S), seed, look)
        return cls(int(np.searchsorted(np.cumsum(least.lengths), frames)) + 1, seed, look)

    def __len__(self) -> int:
        return len(self.lengths)

    def matrix(self, position: int) -> Floats:
        """[frames, dim] float32, rows L2-normalised."""
        rng = np.random.default_rng([self._seed, position])
        return normalised(self._shots(rng, int(self.lengths[position])) + self.look.mean)

    def matrices(self) -> Iterator[Floats]:
        """All, in order."""
        return map(self.matrix, range(len(self)))

    def query(self, number: int, frames: int, copies: int = 1, *, among: int | None = None) -> DrawnQuery:
        """Query `number`: footage of its own of so many frames, with copies of stretches of the first `among`
        videos (all), which do not overlap. Raises ValueError where they do not fit.
        """
        rng = np.random.default_rng([self._seed, 1 << 41, number])
        room = frames // max(copies, 1)
        if copies and room <= COPY_S[0]:
            raise ValueError(f"{copies} copies do not fit into {frames} frames")
        best = normalised(self._shots(rng, frames) + self.look.mean)
        other = normalised(best + 0.3 * self.look.directions(rng, frames))
        planted = []
        for place in range(copies):
            source = int(rng.integers(among or len(self)))
            matrix = self.matrix(source)
            longest = min(COPY_S[1], len(matrix), room)
            length = int(rng.integers(min(COPY_S[0], longest), longest + 1))
            start = int(rng.integers(len(matrix) - length + 1))
            begin = place * room + int(rng.integers(room - length + 1))
            cosine = float(np.interp(rng.random(), COPY_LEVELS, COPY_COSINES))
            shown = matrix[start : start + length]
            best[begin : begin + length] = self._edited(shown, rng, cosine)
            other[begin : begin + length] = self._edited(shown, rng, cosine - SECOND_VIEW * float(rng.random()))
            planted.append(Copied(source, begin, begin + length, start))
        views = np.stack([other, best], axis=1).reshape(VIEWS_A_FRAME * frames, -1)
        return DrawnQuery(views, np.repeat(np.arange(frames), VIEWS_A_FRAME), tuple(planted))

    def _edited(self, frames: Floats, rng: np.random.Generator, cosine: float) -> Floats:
        later = np.float32(rng.uniform(0, 0.5))
        frames = normalised((1 - later) * frames + later * np.concatenate((frames[1:], frames[-1:])))
        noise = EDIT_IN_COMMON * self.look.directions(rng, 1) + (1 - EDIT_IN_COMMON**2) ** 0.5 * self.look.directions(
            rng, len(frames)
        )
        cosines = np.clip(cosine + COPY_SPREAD * rng.standard_normal((len(frames), 1)), 0.05, 0.999)
        away = normalised(noise - np.sum(noise * frames, axis=1, keepdims=True) * frames)
        return np.asarray(cosines * frames + np.sqrt(1 - cosines**2) * away, np.float32)

    @cached_property
    def _themes(self) -> Floats:
        return self.look.directions(np.random.default_rng([self._seed, 1 << 42]), THEMES)

    def _shots(self, rng: np.random.Generator, length: int) -> Floats:
        """[length, dim] rows L2-normalised, without the mean."""
        # As many as could be needed, so that a video's first frames do not hang on how long it is.
        count = length
        is_static = rng.random(count) < STATIC_SHARE
        z = rng.standard_normal((2, count))
        lasts = np.where(is_static, STATIC_S * np.exp(STATIC_SPREAD * z[0]), MOVING_S * np.exp(MOVING_SPREAD * z[0]))
        shots = np.maximum(1, np.round(lasts)).astype(np.int64)
        shots = shots[: int(np.searchsorted(np.cumsum(shots), length)) + 1]
        count = len(shots)
        drift = np.where(
            is_static,
            STATIC_DRIFT * np.exp(STATIC_DRIFT_SPREAD * z[1]),
            MOVING_DRIFT * np.exp(MOVING_DRIFT_SPREAD * z[1]),
        )[:count]
        video = self.look.directions(rng, 1)
        bases = VIDEO_SHARE**0.5 * video + (1 - VIDEO_SHARE) ** 0.5 * self.look.directions(rng, count)
        bases = normalised(bases)
        shows_theme = np.flatnonzero(rng.random(count) < THEME_SHARE)
        if len(shows_theme):
            theme = self._themes[(THEMES ** rng.random(len(shows_theme))).astype(np.int64) - 1]
            like = rng.uniform(*THEME_COSINES, (len(shows_theme), 1)).astype(np.float32)
            bases[shows_theme] = like * theme + np.sqrt(1 - like**2) * bases[shows_theme]
        steps = self.look.directions(rng, length)
        shown = np.empty((length, bases.shape[1]), np.float32)
        start = 0
        for base, frames, moved in zip(bases, shots, drift, strict=True):
            end = min(length, start + int(frames))
            # A walk whose cosine with the next frame is 1 - moved, and which does not leave its shot for good.
            keep = max(0.0, 1 - float(moved))
            walk = _walked(base, steps[start:end], keep)
            shown[start:end] = walk
            start = end
        return normalised(shown)


def _walked(base: Floats, steps: Floats, keep: float) -> Floats:
    walk = np.empty_like(steps)
    at = base
    for number, step in enumerate(steps):
        if number:
            at = keep * at + np.float32((1 - keep**2) ** 0.5) * step
        walk[number] = at
    return walk


def normalised(vectors: Floats) -> Floats:
    """Rows L2-normalised."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return np.asarray(vectors / lengths, np.float32)


QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def statistics(matrices: list[Floats]) -> dict[str, Floats]:
    """Quantiles, at QUANTILES, of what the constants above stand for."""
    near = {lag: np.concatenate([np.sum(m[lag:] * m[:-lag], axis=1) for m in matrices]) for lag in (1, 3, 8)}
    frames = np.concatenate(matrices)
    video = np.repeat(np.arange(len(matrices)), [len(m) for m in matrices])
    cosine = frames @ frames.T
    cosine[video[:, None] == video] = np.nan
    best = np.argsort(-np.nan_to_num(cosine, nan=-9.0), axis=1)[:, :10]
    times = np.bincount(best.ravel(), minlength=len(frames))
    rows = {f"cosine {lag} s later": values for lag, values in near.items()}
    rows["cosine with other videos' frames"] = cosine[~np.isnan(cosine)]
    rows["cosine with the nearest of them"] = np.nanmax(cosine, axis=1)
    rows["how often among another frame's first 10"] = times
    return {name: np.quantile(values, QUANTILES) for name, values in rows.items()}


def main() -> None:
    """Prints real statistics beside drawn ones."""
    from bench_frames import bench_matrices

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path)
    parser.add_argument("--cache", type=Path, help="folder that keeps the library")
    options = parser.parse_args()
    real = list(bench_matrices(options.bench, options.cache).values())
    drawn = SyntheticLibrary(len(real))
    drawn.lengths = np.array([len(matrix) for matrix in real])
    told = statistics(real), statistics(list(drawn.matrices()))
    print(f"{'quantiles ' + ' '.join(map(str, QUANTILES)):<46}{'real':<36}drawn")
    for name in told[0]:
        print(f"{name:<46}" + "  ".join(" ".join(f"{value:6.2f}" for value in side[name]) for side in told))


if __name__ == "__main__":
    main()
