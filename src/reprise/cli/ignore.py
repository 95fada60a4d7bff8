"""`reprise ignore`: clips that must not count as copies."""

from __future__ import annotations

import click
from rich.text import Text

import reprise
from reprise.cli import options
from reprise.cli.printing import counted, plain_table, print_json, print_table
from reprise.cli.running import FAILED, complain
from reprise.decoding.limits import DecodeLimits
from reprise.errors import InputError
from reprise.ignoring import IgnoredClip
from reprise.times import clock


@click.group(short_help="Name intros, idents and credits that must not count as copies.")
def ignore() -> None:
    """Name intros, idents and credits that must not count as copies.

    Frames that look like those of a clip on the ignore list neither vote nor lie in a segment, in queries and in the
    videos of the library. The list is kept with the library and can be changed at any time; nothing is ingested
    again. Black, flat and near-constant pictures and colour bars never count, and need not be named.

    \b
      reprise ignore add ident.mp4 --library LIB
      reprise ignore add film.mp4 --start 5400 --end 5580 --library LIB
      reprise ignore list --library LIB
      reprise ignore remove ident.mp4 --library LIB
    """


@ignore.command("add", short_help="Put a clip, or a part of a video, on the ignore list.")
@click.argument("clip", metavar="CLIP", type=click.Path())
@click.option("--start", type=float, default=0, metavar="S", help="Where the part begins, in seconds.  [default: 0]")
@click.option("--end", type=float, default=None, metavar="S", help="Where the part ends.  [default: the clip's end]")
@options.library
@options.weights
@options.device
@options.limits
@options.json_lines
def add(
    clip: str,
    start: float,
    end: float | None,
    library: str,
    weights: str | None,
    device: str,
    limits: DecodeLimits,
    as_json: bool,
) -> None:
    """Put CLIP, a video, or the part of it from --start to --end on the ignore list."""
    with reprise.open(library, device=device, weights=weights, limits=limits) as shelf:
        known = {one.id for one in shelf.ignored()}
        ignored = shelf.ignore(clip, start_s=start, end_s=end)
    if as_json:
        print_json({**ignored.to_json(), "status": "unchanged" if ignored.id in known else "added"})
    elif ignored.id in known:
        click.echo(f"{_told(ignored)}: already ignored")
    else:
        click.echo(f"{_told(ignored)}: ignored from now on ({counted(ignored.frames, 'frame')})")


@ignore.command("list", short_help="Show the ignore list.")
@options.library
@options.json_lines
def list_clips(library: str, as_json: bool) -> None:
    """Show the ignore list."""
    with reprise.open(library) as shelf:
        clips = shelf.ignored()
    if as_json:
        print_json(clip.to_json() for clip in clips)
        return
    if clips:
        table = plain_table("clip", "from", "to", "added (UTC)", "id")
        for clip in clips:
            added = clip.added_at[:16].replace("T", " ")
            table.add_row(Text(clip.path), clock(clip.start_s), clock(clip.end_s), added, clip.id)
        print_table(table)
    click.echo(f"{counted(len(clips), 'clip')} ignored")


@ignore.command("remove", short_help="Take clips off the ignore list.")
@click.argument("clips", metavar="CLIP...", nargs=-1, required=True, type=click.Path())
@options.library
@options.json_lines
def remove(clips: tuple[str, ...], library: str, as_json: bool) -> int:
    """Take clips off the ignore list.

    CLIP is an id or a path as `reprise ignore list` shows it; a path stands for all that was taken from it.
    """
    failed = False
    with reprise.open(library) as shelf:
        for clip in clips:
            try:
                taken = shelf.no_longer_ignore(clip)
            except InputError as error:
                complain(str(error))
                failed = True
                continue
            for one in taken:
                if as_json:
                    print_json({**one.to_json(), "status": "removed"})
                else:
                    click.echo(f"{_told(one)}: no longer ignored")
    return FAILED if failed else 0


def _told(clip: IgnoredClip) -> str:
    return f"{clip.path}, {clock(clip.start_s)} - {clock(clip.end_s)}"
