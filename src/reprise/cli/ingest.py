"""`reprise ingest`: videos into the library."""

from __future__ import annotations

import time

import click

import reprise
from reprise.cli import options
from reprise.cli.printing import clock, counted, print_json, progress_bar
from reprise.cli.running import FAILED, complain
from reprise.errors import printable
from reprise.ingest import IngestReport, Outcome
from reprise.settings import default_workers

SKIPPED_NAMES = 5


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@options.library
@options.model
@options.fps
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    help=f"Processes that decode and embed.  [default: one a core, here {default_workers()}]",
)
@options.device
@click.option(
    "--tag", "tags", multiple=True, metavar="TEXT", help="A word to remember with these videos; repeatable."
)
@options.json_lines
def ingest(
    paths: tuple[str, ...],
    library: str,
    model: str | None,
    fps: float | None,
    workers: int | None,
    device: str,
    tags: tuple[str, ...],
    as_json: bool,
) -> int:
    """Put videos into the library, which is made if there is none.

    PATH is a video or a folder, which is searched to any depth. A video that is already there is left as it is
    unless its file has changed. One that cannot be used is named, and the others are done.
    """
    began = time.monotonic()
    with reprise.open(library, model=model, fps=fps, device=device) as shelf, progress_bar() as bar:
        row = bar.add_task("ingesting", total=None)

        def advance(outcome: Outcome, done: int, total: int) -> None:
            bar.update(row, completed=done, total=total)
            if outcome.reason:
                bar.console.print(_line(outcome), markup=False, highlight=False, soft_wrap=True)

        report = shelf.ingest(paths, workers=workers, tags=tags, progress=advance)
    _tell(report, library, time.monotonic() - began, as_json)
    return FAILED if report.failed else 0


def _line(outcome: Outcome) -> str:
    if outcome.status == "failed":
        return f"reprise: {outcome.reason}"
    return f"reprise: {printable(outcome.path)}: {outcome.reason}; ingested up to there"


def _tell(report: IngestReport, library: str, took_s: float, as_json: bool) -> None:
    if report.skipped:
        names = ", ".join(printable(path) for path in report.skipped[:SKIPPED_NAMES])
        more = ", ..." if len(report.skipped) > SKIPPED_NAMES else ""
        complain(f"{counted(len(report.skipped), 'other file')} left out, not videos by their names: {names}{more}")
    if as_json:
        print_json({"path": printable(p), "status": "added"} for p in report.added)
        print_json({"path": printable(p), "status": "replaced"} for p in report.replaced)
        print_json({"path": printable(p), "status": "unchanged"} for p in report.unchanged)
        print_json({"path": printable(f.path), "status": "failed", "reason": f.reason} for f in report.failed)
        return
    parts = [f"{counted(len(report.added), 'video')} added"]
    parts += [f"{len(report.replaced)} replaced"] if report.replaced else []
    parts += [f"{len(report.unchanged)} already there"] if report.unchanged else []
    parts += [f"{len(report.failed)} failed"] if report.failed else []
    length = f" ({clock(report.duration_s)}, {counted(report.frames, 'frame')})" if report.frames else ""
    click.echo(f"{library}: {', '.join(parts)}{length} in {took_s:.1f} s")
