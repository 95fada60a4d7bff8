"""`reprise export`: the library's vectors for other programs."""

from __future__ import annotations

import click

import reprise
from reprise.cli import options
from reprise.cli.choosing import where as where_option
from reprise.cli.printing import counted, print_json, progress_bar
from reprise.cli.running import FAILED, complain
from reprise.exchange.layouts import LAYOUTS
from reprise.filters import VideoFilter


@click.command(short_help="Write the videos' vectors into a folder, for other programs.")
@click.argument("folder", metavar="FOLDER", type=click.Path())
@click.argument("videos", metavar="[VIDEO...]", nargs=-1, type=click.Path())
@click.option(
    "--format",
    "layout",
    type=click.Choice(LAYOUTS),
    default="npz",
    show_default=True,
    help="One .npz a video; one parquet file with a row a frame; or one .npy a video, as VCSL's programs read them.",
)
@where_option
@options.library
@options.json_lines
def export(folder: str, videos: tuple[str, ...], layout: str, where: VideoFilter, library: str, as_json: bool) -> int:
    """Write the videos' vectors into a new folder, for other programs and for `reprise import`.

    FOLDER gets the vectors, a manifest with a line a video (videos.jsonl) and what they were made with (export.json).
    VIDEO is a path as `reprise list` shows it, or a folder; --where chooses among these, or without any among all.
    """
    with reprise.open(library) as shelf, progress_bar() as bar:
        selection = shelf.select(videos, where)
        row = bar.add_task("exporting", total=len(selection.videos))
        report = shelf.export(selection.videos, folder, layout=layout, progress=lambda _: bar.advance(row))
    failed = [*selection.failures, *report.failed]
    for failure in failed:
        complain(failure.reason)
    if as_json:
        print_json({"folder": report.folder, "format": layout, "videos": report.videos, "frames": report.frames})
    else:
        click.echo(f"{report.folder}: {counted(report.videos, 'video')}, {counted(report.frames, 'frame')} written")
    return FAILED if failed else 0
