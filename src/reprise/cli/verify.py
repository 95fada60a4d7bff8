"""`reprise verify`: whether the library's two stores agree."""

from __future__ import annotations

import click

import reprise
from reprise.cli import options
from reprise.cli.printing import counted, print_json, progress_bar
from reprise.cli.running import FAILED
from reprise.errors import printable
from reprise.stores.repairing import RepairReport


@click.command(short_help="Check that the library is whole; mend it with --repair.")
@options.library
@click.option("--repair", is_flag=True, help="Make each store whole from the other; a lost one is made anew.")
@options.json_lines
def verify(library: str, repair: bool, as_json: bool) -> int:
    """Check that every video is whole in Milvus and in LevelDB, and that the two agree in every frame.

    What an interrupted ingest left behind is finished or cleared away first. Exit status 1 if anything is wrong, with
    --repair if a video was whole in neither store: it is removed, to be ingested again.
    """
    with reprise.open(library) as shelf, progress_bar() as bar:
        bar.add_task("repairing" if repair else "checking", total=None)
        report = shelf.repair() if repair else RepairReport()
        problems = shelf.verify()
        videos = shelf.info().videos
    if as_json:
        mended = {
            "mended": report.mended,
            "removed": report.removed,
            "completed": report.completed,
            "set_aside": report.set_aside,
        }
        checked = {"library": printable(library), "videos": videos, "problems": problems}
        print_json(checked | (mended if repair else {}))
        return FAILED if problems or report.removed else 0
    for line in [*report.mended, *report.removed, *problems]:
        click.echo(line)
    if report.completed:
        click.echo(
            f"{counted(report.completed, 'video')} of an earlier version: now kept so that Milvus could be lost"
        )
    verdict = counted(len(problems), "problem") if problems else "no problem"
    removed = f", {len(report.removed)} removed" if report.removed else ""
    mended_videos = f"{counted(len(report.mended), 'video')} mended{removed}, " if repair else ""
    click.echo(f"{printable(library)}: {mended_videos}{counted(videos, 'video')} checked, {verdict}")
    return FAILED if problems or report.removed else 0
