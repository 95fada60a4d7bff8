"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from reprise import DEFAULT_LIBRARY
from reprise.descriptor import DEVICES
from reprise.settings import ALIGNERS, MODELS, QuerySettings

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

library: Decorator = click.option(
    "--library",
    "-l",
    metavar="LIB",
    default=DEFAULT_LIBRARY,
    envvar="REPRISE_LIBRARY",
    show_default="$REPRISE_LIBRARY, else ./library",
    help="The library: a folder, or the URI of a Milvus server.",
)
json_lines: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
model: Decorator = click.option(
    "--model",
    type=click.Choice(MODELS),
    default=None,
    help="The network that describes frames.  [default: the library's]",
)
fps: Decorator = click.option(
    "--fps",
    type=float,
    default=None,
    help="Frames a second that are compared.  [default: the library's, 1 for a new one]",
)
device: Decorator = click.option(
    "--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="Where the network runs."
)
aligner: Decorator = click.option(
    "--aligner",
    type=click.Choice(ALIGNERS),
    default=QuerySettings().aligner,
    show_default=True,
    help="How copied stretches are found in a similarity map.",
)
min_score: Decorator = click.option(
    "--min-score",
    type=click.FloatRange(-1, 1),
    default=QuerySettings().min_score,
    show_default=True,
    help="Leave out segments below this mean similarity.",
)
