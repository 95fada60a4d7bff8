"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from reprise import DEFAULT_LIBRARY
from reprise.alignment.aligners import ALIGNERS
from reprise.cli import waiting
from reprise.decoding.limits import DecodeLimits
from reprise.descriptor import DEVICES
from reprise.errors import SettingsError
from reprise.models.catalogue import FAMILY_NAMES, NETWORKS
from reprise.settings import EmbedSettings, QuerySettings, default_workers

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _not_empty(context: click.Context, parameter: click.Parameter, value: str) -> str:
    # `--library "$LIB"` with no LIB set would otherwise mean the current folder.
    if not value:
        raise click.BadParameter("it is empty; give a folder or a URI", context, parameter)
    return value


_library: Decorator = click.option(
    "--library",
    "-l",
    metavar="LIB",
    default=DEFAULT_LIBRARY,
    envvar="REPRISE_LIBRARY",
    callback=_not_empty,
    help="The library: a folder, or the URI of a Milvus server.  [default: $REPRISE_LIBRARY, else ./library]",
)
_wait: Decorator = click.option(
    waiting.NAME,
    type=float,
    default=None,
    metavar="[SECONDS]",
    expose_value=False,
    callback=waiting.apply,
    help="If another process has the library open, wait until it ends; with SECONDS, that long at most.  "
    "[default: $REPRISE_WAIT, else 0]",
)


_matrices: Decorator = click.option(
    "--matrices",
    metavar="FOLDER",
    default=None,
    expose_value=False,
    callback=waiting.keep_matrices,
    help="Folder in which this machine keeps the matrices of a library on a server; the word milvus: keep none, read "
    "them from the server.  "
    "[default: $REPRISE_MATRICES, else ~/.local/share/reprise]",
)


def library(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--library`, and `--wait` and `--matrices` for it, which the library itself sees to."""
    return _library(_wait(_matrices(command)))


no_audio: Decorator = click.option(
    "--no-audio", is_flag=True, help="Do not compare the sound, if the library has fingerprints of it."
)
json_lines: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
device: Decorator = click.option(
    "--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="Where the network runs."
)
aligner: Decorator = click.option(
    "--aligner",
    type=click.Choice(list(ALIGNERS)),
    default=QuerySettings().aligner,
    show_default=True,
    help="How copied stretches are found in a similarity map.",
)
min_score: Decorator = click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    default=None,
    help="Leave out segments with a lower score, 0 to 1.  [default: 0.85; temporal-network 0.5; VCSL's 0]",
)
refine: Decorator = click.option(
    "--refine", is_flag=True, help="Locate the ends of segments to about 0.1 s, by decoding around them again."
)


def model(default: str) -> Decorator:
    """`--model`; `default` is how the help describes what None stands for."""
    return click.option(
        "--model",
        metavar="NAME",
        default=None,
        help=f"The network that describes frames: {', '.join([*NETWORKS, *FAMILY_NAMES])}.  [default: {default}]",
    )


regions: Decorator = click.option(
    "--regions",
    is_flag=True,
    help="Compare frames by 3 x 3 regions, not as wholes: parts that were moved or covered cost less; by ViSiL "
    "always, with other networks nine times the work.",
)
workers: Decorator = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    help=f"Processes that decode and embed.  [default: one a core, here {default_workers()}]",
)
weights: Decorator = click.option(
    "--weights",
    metavar="FILE",
    default=None,
    type=click.Path(),
    help="The network's weights.  [default: looked for in $REPRISE_WEIGHTS, then in the user's cache]",
)


def _limits(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> DecodeLimits:
    try:
        return DecodeLimits.parse(values)
    except SettingsError as error:
        raise click.BadParameter(str(error), context, parameter) from error


limits: Decorator = click.option(
    "--decode-limit",
    "limits",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_limits,
    help="What decoding a video may take before it is given up: pixels=64M of a picture, frames=10M, duration=24h, "
    "time=4h, stall=2m, memory=4G, bytes=256G; repeatable.",
)


def fps(default: str) -> Decorator:
    """`--fps`; `default` is how the help describes what None stands for."""
    return click.option(
        "--fps",
        type=float,
        default=None,
        help=f"Frames a second that are compared, above 0 and at most 60.  [default: {default}]",
    )


def embedding(
    model: str | None,
    fps: float | None,
    weights: str | None,
    device: str,
    limits: DecodeLimits,
    *,
    regions: bool = False,
    quick: bool = False,
) -> EmbedSettings:
    """The settings that these options make. Raises SettingsError."""
    usual = EmbedSettings()
    if regions and quick:
        raise SettingsError("give either --regions or --quick, not both")
    return EmbedSettings(
        usual.model if model is None else model,
        usual.fps if fps is None else fps,
        device,
        weights=weights,
        limits=limits,
        vectors_of="regions" if regions else "video" if quick else "frames",
    )
