"""Options that say which videos of a library a command is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from reprise.filters import GRAMMAR, VideoFilter

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _parsed(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> VideoFilter:
    return VideoFilter.parse(values)


where: Decorator = click.option(
    "--where",
    metavar="EXPR",
    multiple=True,
    callback=_parsed,
    help=f"Only videos that are so: {GRAMMAR}. Repeatable: of several = for one thing any will do, the rest must "
    "hold.",
)
