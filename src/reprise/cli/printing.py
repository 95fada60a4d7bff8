"""How times, lengths and results look on the screen."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from reprise.segment import QueryResult

PIPE_WIDTH = 200  # where the output is no terminal, so that paths are not folded needlessly


def clock(time_s: float) -> str:
    """A time as m:ss or h:mm:ss, with tenths where it is between seconds."""
    tenths = round(time_s * 10)
    whole, tenth = divmod(tenths, 10)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{tenth}" if tenth else ""
    if hours:
        return f"{hours}:{minutes:02d}:{seconds:02d}{fraction}"
    return f"{minutes}:{seconds:02d}{fraction}"


def counted(count: int, noun: str) -> str:
    """`1 video`, `2 videos`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def print_json(values: Iterable[dict[str, Any]] | dict[str, Any]) -> None:
    """One JSON object a line on stdout."""
    for value in [values] if isinstance(values, dict) else values:
        click.echo(json.dumps(value, ensure_ascii=False))


def print_table(table: Table) -> None:
    """The table on stdout, as wide as the terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH
    Console(width=width, highlight=False, soft_wrap=False).print(table)


def plain_table(*headers: str) -> Table:
    """An empty table in the house style; the first column may fold, the others never do."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for i, header in enumerate(headers):
        table.add_column(header, overflow="fold", no_wrap=i > 0, justify="left" if i == 0 else "right")
    return table


def print_result(result: QueryResult) -> None:
    """A query's answer for people."""
    title = f"{result.query} ({clock(result.duration_s)})"
    if not result.matches:
        click.echo(f"{title}: no copy found")
        return
    segments = sum(len(match.segments) for match in result.matches)
    click.echo(f"{title}: {counted(segments, 'copied segment')}")
    table = plain_table("copied from", "in the query", "in the reference", "score")
    for match in result.matches:
        for segment in match.segments:
            table.add_row(
                Text(match.reference),
                f"{clock(segment.query_start_s)} - {clock(segment.query_end_s)}",
                f"{clock(segment.reference_start_s)} - {clock(segment.reference_end_s)}",
                f"{segment.score:.2f}",
            )
    print_table(table)


class _Rate(ProgressColumn):
    """Videos a second, or a minute where that says more."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{speed * 60:.1f}/min", style="dim")


def progress_bar() -> Progress:
    """A bar with count, rate and estimate on stderr; silent where stderr is no terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
