#!/usr/bin/env python3
"""Trains the built-in copy descriptor from nothing, on images that the program draws.

    pip install -e '.[train]'
    python scripts/train_descriptor.py FOLDER            # trains, or goes on after an interruption
    python scripts/train_descriptor.py FOLDER --export WEIGHTS.onnx

FOLDER gets training.pt (the checkpoint) and curve.csv (the learning curve). The settings stand in
src/reprise/training/settings.py; the defaults are those of the shipped weights.
"""

from __future__ import annotations

import argparse
import socket
from dataclasses import replace
from pathlib import Path

import torch
from torch import multiprocessing

from reprise.training import checkpoint
from reprise.training.loop import CHECKPOINT, Place, train
from reprise.training.settings import TrainingSettings


def main() -> None:
    """Parses the command line and trains or exports."""
    defaults = TrainingSettings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for the checkpoint and the curve; made if it is not there")
    parser.add_argument("--views", type=int, default=defaults.views, help="in all (default %(default)s)")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--processes", type=int, help=f"CPU processes (default {defaults.processes}; 1 on a GPU)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--export", type=Path, metavar="FILE", help="write FOLDER's weights to FILE, and train no more"
    )
    arguments = parser.parse_args()
    if arguments.export:
        if not (arguments.folder / CHECKPOINT).exists():
            parser.error(f"{arguments.folder} holds no {CHECKPOINT}: train there first")
        from reprise.training.export import export

        export(arguments.folder, arguments.export)
        return
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    processes = arguments.processes or (1 if device == "cuda" else defaults.processes)
    settings = replace(defaults, views=arguments.views, seed=arguments.seed, processes=processes)
    try:
        checkpoint.load(arguments.folder / CHECKPOINT, settings)
    except ValueError as error:
        parser.error(str(error))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    multiprocessing.spawn(_process, (settings, arguments.folder, device, _address()), nprocs=processes)


def _process(process: int, settings: TrainingSettings, folder: Path, device: str, rendezvous: str) -> None:
    train(settings, Place(folder, device, process, settings.processes, rendezvous))


def _address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


if __name__ == "__main__":
    main()
