"""`reprise dedupe`: which videos of the library are in which others."""

from __future__ import annotations

from pathlib import Path

import click

import reprise
from reprise.cli import options
from reprise.cli.dedupe_printing import cost_line, print_cluster, print_partial, print_total
from reprise.cli.printing import print_json, progress_bar, say
from reprise.cli.running import FAILED
from reprise.dedupe.deduplication import DedupeReport
from reprise.dedupe.settings import DedupeSettings
from reprise.dedupe.tables import csv_of
from reprise.errors import SettingsError, printable
from reprise.report.dedupe_page import write_dedupe_report
from reprise.report.files import write_whole
from reprise.report.page import PAGE_NAME, ReportFacts


@click.command(short_help="Find the videos of the library that are in each other.")
@options.library
@click.option(
    "--min-share",
    type=click.FloatRange(0.5, 1, min_open=True),
    default=DedupeSettings().min_share,
    show_default=True,
    help="How much of a video must be in another for it to be wholly in that.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    default=DedupeSettings().min_score,
    show_default=True,
    help="Leave out segments with a lower score, 0 to 1.",
)
@click.option("--partial", is_flag=True, help="List the pairs that share a part only, too.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help=f"Write a page to look at, DIR/{PAGE_NAME}: timelines and thumbnails of every cluster.",
)
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the videos to keep and those in them as a table.",
)
@options.json_lines
def dedupe(
    library: str,
    min_share: float,
    min_score: float,
    partial: bool,
    report: Path | None,
    csv_file: Path | None,
    as_json: bool,
) -> int:
    """Find the videos of the library that are in each other: what to keep, what could go, and what that would save.

    Nothing is decoded and nothing is deleted. A video is wholly in another if --min-share of it is; of those that are
    in each other the longest is kept, then the one with the largest picture, then the least edited. Look at a video
    before you delete it: a smaller or an edited copy may be what holds it.
    """
    settings = DedupeSettings(min_share=min_share, min_score=min_score)
    if csv_file is not None and not csv_file.parent.is_dir():
        raise SettingsError(f"{printable(csv_file)}: there is no folder {printable(csv_file.parent)}; make it first")
    with reprise.open(library) as shelf, progress_bar() as bar:
        shelf.require()
        rows = {step: bar.add_task(step, total=None, visible=False) for step in STEPS}

        def advance(step: str, done: int, of: int) -> None:
            bar.update(rows[step], completed=done, total=of, visible=True)

        found = shelf.dedupe(settings, progress=advance)
        for failure in found.failed:
            say(bar, failure.reason)
        if found.warning:
            say(bar, found.warning)
        facts = ReportFacts(
            printable(library), shelf.info().model, shelf.info().fps, tuple(one.reason for one in found.failed)
        )
    _print(found, partial=partial, as_json=as_json)
    if csv_file is not None:
        write_whole(csv_file, csv_of(found.clusters, found.partial if partial else ()))
    if report is not None:
        write_dedupe_report(report, found, facts)
        click.echo(f"report: {printable(report / PAGE_NAME)}", err=True)
    return FAILED if found.failed else 0


STEPS = ("reading", "searching", "aligning", "sorting")


def _print(found: DedupeReport, *, partial: bool, as_json: bool) -> None:
    if as_json:
        print_json(cluster.to_json() for cluster in found.clusters)
        if partial:
            print_json(one.to_json() for one in found.partial)
        print_json({"total": found.to_json()})
        return
    for number, cluster in enumerate(found.clusters, 1):
        print_cluster(number, cluster)
    if partial:
        print_partial(found.partial)
    print_total(found, partial=partial)
    click.echo(f"reprise: {cost_line(found.cost)}", err=True)
