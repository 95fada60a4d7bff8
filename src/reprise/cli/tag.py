"""`reprise tag`: the words that the library remembers with its videos."""

from __future__ import annotations

import click

import reprise
from reprise.cli import options
from reprise.cli.choosing import where as where_option
from reprise.cli.printing import counted, print_json
from reprise.cli.running import FAILED, complain
from reprise.errors import printable
from reprise.filters import VideoFilter


@click.command(short_help="Add tags to videos, or take them off.")
@click.argument("videos", metavar="[VIDEO...]", nargs=-1, type=click.Path())
@click.option("--add", metavar="TEXT", multiple=True, help="A tag to add; repeatable.")
@click.option("--remove", metavar="TEXT", multiple=True, help="A tag to take off; repeatable.")
@where_option
@options.library
@options.json_lines
def tag(
    videos: tuple[str, ...],
    add: tuple[str, ...],
    remove: tuple[str, ...],
    where: VideoFilter,
    library: str,
    as_json: bool,
) -> int:
    """Add tags to videos, or take them off.

    VIDEO is the path that was ingested, as `reprise list` shows it, or a folder, for all that is in it. --where
    chooses among these, or without any among all videos. `reprise list --where tag=TEXT` shows the videos of a tag.
    """
    if not add and not remove:
        raise click.UsageError("give --add TEXT or --remove TEXT")
    if not videos and not where:
        raise click.UsageError("name videos or folders, or choose with --where")
    with reprise.open(library) as shelf:
        selection = shelf.select(videos, where)
        for failure in selection.failures:
            complain(failure.reason)
        tagged = shelf.tag(selection.videos, add, remove)
    changed = 0
    for row, tags in tagged:
        changed += tags != row.tags
        if as_json:
            print_json({"path": row.path, "tags": tags})
        elif tags != row.tags:
            click.echo(f"{row.path}: {', '.join(tags) or 'no tag'}")
    if not as_json:
        others = f", {len(tagged) - changed} as before" if changed < len(tagged) else ""
        click.echo(f"{printable(library)}: the tags of {counted(changed, 'video')} changed{others}")
    return FAILED if selection.failures else 0
