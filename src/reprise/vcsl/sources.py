"""Where the similarity map of a pair comes from: feature files, map files, or simulation."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reprise.alignment.aligned import Map
from reprise.errors import BenchmarkError, printable
from reprise.vcsl.annotation import Boxes, Pair
from reprise.vcsl.simulation import NoiseModel, simulated_pair

CACHED_MATRICES = 32  # the pairs of a query follow one another in VCSL's lists


class MapSource(Protocol):
    """What gives similarity maps; it is sent to worker processes."""

    def similarity(self, pair: Pair) -> Map:
        """[query frames, reference frames]. Raises BenchmarkError, naming what is missing or broken."""

    def identity(self) -> dict[str, Any]:
        """What a run's results hang on, as JSON."""


@dataclass(frozen=True)
class FeatureFolder:
    """`<uuid>.npy`, each [frames, dim]: maps of cosine similarities."""

    folder: Path

    def similarity(self, pair: Pair) -> Map:
        query, reference = _matrix(self.folder, pair.query), _matrix(self.folder, pair.reference)
        if query.shape[1] != reference.shape[1]:
            raise BenchmarkError(
                f"pair {pair.id}: features of {query.shape[1]} and of {reference.shape[1]} dimensions do not compare"
            )
        similarity: Map = query @ reference.T
        return similarity

    def identity(self) -> dict[str, Any]:
        return {"features": str(self.folder.resolve())}


@dataclass(frozen=True)
class MapFolder:
    """`qid-rid.npy`, each [query frames, reference frames]."""

    folder: Path

    def similarity(self, pair: Pair) -> Map:
        return _read_array(self.folder / f"{pair.id}.npy", "a similarity map [query frames, reference frames]")

    def identity(self) -> dict[str, Any]:
        return {"maps": str(self.folder.resolve())}


@dataclass(frozen=True)
class Simulation:
    """Features drawn from frame counts and labels."""

    frame_counts: Mapping[str, int]
    labels: Mapping[str, Boxes]
    seed: int
    noise: NoiseModel

    def similarity(self, pair: Pair) -> Map:
        for video in (pair.query, pair.reference):
            if not self.frame_counts.get(video):
                raise BenchmarkError(f"video {video}: no frame count")
        query, reference = simulated_pair(
            self.frame_counts[pair.query],
            self.frame_counts[pair.reference],
            self.labels.get(pair.id, []),
            seed=f"{self.seed}:{pair.id}",
            noise=self.noise,
        )
        similarity: Map = query @ reference.T
        return similarity

    def identity(self) -> dict[str, Any]:
        planted = json.dumps([sorted(self.labels.items()), sorted(self.frame_counts.items())])
        digest = hashlib.sha256(planted.encode()).hexdigest()
        return {"simulation": {"seed": self.seed, "planted": digest, **asdict(self.noise)}}


@functools.lru_cache(maxsize=CACHED_MATRICES)
def _matrix(folder: Path, video: str) -> NDArray[np.float32]:
    matrix = _read_array(folder / f"{video}.npy", "features [frames, dim]")
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _read_array(path: Path, expected: str) -> NDArray[np.float32]:
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise BenchmarkError(f"{printable(path)}: there is no such file") from error
    # NumPy reports damaged files in many ways: EOFError, ValueError, SyntaxError from a broken header, and more.
    except Exception as error:
        raise BenchmarkError(f"{printable(path)}: not a readable .npy file ({type(error).__name__})") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in "fiu" or array.size == 0:
        found = f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else "an archive"
        raise BenchmarkError(f"{printable(path)}: {found} is not {expected}")
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise BenchmarkError(f"{printable(path)}: it holds numbers that are not finite")
    return array
