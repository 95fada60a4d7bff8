"""`reprise remove`: videos out of the library."""

from __future__ import annotations

import click

import reprise
from reprise.cli import options
from reprise.cli.printing import counted, print_json
from reprise.cli.running import FAILED, complain
from reprise.errors import InputError


@click.command(short_help="Take videos out of the library; their files are not touched.")
@click.argument("videos", metavar="VIDEO...", nargs=-1, required=True, type=click.Path())
@options.library
@options.json_lines
def remove(videos: tuple[str, ...], library: str, as_json: bool) -> int:
    """Take videos out of the library; their files are not touched.

    VIDEO is the path that was ingested, as `reprise list` shows it; the file itself may be gone.
    """
    failed = False
    with reprise.open(library) as shelf:
        for video in videos:
            try:
                row = shelf.remove(video)
            except InputError as error:
                complain(str(error))
                failed = True
                continue
            if as_json:
                print_json({"path": row.path, "status": "removed"})
            else:
                click.echo(f"removed {row.path} ({counted(row.frame_count, 'frame')})")
    return FAILED if failed else 0
