"""Frames a CPU second of every network on one thread, by torch, ONNX Runtime and OpenVINO.

    OMP_NUM_THREADS=1 python benchmarks/model_speed.py [NAME…] [--batches 3]

The weights are random numbers that this script draws into a temporary folder: speed does not depend on them.
Preparing the frames is counted in. They are of the network's own size, as an ingest decodes them, or with --size
of another. The last columns are the lowest cosine of a frame's vector with the one that torch gives it.
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
from reprise.decoding.picture import resized
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
BACKENDS = ("torch", "onnx", "openvino", "openvino-bf16")


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME", nargs="*", default=NAMES)
    parser.add_argument("--batches", type=int, default=3, help="timed batches of 4 frames; the fastest counts")
    parser.add_argument("--size", help="of the frames, WIDTHxHEIGHT (default: what the network takes)")
    given = parser.parse_args()
    size = tuple(map(int, given.size.split("x"))) if given.size else None
    print("weights: random numbers; one CPU thread; frames a CPU second, then cosines with torch")
    titles = "".join(f"{backend:>15}" for backend in BACKENDS) + "".join(f"{name:>9}" for name in BACKENDS[1:])
    print(f"{'network':28} {'picture':>10} {'numbers':>8}{titles.replace('openvino-bf16', '         bf16')}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # exports too are thrown away afterwards
        for name in given.names:
            print(_line(name, Path(folder), given.batches, size), flush=True)


def _line(name: str, folder: Path, batches: int, size: tuple[int, ...] | None) -> str:
    known = network(name)
    load = importlib.import_module(known.load.partition(":")[0]).load
    picture = known.picture
    wanted = size or ((picture * 16 // 9, picture) if isinstance(picture, int) else picture)
    frames = _frames(wanted)
    weights = None if name == "reprise" else _drawn(name, folder)
    speeds: list[float | None] = []
    vectors: list[NDArray[np.float32] | None] = []
    for backend in BACKENDS:
        try:
            if weights is None:
                embed = load(known, None, "cpu", 1) if backend == "onnx" else None
            else:
                embed = load(known, weights, "cpu", 1, backend=backend)
        except ReprisError as error:
            print(f"{name} on {backend}: {error}")
            embed = None
        speeds.append(None if embed is None else _frames_a_second(embed, frames, batches))
        vectors.append(None if embed is None else embed(frames))
    numbers = next(found.shape[1] for found in vectors if found is not None)
    cosines = [_cosine(vectors[0], found) for found in vectors[1:]]
    shown = f"{picture} short" if isinstance(picture, int) else "x".join(map(str, picture))
    told = "".join(f"{'-':>15}" if speed is None else f"{speed:15.1f}" for speed in speeds)
    told += "".join(f"{'-':>9}" if cosine is None else f"{cosine:9.5f}" for cosine in cosines)
    return f"{name:28} {shown:>10} {numbers:8d}{told}"


def _cosine(one: NDArray[np.float32] | None, other: NDArray[np.float32] | None) -> float | None:
    return None if one is None or other is None else float((one * other).sum(axis=1).min())


def _drawn(name: str, folder: Path) -> Path:
    makers: dict[str, Callable[[Path], Path]] = {
        "isc": random_networks.isc,
        "sscd": random_networks.sscd,
        "resnet50": random_networks.resnet50,
    }
    path = folder / f"{name.replace('/', '_')}.pth"
    return makers[name](path) if name in makers else random_networks.of_timm(path, name.removeprefix("timm/"))


def _frames(size: tuple[int, ...]) -> list[NDArray[np.uint8]]:
    draw = np.random.default_rng(0)
    blocks = [draw.integers(0, 256, (9, 16, 3), np.uint8) for _ in range(BATCH_FRAMES)]
    # Blocks of colour under a little noise: the vectors of noise alone are all alike.
    return [
        np.clip(resized(block, (size[0], size[1])) + draw.normal(0, 8, (size[1], size[0], 3)), 0, 255).astype(
            np.uint8
        )
        for block in blocks
    ]


def _frames_a_second(
    embed: Callable[[list[NDArray[np.uint8]]], NDArray[np.float32]], frames: list[NDArray[np.uint8]], batches: int
) -> float:
    embed(frames)  # memory is allocated, kernels are chosen
    spent_s = []
    for _ in range(batches):
        began_s = time.process_time()
        embed(frames)
        spent_s.append(time.process_time() - began_s)
    return BATCH_FRAMES / min(spent_s)


if __name__ == "__main__":
    main()
