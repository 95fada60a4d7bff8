"""Frames a CPU second of the built-in descriptor, on one thread, beside scaling and the cheapest hash.

    python benchmarks/descriptor_speed.py [--seconds 5]

CPU seconds (user and system) of this process; each figure is the median of five runs over the same random frames.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from reprise.decoding.picture import resized
from reprise.descriptor import NAME, PICTURE_SIZE, Descriptor, weights

Frames = NDArray[np.uint8]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="CPU seconds a row (default %(default)s)")
    seconds = parser.parse_args().seconds
    width, height = PICTURE_SIZE
    rng = np.random.default_rng(0)
    fitting = rng.integers(0, 256, (64, height, width, 3), dtype=np.uint8)
    larger = rng.integers(0, 256, (64, 360, 640, 3), dtype=np.uint8)
    network = _network()
    describe = Descriptor("cpu", threads=1)
    rows: list[tuple[str, Callable[[Frames], object], Frames]] = [
        (f"{NAME}, network alone, batch {batch}", _in_batches(network, batch), fitting) for batch in (1, 16, 32)
    ]
    rows.append((f"{NAME}, frames of 640 x 360", lambda frames: describe(list(frames)), larger))
    rows.append(("scaling 640 x 360 alone", lambda frames: [resized(f, PICTURE_SIZE) for f in frames], larger))
    print(f"{'':44}{'frames a CPU second':>20}")
    for name, work, frames in rows:
        print(f"{name:44}{_rate(work, frames, seconds):>20.0f}")


def _network() -> Callable[[Frames], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(weights(), options, providers=["CPUExecutionProvider"])
    return lambda frames: session.run(["embeddings"], {"frames": frames})


def _in_batches(network: Callable[[Frames], object], batch: int) -> Callable[[Frames], object]:
    return lambda frames: [network(frames[start : start + batch]) for start in range(0, len(frames), batch)]


def _rate(work: Callable[[Frames], object], frames: Frames, seconds: float) -> float:
    work(frames)
    rates = []
    for _ in range(5):
        count, began = 0, time.process_time()
        while (spent := time.process_time() - began) < seconds / 5:
            work(frames)
            count += len(frames)
        rates.append(count / spent)
    return median(rates)


if __name__ == "__main__":
    main()
