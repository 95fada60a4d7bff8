"""`reprise info`: what the library, or one of its videos, is."""

from __future__ import annotations

from dataclasses import asdict

import click

import reprise
from reprise.cli import options
from reprise.cli.printing import print_json


@click.command(short_help="Tell what the library, or one of its videos, is.")
@click.argument("video", required=False, type=click.Path())
@options.library
@options.json_lines
def info(video: str | None, library: str, as_json: bool) -> int:
    """Tell what the library is made with and how much it holds, or all about one VIDEO of it."""
    with reprise.open(library) as shelf:
        facts = asdict(shelf.info()) if video is None else shelf.find(video).to_json()
    if as_json:
        print_json(facts)
        return 0
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        click.echo(f"{name.replace('_', ' '):<{width}}{shown}")
    return 0
