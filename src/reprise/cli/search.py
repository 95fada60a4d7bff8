"""`reprise search`: clips of the library that show what a text says, or look like a picture."""

from __future__ import annotations

import click
from rich.text import Text

import reprise
from reprise import DecodeLimits, SearchResult, SearchSettings, VideoFilter
from reprise.cli import options
from reprise.cli.printing import counted, plain_table, print_json, print_table
from reprise.filters import GRAMMAR
from reprise.plotting import check_plot, plot_search
from reprise.searching import Sought
from reprise.times import clock


@click.command(short_help="Find the clips that a text or a picture describes.")
@options.library
@click.option("--text", metavar="TEXT", default=None, help="What the clips are to show, in words.")
@click.option(
    "--image", metavar="FILE", default=None, type=click.Path(), help="A picture that the clips are to look like."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=SearchSettings().limit,
    show_default=True,
    help="Clips that are told, at most.",
)
@click.option(
    "--kernel",
    type=click.IntRange(min=1),
    default=SearchSettings().kernel,
    show_default=True,
    help="Frames that are averaged before they are held against the query, an odd number; 1 for each by itself.",
)
@click.option(
    "--where",
    "expressions",
    metavar="EXPR",
    multiple=True,
    help=f"Search only some videos: {GRAMMAR}; repeatable. Of several tags, or several videos, any will do; "
    "a tag and a video must both fit.",
)
@click.option(
    "--plot", metavar="FILE.png", default=None, type=click.Path(), help="Draw the best videos' scores over time."
)
@options.weights
@options.device
@options.limits
@options.json_lines
def search(
    library: str,
    text: str | None,
    image: str | None,
    limit: int,
    kernel: int,
    expressions: tuple[str, ...],
    plot: str | None,
    weights: str | None,
    device: str,
    limits: DecodeLimits,
    as_json: bool,
) -> int:
    """Find the clips of the library that show what a text says (--text), or look like a picture (--image).

    A text can be searched for in a library that was made with a network that reads text: `reprise ingest --model
    clip` or siglip. A picture can be searched for in every library.
    """
    if (text is None) == (image is None):
        raise click.UsageError("give either --text or --image")
    Sought.of(text, image)
    settings = SearchSettings(limit=limit, kernel=kernel, where=VideoFilter.parse(expressions))
    if plot is not None:
        check_plot(plot)  # before minutes are spent on what cannot be drawn
    with reprise.open(library, device=device, weights=weights, limits=limits) as shelf:
        result = shelf.search(text=text, image=image, settings=settings)
    if as_json:
        print_json(result.to_json())
    else:
        _print(result)
    if plot is not None:
        plot_search(result, plot)
    return 0


def _print(result: SearchResult) -> None:
    title = f'"{result.query}"' if result.is_text else result.query
    if not result.hits:
        click.echo(f"{title}: nothing found")
        return
    click.echo(f"{title}: {counted(len(result), 'clip')}")
    table = plain_table("video", "clip", "best frame", "score")
    for hit in result:
        table.add_row(
            Text(hit.video), f"{clock(hit.start_s)} - {clock(hit.end_s)}", clock(hit.best_s), f"{hit.score:.3f}"
        )
    print_table(table)
