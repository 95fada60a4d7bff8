"""Frames a CPU second of every network on one thread, by torch and by ONNX Runtime.

    OMP_NUM_THREADS=1 python benchmarks/model_speed.py [NAME…] [--batches 3]

The weights are random numbers that this script draws into a temporary folder: speed does not depend on them.
Preparing the frames, from 1280x720, is counted in.
"""

from __future__ import annotations

import argparse
import importlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import random_networks
from reprise.errors import ReprisError
from reprise.models.catalogue import network

NAMES = (
    "isc",
    "sscd",
    "resnet50",
    "timm/vit_small_patch16_224",
    "timm/convnext_tiny",
    "timm/mobilenetv3_large_100",
    "reprise",
)
BATCH_FRAMES = 4
BACKENDS = ("torch", "onnx")


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME", nargs="*", default=NAMES)
    parser.add_argument("--batches", type=int, default=3, help="timed batches of 4 frames; the fastest counts")
    given = parser.parse_args()
    print("weights: random numbers; one CPU thread; frames a CPU second, prepared from 1280x720")
    print(f"{'network':32} {'picture':>10} {'numbers':>8} {'torch':>8} {'onnx':>8}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # exports too are thrown away afterwards
        for name in given.names:
            print(_line(name, Path(folder), given.batches), flush=True)


def _line(name: str, folder: Path, batches: int) -> str:
    known = network(name)
    load = importlib.import_module(known.load.partition(":")[0]).load
    speeds, dimension = [], 0
    weights = None if name == "reprise" else _drawn(name, folder)
    for backend in BACKENDS:
        try:
            if weights is None:
                embed = load(known, None, "cpu", 1) if backend == "onnx" else None
            else:
                embed = load(known, weights, "cpu", 1, backend=backend)
        except ReprisError as error:
            print(f"{name} on {backend}: {error}")
            embed = None
        dimension = embed.dimension if embed else dimension
        speeds.append(f"{_frames_a_second(embed, batches):8.1f}" if embed else f"{'-':>8}")
    picture = known.picture
    size = f"{picture} short" if isinstance(picture, int) else "x".join(map(str, picture))
    return f"{name:32} {size:>10} {dimension:8d} {' '.join(speeds)}"


def _drawn(name: str, folder: Path) -> Path:
    makers: dict[str, Callable[[Path], Path]] = {
        "isc": random_networks.isc,
        "sscd": random_networks.sscd,
        "resnet50": random_networks.resnet50,
    }
    path = folder / f"{name.replace('/', '_')}.pth"
    return makers[name](path) if name in makers else random_networks.of_timm(path, name.removeprefix("timm/"))


def _frames_a_second(embed: Callable[[list[NDArray[np.uint8]]], NDArray[np.float32]], batches: int) -> float:
    draw = np.random.default_rng(0)
    frames = [draw.integers(0, 256, (720, 1280, 3), np.uint8) for _ in range(BATCH_FRAMES)]
    embed(frames)  # memory is allocated, kernels are chosen
    spent_s = []
    for _ in range(batches):
        began_s = time.process_time()
        embed(frames)
        spent_s.append(time.process_time() - began_s)
    return BATCH_FRAMES / min(spent_s)


if __name__ == "__main__":
    main()
