"""A benchmark of VCSL's form, small enough to check by hand: its files, features and maps."""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from command_line import Finished, run
from numpy.typing import NDArray

from reprise.vcsl.annotation import Pair

Map = NDArray[np.float32]

# Query q copies 5 to 25 s of a to its own 10 to 30 s; s has nothing of a.
LABELS = {"q-a": [[10, 5, 30, 25]], "q-b": [[0, 30, 15, 45]]}
PAIRS = ("q-a", "q-b", "s-a")
FRAMES = {"q": 40, "s": 25, "a": 50, "b": 60}


def planted(shape: tuple[int, int], boxes: Iterable[Sequence[int]]) -> Map:
    """A map that is 0.9 on the boxes' diagonals, which are at normal speed, and near 0 elsewhere."""
    cells = np.tile(np.linspace(0, 0.01, shape[1], dtype=np.float32), (shape[0], 1))
    for q0, r0, q1, _ in boxes:
        for i in range(q1 - q0):
            cells[q0 + i, r0 + i] = 0.9
    return cells


def write_labels(path: Path, labels: Mapping[str, Any] = LABELS) -> Path:
    return _write(path, json.dumps(labels))


def write_pairs(path: Path, pairs: Iterable[str] = PAIRS) -> Path:
    rows = [pair.replace("-", ",", 1) for pair in pairs]
    return _write(path, "\n".join(["query_id,reference_id", *rows, ""]))


def write_frames(path: Path, counts: Mapping[str, int] = FRAMES) -> Path:
    rows = [f"{video},{video},{count}" for video, count in counts.items()]
    return _write(path, "\n".join(["uuid,path,frame_count", *rows, ""]))


def write_split(path: Path, splits: Mapping[str, Any] | None = None) -> Path:
    return _write(path, json.dumps(splits or {"test": {"first": ["q-a", "q-b"], "second": ["s-a"]}}))


def write_maps(folder: Path, pairs: Iterable[str] = PAIRS) -> Path:
    folder.mkdir()
    for pair in pairs:
        query, reference = pair.split("-")
        np.save(folder / f"{pair}.npy", planted((FRAMES[query], FRAMES[reference]), LABELS.get(pair, [])))
    return folder


def write_features(folder: Path) -> Path:
    """Features of the four videos: rows of an identity, the copied frames having their source's row."""
    folder.mkdir()
    rows = np.eye(sum(FRAMES.values()), dtype=np.float32)
    starts = dict(zip(FRAMES, np.cumsum([0, *FRAMES.values()]), strict=False))
    features = {video: rows[starts[video] : starts[video] + count].copy() for video, count in FRAMES.items()}
    features["q"][10:30] = features["a"][5:25]
    features["q"][:10] = features["b"][30:40]
    for video, matrix in features.items():
        np.save(folder / f"{video}.npy", 3 * matrix)  # no unit rows: the benchmark's features need not be
    return folder


def _write(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


class DeadlySource:
    """A map of every pair but of `pair_id`, which kills the process that asks for it."""

    def __init__(self, pair_id: str) -> None:
        self.pair_id = pair_id

    def similarity(self, pair: Pair) -> Map:
        if pair.id == self.pair_id:
            os.kill(os.getpid(), signal.SIGKILL)
        return planted((40, 60), LABELS.get(pair.id, []))

    def identity(self) -> dict[str, Any]:
        return {"deadly": self.pair_id}


class Bench:
    """The small benchmark's files in a folder, and the command with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.labels = write_labels(folder / "labels.json")
        self.pairs = write_pairs(folder / "pairs.csv")
        self.frames = write_frames(folder / "frames.csv")
        self.split = write_split(folder / "split.json")
        self.work = folder / "work"

    def arguments(self, *more: str | Path) -> list[str | Path]:
        usual: list[str | Path] = ["--labels", self.labels, "--pairs", self.pairs, "--work", self.work]
        return ["benchmark", "vcsl", *usual, "--workers", "2", *more]

    def __call__(self, *more: str | Path) -> Finished:
        return run(*self.arguments(*more))

    def json(self, *more: str | Path, status: int = 0) -> dict[str, Any]:
        finished = self("--json", *more)
        assert finished.status == status, finished.err
        (answer,) = finished.objects
        assert isinstance(answer, dict)
        return answer

    @property
    def predictions(self) -> Any:
        return json.loads((self.work / "predictions.json").read_text())
