"""`reprise list`: the videos of the library."""

from __future__ import annotations

import click
from rich.text import Text

import reprise
from reprise.cli import options
from reprise.cli.printing import clock, counted, plain_table, print_json, print_table


@click.command("list")
@options.library
@options.json_lines
def list_videos(library: str, as_json: bool) -> int:
    """List the videos of the library."""
    with reprise.open(library) as shelf:
        rows = shelf.videos()
    if as_json:
        print_json(row.to_json() for row in rows)
        return 0
    if rows:
        table = plain_table("video", "length", "frames", "ingested", "tags", "remarks")
        for row in rows:
            table.add_row(
                Text(row.path),
                clock(row.duration_s),
                str(row.frame_count),
                row.ingested_at[:16].replace("T", " "),
                Text(", ".join(row.tags)),
                Text(row.warning),
            )
        print_table(table)
    total_s = sum(row.duration_s for row in rows)
    click.echo(f"{counted(len(rows), 'video')}, {clock(total_s)}")
    return 0
