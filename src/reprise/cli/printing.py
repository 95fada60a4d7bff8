"""How times, lengths and results look on the screen."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TextIO

import click
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from reprise.segment import Match, QueryResult
from reprise.times import clock

PIPE_WIDTH = 1_000_000  # where the output is no terminal, so that no path is folded


def hundredths(similarity: float) -> str:
    """A similarity with two decimals, which never reads -0.00."""
    return f"{round(similarity, 2) + 0:.2f}"


def counted(count: int, noun: str) -> str:
    """`1 video`, `2 videos`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def print_json(values: Iterable[dict[str, Any]] | dict[str, Any]) -> None:
    """One JSON object a line on stdout."""
    for value in [values] if isinstance(values, dict) else values:
        click.echo(json.dumps(value, ensure_ascii=False))


def print_table(table: Table) -> None:
    """The table on stdout, at most as wide as the terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH
    console = Console(width=width, highlight=False)
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        click.echo(line.rstrip())


def plain_table(*headers: str, texts: Iterable[str] = ()) -> Table:
    """An empty table in the house style: the first column and those named in `texts` are texts and may fold."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for i, header in enumerate(headers):
        is_text = i == 0 or header in texts
        table.add_column(header, overflow="fold", no_wrap=not is_text, justify="left" if is_text else "right")
    return table


def print_result(result: QueryResult) -> None:
    """A query's answer for people."""
    title = f"{result.query} ({clock(result.duration_s)})"
    alike = "" if result.similarity is None else f"; similarity of the videos {hundredths(result.similarity)}"
    left_out = f"; {counted(result.rejected, 'segment')} marked as no copy left out" if result.rejected else ""
    if not result.matches and not result.audio_matches:
        click.echo(f"{title}: no {'repeat' if result.repeats else 'copy'} found{left_out}{alike}")
        return
    if not result.matches:
        click.echo(f"{title}: no copied pictures found, but the same audio{left_out}{alike}")
        _print_audio_matches(result)
        return
    segments = sum(len(match.segments) for match in result.matches)
    found = counted(segments, "repeated segment" if result.repeats else "copied segment")
    click.echo(f"{title}: {found}{left_out}{alike}")
    hears = any(match.audio for match in result.matches)
    where = (
        ("shown again in", "first", "again")
        if result.repeats
        else ("copied from", "in the query", "in the reference")
    )
    table = plain_table(*where, "score", *(["audio"] if hears else []))
    for match in result.matches:
        _add_segments(table, match, *([match.audio or ""] if hears else []))
    print_table(table)
    _print_audio_matches(result)
    click.echo()


def _print_audio_matches(result: QueryResult) -> None:
    """What sounds the same where other pictures are shown."""
    if not result.audio_matches:
        return
    table = plain_table("same audio, other pictures", "in the query", "in the reference", "score")
    for match in result.audio_matches:
        _add_segments(table, match)
    print_table(table)


def _add_segments(table: Table, match: Match, *further: str) -> None:
    """A row for each segment of a match, with what is `further` to be told of it."""
    for segment in match.segments:
        table.add_row(
            Text(match.reference),
            f"{clock(segment.query_start_s)} - {clock(segment.query_end_s)}",
            f"{clock(segment.reference_start_s)} - {clock(segment.reference_end_s)}",
            f"{segment.score:.2f}",
            *further,
        )


class _Rate(ProgressColumn):
    """Videos a second, or a minute or an hour where that says more."""

    def render(self, task: Task) -> Text:
        rate = _rate(task)
        if rate is None:
            return Text("")
        for seconds, unit in ((1, "s"), (60, "min")):
            if rate * seconds >= 1:
                return Text(f"{rate * seconds:.1f}/{unit}")
        return Text(f"{rate * 3600:.1f}/h")


class _Left(ProgressColumn):
    """The estimated time to the end."""

    def render(self, task: Task) -> Text:
        rate = _rate(task)
        if rate is None or not task.remaining:
            return Text("")
        return Text(f"{timedelta(seconds=round(task.remaining / rate))} left")


def _rate(task: Task) -> float | None:
    # Rich's own rate forgets what is half a minute old, and a video may take longer. What was done before the clock
    # started does not count.
    done = task.completed - task.fields.get("settled_before", 0)
    return done / task.elapsed if done and task.elapsed else None


def progress_bar() -> Progress:
    """A bar with count, rate, elapsed time and estimate on stderr; silent where stderr is no terminal."""
    return _bar(MofNCompleteColumn(), _Rate(), TimeElapsedColumn(), _Left())


def download_bar() -> Progress:
    """A bar with bytes, bytes a second and estimate on stderr; silent where stderr is no terminal."""
    return _bar(DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())


def _bar(*columns: ProgressColumn) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=console,
        # What reads a pipe mostly writes to the same terminal, into the bar.
        disable=not console.is_terminal or _is_pipe(sys.stdout),
        transient=True,
        # Else Rich would send results that go to a file through the bar, to the terminal.
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _is_pipe(stream: TextIO) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except OSError:  # it is no file at all
        return False


def say(bar: Progress, message: str) -> None:
    """One line on stderr, above the bar, about something that failed."""
    bar.console.print(Text(f"reprise: {message}"), soft_wrap=True)


@contextmanager
def without(bar: Progress) -> Iterator[None]:
    """Takes the bar off the screen while a result is printed there."""
    if bar.disable or not sys.stdout.isatty():
        yield
        return
    bar.stop()
    try:
        yield
    finally:
        bar.start()
