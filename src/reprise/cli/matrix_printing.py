"""How a table of video similarities looks on the screen and in a CSV file."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from reprise.cli.printing import hundredths, plain_table, print_table
from reprise.errors import printable
from reprise.matrix import SimilarityMatrix

COLUMN_WIDTH = 7  # of a number with what is beside it
NAME_WIDTH = 40
COLUMNS_OF_A_PIPE = 20  # in one block where the output is no terminal
FEWEST_COLUMNS = 3


def print_similarity_table(names: Sequence[str], similarity: NDArray[np.float32]) -> None:
    """The table [videos, videos] in blocks of as many columns as fit; columns are numbered as rows are."""
    if not names:
        click.echo("no video to compare")
        return
    labels = [f"{number} {_cut(name)}" for number, name in enumerate(names, start=1)]
    step = _columns_that_fit(max(len(label) for label in labels))
    for start in range(0, len(names), step):
        shown = range(start, min(start + step, len(names)))
        table = plain_table("video", *(str(column + 1) for column in shown))
        for label, row in zip(labels, similarity, strict=True):
            table.add_row(Text(label), *(_number(row[column]) for column in shown))
        print_table(table)
        click.echo()


def print_candidates(names: Sequence[str], found: SimilarityMatrix) -> None:
    """What each video was compared with, most similar first."""
    name_of = dict(zip(found.videos, names, strict=True))
    table = plain_table("video", "rank", "candidate", "near frames", "similarity", texts=["candidate"])
    for index, name in enumerate(names):
        similar = found.similar_to(index)
        for rank, one in enumerate(similar, start=1):
            table.add_row(
                Text(name if rank == 1 else ""),
                str(rank),
                Text(name_of[one.video]),
                str(one.near_frames),
                _number(np.float32(one.similarity)),
            )
        if not similar:
            table.add_row(Text(name), "", Text("none with frames near"), "", "")
    print_table(table)


def write_csv(path: str, found: SimilarityMatrix) -> None:
    """The table with paths as the heads of rows and columns; empty where nothing was compared."""
    videos = [printable(video) for video in found.videos]
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["video", *videos])
        for video, row in zip(videos, found.similarity, strict=True):
            writer.writerow([video, *("" if np.isnan(value) else f"{value:.4f}" for value in row)])


def _columns_that_fit(label_width: int) -> int:
    if not sys.stdout.isatty():
        return COLUMNS_OF_A_PIPE
    return max(FEWEST_COLUMNS, (shutil.get_terminal_size().columns - label_width) // COLUMN_WIDTH)


def _number(value: np.float32) -> str:
    return "" if np.isnan(value) else hundredths(float(value))


def _cut(name: str) -> str:
    """The name, without its middle if it is long."""
    kept = (NAME_WIDTH - 3) // 2
    return name if len(name) <= NAME_WIDTH else f"{name[:kept]}...{name[-kept:]}"
