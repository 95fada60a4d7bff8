"""`reprise models`: the networks, their weights, and where these are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import click
from rich.filesize import decimal
from rich.text import Text

from reprise import descriptor
from reprise.cli import options
from reprise.cli.printing import counted, download_bar, plain_table, print_json, print_table
from reprise.cli.running import FAILED, complain
from reprise.errors import ReprisError, printable
from reprise.models.catalogue import BUILT_IN, NETWORKS, network
from reprise.models.fetching import fetch as download
from reprise.models.network import Network, WeightsFile
from reprise.models.weights import doubt, find_companions, find_file, find_published, find_weights, folders


@click.group(short_help="List the networks, and fetch their weights.")
def models() -> None:
    """List the networks that can describe frames, and fetch their published weights.

    Weights are looked for in the folder $REPRISE_WEIGHTS, then in the user's cache; --weights FILE of other commands
    names a file in place of them.

    \b
      reprise models list
      reprise models fetch isc
      reprise ingest --model isc my-videos/
    """


@models.command("list", short_help="List the networks.")
@options.json_lines
def list_models(as_json: bool) -> int:
    """List the networks, with what they see and give, their licences, and whether their weights are here."""
    if as_json:
        print_json(_facts(known) for known in NETWORKS.values())
    else:
        table = plain_table(
            "name", "network", "numbers", "picture", "licence", "weights", texts=("network", "weights")
        )
        for known in NETWORKS.values():
            table.add_row(
                known.name,
                Text(known.title),
                "-" if known.dimension is None else str(known.dimension),
                _picture(known),
                known.licence or "-",
                _whereabouts(known),
            )
        print_table(table)
        places = ", then ".join(printable(folder) for folder in folders())
        click.echo(f"{counted(len(NETWORKS), 'network')}; weights are looked for in {places}")
    for known in NETWORKS.values():
        _warn(known)
    return 0


@models.command(short_help="Download the published weights of networks.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--again", is_flag=True, help="Download weights that are here already, and replace them.")
@options.json_lines
def fetch(names: tuple[str, ...], again: bool, as_json: bool) -> int:
    """Download the published weights of the networks NAME into $REPRISE_WEIGHTS, or else the user's cache.

    A download that broke off goes on where it ended. Weights that are here already are left as they are.
    """
    wanted = [network(name) for name in dict.fromkeys(names)]
    failed = False
    for known in wanted:
        try:
            for status, path in _fetched(known, again=again):
                if as_json:
                    print_json({"name": known.name, "status": status, "file": printable(path)})
                else:
                    click.echo(f"{known.name}: {status}: {printable(path)} ({decimal(path.stat().st_size)})")
        except ReprisError as error:
            complain(str(error))
            failed = True
        else:
            failed |= _warn(known)
    return FAILED if failed else 0


@models.command(short_help="Print where a network's weights are.")
@click.argument("name")
@options.json_lines
def path(name: str, as_json: bool) -> int:
    """Print the file with the weights of the network NAME that the other commands would use."""
    known = network(name)
    file, *companions = map(printable, _files(known))
    if as_json:
        print_json({"name": known.name, "file": file, "companions": companions})
    else:
        click.echo("\n".join([file, *companions]))
    _warn(known)
    return 0


def _fetched(known: Network, *, again: bool) -> Iterator[tuple[str, Path]]:
    """What was done for each file that a network needs, and where it is now."""
    if known is BUILT_IN:
        yield "part of Reprise", _files(known)[0]
        return
    if not known.weights:
        yield "already there", find_weights(known)
    for published, found in _needed(known):
        if found is not None and not again:
            yield "already there", found
        else:
            yield "downloaded", _downloaded(known, published)


def _downloaded(known: Network, published: WeightsFile) -> Path:
    with download_bar() as bar:
        task = bar.add_task(Path(published.name).name, total=published.size_bytes)
        try:
            return download(
                known,
                published,
                folders()[0],
                on_progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        except KeyboardInterrupt as interruption:
            interruption.add_note(f"fetch again to go on with {known.name}")
            raise


def _needed(known: Network) -> list[tuple[WeightsFile, Path | None]]:
    """The published files that a network needs, and where they are: of its weights the one that would be used."""
    weights = [find_published(known) or (known.weights[0], None)] if known.weights else []
    return [*weights, *((companion, find_file(companion, folders())) for companion in known.companions)]


def _files(known: Network) -> list[Path]:
    """The files that would be used, the weights first. Raises MissingWeightsError."""
    if known is BUILT_IN:
        return [Path(str(resources.files("reprise.weights") / f"{descriptor.NAME}.onnx"))]
    weights = find_weights(known)
    return [weights, *find_companions(known, weights)]


def _facts(known: Network) -> dict[str, Any]:
    needed = _needed(known)
    files = _files(known) if known is BUILT_IN else [path for _, path in needed if path is not None]
    return asdict(known) | {
        "files": [printable(path) for path in files],
        "missing": [published.name for published, path in needed if path is None],
        "doubts": _doubts(known),
    }


def _picture(known: Network) -> str:
    if isinstance(known.picture, int):
        return f"shorter side {known.picture}"
    width, height = known.picture
    return f"{width} x {height}"


def _whereabouts(known: Network) -> str:
    if known is BUILT_IN:
        return "part of Reprise"
    if not known.weights:
        return "to be given with --weights"
    needed = _needed(known)
    here = [path for _, path in needed if path is not None]
    return "here" if len(here) == len(needed) else "here in part" if here else "not here"


def _doubts(known: Network) -> list[str]:
    """What speaks against files that are here being those that are published."""
    found = [(path, doubt(published, path)) for published, path in _needed(known) if path is not None]
    return [
        f"{printable(path)}: not as published for {known.name}: {reason}; it is used all the same; `reprise models "
        f"fetch --again {known.name}` downloads the published one"
        for path, reason in found
        if reason
    ]


def _warn(known: Network) -> bool:
    """Says what speaks against files that are here; returns whether anything does."""
    doubts = _doubts(known)
    for message in doubts:
        complain(message)
    return bool(doubts)
