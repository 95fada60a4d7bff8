"""`reprise reject`: matches that are no copies, which later queries leave out."""

from __future__ import annotations

import click
from rich.text import Text

import reprise
from reprise.cli import options
from reprise.cli.printing import counted, plain_table, print_json, print_table
from reprise.rejections import Box, Rejection
from reprise.times import clock


def _box(context: click.Context, parameter: click.Parameter, value: str | None) -> Box | None:
    if value is None:
        return None
    try:
        q_start, r_start, q_end, r_end = (float(part) for part in value.strip("[] ").split(","))
    except ValueError:
        raise click.BadParameter(
            f"give four numbers with commas between them, not {value!r}", context, parameter
        ) from None
    return q_start, r_start, q_end, r_end


_segment = click.option(
    "--segment",
    metavar="Q0,R0,Q1,R1",
    callback=_box,
    help="Only this segment, in seconds as `query --json` prints it.  [default: all between the two]",
)


@click.group(short_help="Mark matches that are no copies; later queries leave them out.")
def reject() -> None:
    """Mark matches that are no copies; later queries leave them out.

    Marks are kept with the library, by the contents of both files: they hold wherever the files are moved.
    `reprise query --show-rejected` shows what is left out.

    \b
      reprise reject add clip.mp4 refs/a.mp4 --library LIB
      reprise reject list --library LIB
      reprise reject remove clip.mp4 --library LIB
    """


@reject.command("add", short_help="Mark what is found between two videos, or one segment of it, as no copy.")
@click.argument("query", metavar="QUERY", type=click.Path())
@click.argument("reference", metavar="REFERENCE", type=click.Path())
@_segment
@options.library
@options.json_lines
def add(query: str, reference: str, segment: Box | None, library: str, as_json: bool) -> None:
    """Mark what is found between two videos, or one segment of it, as no copy.

    QUERY is the file that was asked about, REFERENCE a video of the library as its matches name it.
    """
    with reprise.open(library) as shelf:
        rejection = shelf.reject(query, reference, segment)
    if as_json:
        print_json(rejection.to_json())
    else:
        click.echo(f"{_told(rejection)}: marked as no copy, later queries leave it out")


@reject.command("list", short_help="List what is marked as no copy.")
@options.library
@options.json_lines
def list_marks(library: str, as_json: bool) -> None:
    """List what is marked as no copy."""
    with reprise.open(library) as shelf:
        rejections = shelf.rejections()
    if as_json:
        print_json(rejection.to_json() for rejection in rejections)
        return
    if rejections:
        table = plain_table(
            "query", "reference", "in the query", "in the reference", "marked (UTC)", texts=("reference",)
        )
        for rejection in rejections:
            table.add_row(
                Text(rejection.query),
                Text(rejection.reference),
                *_stretches(rejection.segment),
                rejection.marked_at[:16].replace("T", " "),
            )
        print_table(table)
    click.echo(f"{counted(len(rejections), 'mark')}")


@reject.command("remove", short_help="Take marks back.")
@click.argument("query", metavar="QUERY", type=click.Path())
@click.argument("reference", metavar="[REFERENCE]", required=False, type=click.Path())
@_segment
@options.library
@options.json_lines
def remove(query: str, reference: str | None, segment: Box | None, library: str, as_json: bool) -> None:
    """Take marks back: all on QUERY, or those between it and REFERENCE.

    A file that is gone is named by its path, or its hash, as `reprise reject list` shows it.
    """
    with reprise.open(library) as shelf:
        taken = shelf.take_back_rejections(query, reference, segment)
    for rejection in taken:
        if as_json:
            print_json({**rejection.to_json(), "status": "removed"})
        else:
            click.echo(f"{_told(rejection)}: no longer marked")


def _told(rejection: Rejection) -> str:
    both = f"{rejection.query} and {rejection.reference}"
    if rejection.segment is None:
        return both
    in_query, in_reference = _stretches(rejection.segment)
    return f"{both}, {in_query} and {in_reference}"


def _stretches(segment: Box | None) -> tuple[str, str]:
    if segment is None:
        return "all", "all"
    q_start, r_start, q_end, r_end = segment
    return f"{clock(q_start)} - {clock(q_end)}", f"{clock(r_start)} - {clock(r_end)}"
