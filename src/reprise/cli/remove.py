"""`reprise remove`: videos out of the library."""

from __future__ import annotations

import click

import reprise
from reprise.cli import options
from reprise.cli.choosing import where as where_option
from reprise.cli.printing import counted, print_json
from reprise.cli.running import FAILED, complain
from reprise.errors import printable
from reprise.filters import VideoFilter
from reprise.stores.videos import VideoRow
from reprise.times import clock


@click.command(short_help="Take videos out of the library; their files are not touched.")
@click.argument("videos", metavar="[VIDEO...]", nargs=-1, type=click.Path())
@click.option(
    "--tag", "tags", metavar="TEXT", multiple=True, help="Only videos with this tag; repeatable, any will do."
)
@where_option
@click.option("--dry-run", is_flag=True, help="Tell what would be removed, and remove nothing.")
@options.library
@options.json_lines
def remove(
    videos: tuple[str, ...], tags: tuple[str, ...], where: VideoFilter, dry_run: bool, library: str, as_json: bool
) -> int:
    """Take videos out of the library; their files are not touched.

    VIDEO is the path that was ingested, as `reprise list` shows it, or a folder, for all that is in it; the file or
    folder itself may be gone. --tag and --where choose among these, or without any among all videos.
    """
    chosen = VideoFilter((*where.tags, *tags), where.videos, where.conditions)
    if not videos and not chosen:
        raise click.UsageError("name videos or folders, or choose with --tag or --where")
    status = "would be removed" if dry_run else "removed"
    with reprise.open(library) as shelf:
        selection = shelf.select(videos, chosen)
        for failure in selection.failures:
            complain(failure.reason)

        def tell(row: VideoRow) -> None:
            if as_json:
                print_json({"path": row.path, "status": status})
            else:
                click.echo(
                    f"{'would remove' if dry_run else status} {row.path} ({counted(row.frame_count, 'frame')})"
                )

        if dry_run:
            for row in selection.videos:
                tell(row)
        else:
            shelf.remove_videos(selection.videos, tell)
    if not as_json and (len(selection.videos) > 1 or chosen):
        length = clock(sum(row.duration_s for row in selection.videos))
        click.echo(f"{printable(library)}: {counted(len(selection.videos), 'video')} {status} ({length})")
    return FAILED if selection.failures else 0
