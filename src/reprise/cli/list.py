"""`reprise list`: the videos of the library."""

from __future__ import annotations

from collections.abc import Callable

import click
from rich.filesize import decimal
from rich.text import Text

import reprise
from reprise.cli import options
from reprise.cli.choosing import where as where_option
from reprise.cli.failures import print_failures
from reprise.cli.printing import counted, plain_table, print_json, print_table
from reprise.filters import VideoFilter
from reprise.stores.videos import VideoRow
from reprise.times import clock

ORDERS: dict[str, Callable[[VideoRow], str | float]] = {
    "path": lambda row: row.path,
    "duration": lambda row: row.duration_s,
    "frames": lambda row: row.frame_count,
    "date": lambda row: row.ingested_at,
    "size": lambda row: row.file_size,
    "height": lambda row: row.height,
    "codec": lambda row: row.codec,
}


@click.command("list", short_help="List the videos of the library.")
@options.library
@where_option
@click.option(
    "--sort",
    "order",
    type=click.Choice([*ORDERS]),
    default="path",
    show_default=True,
    help="What they are sorted by.",
)
@click.option("--reverse", is_flag=True, help="The largest, longest, latest or last first.")
@click.option("--limit", type=click.IntRange(min=1), default=None, metavar="N", help="List the first N only.")
@click.option("--failed", is_flag=True, help="List the files that could not be ingested, and why.")
@options.json_lines
def list_videos(
    library: str,
    where: VideoFilter,
    order: str,
    reverse: bool,
    limit: int | None,
    failed: bool,
    as_json: bool,
) -> int:
    """List the videos of the library, or those that --where chooses, sorted by path."""
    with reprise.open(library) as shelf:
        if failed:
            return print_failures(shelf.failures(), as_json=as_json)
        found = sorted(shelf.select(where=where).videos, key=ORDERS[order], reverse=reverse)
    rows = found[:limit]
    if as_json:
        print_json(row.to_json() for row in rows)
        return 0
    if rows:
        columns = {
            "video": [Text(row.path) for row in rows],
            "length": [Text(clock(row.duration_s)) for row in rows],
            "frames": [Text(str(row.frame_count)) for row in rows],
            "ingested (UTC)": [Text(row.ingested_at[:16].replace("T", " ")) for row in rows],
            **({order: [Text(_shown(row, order)) for row in rows]} if order in {"size", "height", "codec"} else {}),
            "tags": [Text(", ".join(row.tags)) for row in rows],
            "remarks": [Text(row.warning) for row in rows],
        }
        shown = {header: cells for header, cells in columns.items() if any(cells)}
        table = plain_table(*shown, texts=("tags", "remarks"))
        for cells in zip(*shown.values(), strict=True):
            table.add_row(*cells)
        print_table(table)
    first = f", the first {len(rows)} are listed" if len(rows) < len(found) else ""
    click.echo(f"{counted(len(found), 'video')}, {clock(sum(row.duration_s for row in found))}{first}")
    return 0


def _shown(row: VideoRow, order: str) -> str:
    if order == "size":
        return decimal(row.file_size)
    return (f"{row.width} x {row.height}" if row.height else "") if order == "height" else row.codec
