#!/usr/bin/env python3
"""Trains the networks that say how likely a line in a similarity map is a copy, on simulated maps alone.

    pip install -e '.[train]'
    python scripts/train_line_evidence.py --out lines.npz --work FOLDER

Maps are of two sorts: made of noise (reprise.simulation), and of drawn videos, by the built-in descriptor. FOLDER
keeps the latter, which take nearly all of the time: a second run, or one after an interruption, goes on with them.
The defaults are those of the shipped weights. At the end the loss on held-out maps is told, and how many of the
lines of given odds are copies.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from reprise.simulation.cases import cases
from reprise.training.drawn_maps import DrawnMap, WorldSettings, drawn_maps
from reprise.training.line_evidence import (
    EvidenceSettings,
    Labelled,
    calibration,
    held_out_loss,
    lines_of_cases,
    lines_of_drawn,
    save,
    train,
)

SHARES = 1.0, 2.0  # how often lines of simulated maps and those of drawn videos are seen
WORLDS = 3  # sets of references of their own; a fourth, smaller one is held out


def main() -> None:
    """Parses the command line, collects lines, trains, tells how good the result is and saves it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .npz file to write")
    parser.add_argument("--work", type=Path, required=True, metavar="FOLDER", help="keeps the maps of drawn videos")
    parser.add_argument("--seed", type=int, default=10, help="(default %(default)s)")
    parser.add_argument("--videos", type=int, default=960, help="references to draw (default %(default)s)")
    parser.add_argument("--queries", type=int, default=1890, help="queries to draw (default %(default)s)")
    parser.add_argument("--per-kind", type=int, default=280, help="simulated maps of a kind (default %(default)s)")
    options = parser.parse_args()
    if options.seed < 0 or min(options.videos, options.queries) < WORLDS or options.per_kind < 1:
        parser.error(f"--videos and --queries must be at least {WORLDS}, --per-kind 1 and --seed 0")
    torch.set_num_threads(1)

    simulated = told("simulated maps", lines_of_cases(cases(options.seed, options.per_kind)))
    held_out = {"simulated": lines_of_cases(cases(options.seed + 1, max(1, options.per_kind // 3)))}
    # A world's share of references and queries; a quarter of that is held out.
    references, queries = options.videos // WORLDS, options.queries // WORLDS
    worlds = [WorldSettings(100 * options.seed + n, references, queries) for n in range(WORLDS)]
    held_out_world = WorldSettings(100 * options.seed + WORLDS, max(1, references // 4), max(1, queries // 4))
    drawn = told("drawn videos", lines_of_drawn(one for world in worlds for one in drawing(world, options.work)))
    held_out["drawn"] = lines_of_drawn(drawing(held_out_world, options.work))

    networks = train([simulated, drawn], EvidenceSettings(seed=options.seed), shares=SHARES)
    for name, lines in held_out.items():
        print(f"held out, {name}: {len(lines.agreement)} lines, loss {held_out_loss(networks, lines):.4f}")
        print("   lines   mean odds   are copies")
        for count, mean_odds, copies in calibration(networks, lines):
            print(f"{count:>8}{mean_odds:>12.2f}{copies:>13.2f}")
    save(networks, options.out)


def told(name: str, lines: Labelled) -> Labelled:
    """The lines, once told how many there are."""
    print(
        f"{name}: {len(lines.agreement)} lines, {100 * (lines.agreement > 0.5).mean():.1f} % of them copies",
        flush=True,
    )
    return lines


def drawing(world: WorldSettings, folder: Path) -> Iterator[DrawnMap]:
    """The maps of a world, while telling how far they are."""
    for count, one in enumerate(drawn_maps(world, folder), 1):
        if count % 250 == 0:
            print(f"drawn videos, seed {world.seed}: {count} maps", file=sys.stderr, flush=True)
        yield one


if __name__ == "__main__":
    main()
