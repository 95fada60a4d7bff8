"""`reprise verify`: whether the library's two stores agree."""

from __future__ import annotations

import click

import reprise
from reprise.cli import options
from reprise.cli.printing import counted, print_json, progress_bar
from reprise.cli.running import FAILED
from reprise.errors import printable


@click.command(short_help="Check that the library is whole.")
@options.library
@options.json_lines
def verify(library: str, as_json: bool) -> int:
    """Check that every video is whole in Milvus and in LevelDB, and that nothing else is there.

    What an interrupted ingest left behind is cleared away first. Exit status 1 if anything is wrong.
    """
    with reprise.open(library) as shelf, progress_bar() as bar:
        bar.add_task("checking", total=None)
        videos = shelf.info().videos
        problems = shelf.verify()
    if as_json:
        print_json({"library": printable(library), "videos": videos, "problems": problems})
    else:
        for problem in problems:
            click.echo(problem)
        verdict = counted(len(problems), "problem") if problems else "no problem"
        click.echo(f"{printable(library)}: {counted(videos, 'video')} checked, {verdict}")
    return FAILED if problems else 0
