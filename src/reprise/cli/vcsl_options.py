"""What the commands of `reprise benchmark vcsl` are told."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from reprise.alignment.aligners import ALIGNERS, DEFAULT_ALIGNER
from reprise.cli.options import device, model, weights
from reprise.errors import SettingsError, printable
from reprise.settings import EmbedSettings, default_workers
from reprise.vcsl.annotation import SPLITS
from reprise.vcsl.work_folder import read_json

Command = Callable[..., Any]
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options that running and tuning share, as they were given."""

    labels: Path | None
    pairs: Path | None
    split_meta: Path | None
    split: str
    frames: Path | None
    sample: int | None
    features: Path | None
    videos: Path | None
    model: str | None
    weights: str | None
    device: str
    maps: Path | None
    simulate: bool
    seed: int
    aligner: str | None
    parameters: Path | None
    settings: tuple[tuple[str, Any], ...]
    work: Path
    workers: int | None
    as_json: bool

    def embedding(self) -> EmbedSettings:
        """How videos are embedded. Raises SettingsError where there are none to embed."""
        if self.videos is None and (self.model, self.weights) != (None, None):
            raise SettingsError("--model and --weights say how --videos are embedded; leave them out")
        return EmbedSettings(self.model or EmbedSettings().model, device=self.device, weights=self.weights)

    def aligner_and_parameters(self) -> tuple[str, dict[str, Any]]:
        """The aligner and the parameters that are not its defaults: the file's, and over them those of --set.

        Raises SettingsError where the file is of another aligner than --aligner.
        """
        name, parameters = self.aligner, {}
        if self.parameters is not None:
            tuned = read_json(self.parameters)
            if not isinstance(tuned.get("aligner"), str) or not isinstance(tuned.get("parameters"), dict):
                raise SettingsError(f"{printable(self.parameters)}: not a file of parameters as `tune` writes it")
            if name not in (None, tuned["aligner"]):
                raise SettingsError(f"{printable(self.parameters)}: parameters of {tuned['aligner']}, not of {name}")
            name, parameters = tuned["aligner"], tuned["parameters"]
        return name or DEFAULT_ALIGNER, {**parameters, **dict(self.settings)}


def _value(text: str) -> Any:
    """A number, true, false or null as in JSON; anything else is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _settings(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> Any:
    return tuple((name, _value(value)) for name, value in _named(context, parameter, given))


def grid(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, list[Any]]:
    """`name=v1,v2,v3` several times, as lists by name."""
    return {
        name: [_value(value) for value in values.split(",")] for name, values in _named(context, parameter, given)
    }


def _named(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> list[tuple[str, str]]:
    named = []
    for text in given:
        name, is_there, value = text.partition("=")
        if not (name and is_there and value):
            raise click.BadParameter(f"{text!r} is not name=value", context, parameter)
        # Aligners' parameters are Python names; as options elsewhere they would be written with dashes.
        named.append((name.strip().replace("-", "_"), value.strip()))
    return named


def run_options(*, split: str, seed: int, work: str) -> Callable[[Command], Command]:
    """The shared options with these defaults; the command gets them as one RunOptions, its first argument by name."""
    options: list[Callable[[Command], Command]] = [
        click.option("--labels", type=_FILE, help="True segments: label JSON, or .json.gz."),
        click.option(
            "--pairs", type=_FILE, help="Pair list: CSV with query_id,reference_id.  [default: the split's]"
        ),
        click.option("--split-meta", type=_FILE, help="Query sets by split, JSON: for macro figures."),
        click.option(
            "--split",
            type=click.Choice(SPLITS),
            default=split,
            show_default=True,
            help="Which split of --split-meta.",
        ),
        click.option("--frames", type=_FILE, help="Frame counts: CSV with uuid,frame_count."),
        click.option("--sample", type=click.IntRange(min=1), help="Take so many pairs, evenly from the list."),
        click.option("--features", type=_FOLDER, help="Features: a folder of UUID.npy [frames, dim]."),
        click.option("--videos", type=_FOLDER, help="Videos: a folder of UUID.*, which are embedded once."),
        model(EmbedSettings().model),
        weights,
        device,
        click.option("--maps", type=_FOLDER, help="Similarity maps: a folder of QUERY-REFERENCE.npy."),
        click.option(
            "--simulate", is_flag=True, help="Features drawn from frame counts and labels: a simulation, no result."
        ),
        click.option("--seed", type=int, default=seed, show_default=True, help="Of the simulation."),
        click.option(
            "--aligner",
            type=click.Choice(list(ALIGNERS)),
            default=None,
            help=f"What finds the segments.  [default: that of --parameters, else {DEFAULT_ALIGNER}]",
        ),
        click.option("--parameters", type=_FILE, help="The aligner's parameters, as `tune` writes them."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            callback=_settings,
            help="A parameter of the aligner; repeatable.",
        ),
        click.option(
            "--work",
            type=click.Path(file_okay=False, path_type=Path),
            default=work,
            show_default=True,
            help="Folder that keeps what is done; a run that was ended goes on there.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            default=None,
            help=f"Processes of one thread each.  [default: one a core, here {default_workers()}]",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    ]

    def decorate(run: Command) -> Command:
        @functools.wraps(run)
        def collected(*arguments: Any, **values: Any) -> Any:
            shared = {field.name: values.pop(field.name) for field in fields(RunOptions)}
            return run(*arguments, options=RunOptions(**shared), **values)

        command: Command = collected
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
