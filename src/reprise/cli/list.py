"""`reprise list`: the videos of the library."""

from __future__ import annotations

import click
from rich.text import Text

import reprise
from reprise.cli import options
from reprise.cli.failures import print_failures
from reprise.cli.printing import counted, plain_table, print_json, print_table
from reprise.times import clock


@click.command("list", short_help="List the videos of the library.")
@options.library
@click.option("--failed", is_flag=True, help="List the files that could not be ingested, and why.")
@options.json_lines
def list_videos(library: str, failed: bool, as_json: bool) -> int:
    """List the videos of the library, sorted by path."""
    with reprise.open(library) as shelf:
        if failed:
            return print_failures(shelf.failures(), as_json=as_json)
        rows = shelf.videos()
    if as_json:
        print_json(row.to_json() for row in rows)
        return 0
    if rows:
        columns = {
            "video": [Text(row.path) for row in rows],
            "length": [Text(clock(row.duration_s)) for row in rows],
            "frames": [Text(str(row.frame_count)) for row in rows],
            "ingested (UTC)": [Text(row.ingested_at[:16].replace("T", " ")) for row in rows],
            "tags": [Text(", ".join(row.tags)) for row in rows],
            "remarks": [Text(row.warning) for row in rows],
        }
        shown = {header: cells for header, cells in columns.items() if any(cells)}
        table = plain_table(*shown, texts=("tags", "remarks"))
        for cells in zip(*shown.values(), strict=True):
            table.add_row(*cells)
        print_table(table)
    total_s = sum(row.duration_s for row in rows)
    click.echo(f"{counted(len(rows), 'video')}, {clock(total_s)}")
    return 0
