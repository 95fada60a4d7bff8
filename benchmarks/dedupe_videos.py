"""A drawn library of video matrices with planted duplicates, made video by video when it is asked for.

Frames are Gaussian directions with the spectrum that the built-in descriptor has on real footage (variance falling as
exp(-0.042 k), off a common mean of 0.26), shots of 2 to 12 s, cosine about 0.9 between the frames of a shot that
follow each other. A copy's frames are the original's, up to half a frame later, with noise added that leaves a given
cosine. Nothing is decoded, and no video is held.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DIMENSION = 256
FALL = 0.042
MEAN = 0.26
DRIFT = 0.012  # of a frame from the one before it, by variance of the frame's direction
KINDS = ("re-encoded", "edited", "strongly edited", "trimmed", "piece", "shared part")
COSINES = {"re-encoded": 0.97, "edited": 0.8, "strongly edited": 0.65, "trimmed": 0.9, "piece": 0.85}
SHARED_COSINE = 0.85
PLANTED_SHARE = 0.3  # of the videos
IDENT_SHARE, IDENT_S = 0.05, 5  # of the videos, which begin with the same ident
BLACK_SHARE, BLACK_S = 0.1, 3  # of the videos, which begin black
VIRAL_SHARE = 0.005  # of the videos, which are copies of one clip
TRIMMED_SHARE = 0.06  # of a trimmed copy, at either end
PIECES = 4  # a piece is so much of its source
RETAKEN_S = 0.5  # how much later a copy's frames may be taken


@dataclass(frozen=True, slots=True)
class Planted:
    """What is known of a drawn video."""

    kind: str  # one of KINDS, "viral", or "" for a video of its own
    source: int  # position of the video that it is a copy of; its own where it is none


class DrawnLibrary:
    """Video matrices by position, the same at every call."""

    def __init__(self, videos: int, seed: int = 0) -> None:
        self._seed = seed
        self._spread = np.exp(-FALL * np.arange(DIMENSION) / 2).astype(np.float32)
        self._spread /= np.linalg.norm(self._spread)
        rng = np.random.default_rng([seed, 1 << 40])
        self.lengths = np.clip(np.round(rng.lognormal(3.6, 0.7, videos)), 8, 900).astype(np.int64)
        self.planted = [Planted("", position) for position in range(videos)]
        self._mean = (np.eye(1, DIMENSION, DIMENSION - 1)[0] * MEAN).astype(np.float32)
        order = rng.permutation(videos)
        viral = order[: max(3, round(VIRAL_SHARE * videos))]
        for position in viral[1:]:
            self._plant(int(position), "viral", int(viral[0]))
        rest = order[len(viral) :]
        copies = round(PLANTED_SHARE * videos)
        sources = rest[copies:]
        for number, position in enumerate(rest[:copies]):
            self._plant(int(position), KINDS[number % len(KINDS)], int(rng.choice(sources)))
        self.has_ident = rng.random(videos) < IDENT_SHARE
        self._has_black = rng.random(videos) < BLACK_SHARE
        self.black = self._directions(np.random.default_rng([seed, 1 << 41]), 1)
        self._ident = self._shots(np.random.default_rng([seed, 1 << 42]), IDENT_S)

    def __len__(self) -> int:
        return len(self.lengths)

    def frames(self, position: int) -> int:
        """How many frames a video has."""
        planted = self.planted[position]
        kind = planted.kind
        length = int(self.lengths[position if kind == "shared part" else planted.source])
        if kind == "trimmed":
            return length - 2 * round(TRIMMED_SHARE * length)
        return min(length, max(8, length // PIECES)) if kind == "piece" else length

    def matrix(self, position: int) -> Floats:
        """[frames, DIMENSION] float32, rows L2-normalised."""
        planted = self.planted[position]
        rng = np.random.default_rng([self._seed, position, 1])
        if not planted.kind:
            shown = self._own(position, int(self.lengths[position]))
        elif planted.kind == "shared part":
            shown = self._own(position, int(self.lengths[position]))
            part = self._copied(planted.source, rng, SHARED_COSINE)
            length = min(10, len(part) // 2, len(shown) // 2)
            start, place = (int(rng.integers(0, len(x) - length + 1)) for x in (part, shown))
            shown[place : place + length] = part[start : start + length]
        else:
            cosine = COSINES.get(planted.kind, 0.9)
            shown = self._copied(planted.source, rng, cosine)
            if planted.kind == "trimmed":
                cut = round(TRIMMED_SHARE * len(shown))
                shown = shown[cut : len(shown) - cut]
            elif planted.kind == "piece":
                length = self.frames(position)
                start = int(rng.integers(0, len(shown) - length + 1))
                shown = shown[start : start + length]
        return _normalised(shown + self._mean)

    def _plant(self, position: int, kind: str, source: int) -> None:
        self.planted[position] = Planted(kind, source)
        # A piece or a shared part wants something to be a piece of.
        if kind in {"piece", "shared part"}:
            self.lengths[source] = max(int(self.lengths[source]), 40)
            self.lengths[position] = max(int(self.lengths[position]), 20)

    def _copied(self, source: int, rng: np.random.Generator, cosine: float) -> Floats:
        frames = self._own(source, int(self.lengths[source]))
        later = float(rng.uniform(0, RETAKEN_S))
        frames = _normalised((1 - later) * frames + later * np.concatenate((frames[1:], frames[-1:])))
        noise = self._directions(rng, len(frames))
        # An edit moves all frames of a video in one direction, and each a little in its own.
        noise = _normalised(0.6 * self._directions(rng, 1) + 0.8 * noise)
        return _normalised(cosine * frames + np.float32((1 - cosine**2) ** 0.5) * noise)

    def _own(self, position: int, length: int) -> Floats:
        shown = self._shots(np.random.default_rng([self._seed, position]), length)
        if self.has_ident[position]:
            shown[: min(IDENT_S, length)] = self._ident[:length]
        if self._has_black[position]:
            shown[: min(BLACK_S, length // 3)] = self.black
        return shown

    def _shots(self, rng: np.random.Generator, length: int) -> Floats:
        shots = rng.integers(2, 13, length)
        shots = shots[: int(np.searchsorted(np.cumsum(shots), length)) + 1]
        bases = self._directions(rng, len(shots))
        steps = self._directions(rng, length) * np.float32((2 * DRIFT * 4) ** 0.5)
        shown = np.empty((length, DIMENSION), np.float32)
        start = 0
        for base, frames in zip(bases, shots, strict=True):
            end = min(length, start + int(frames))
            shown[start:end] = base + np.cumsum(steps[start:end], axis=0)
            start = end
        return _normalised(shown)

    def _directions(self, rng: np.random.Generator, count: int) -> Floats:
        return _normalised(rng.standard_normal((count, DIMENSION), np.float32) * self._spread)


def _normalised(vectors: Floats) -> Floats:
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return np.asarray(vectors / lengths, np.float32)
