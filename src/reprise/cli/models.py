"""`reprise models`: the networks, their weights, and where these are."""

from __future__ import annotations

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
from reprise.errors import ReprisError, SettingsError, printable
from reprise.models.catalogue import BUILT_IN, NETWORKS, network
from reprise.models.fetching import fetch as download
from reprise.models.network import Network
from reprise.models.weights import doubt, find_published, find_weights, folders


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
            status, path = _fetched(known, again=again)
        except SettingsError:
            raise
        except ReprisError as error:
            complain(str(error))
            failed = True
            continue
        if as_json:
            print_json({"name": known.name, "status": status, "file": printable(path)})
        else:
            click.echo(f"{known.name}: {status}: {printable(path)} ({decimal(path.stat().st_size)})")
        failed |= status == "already there" and _warn(known)
    return FAILED if failed else 0


@models.command(short_help="Print where a network's weights are.")
@click.argument("name")
@options.json_lines
def path(name: str, as_json: bool) -> int:
    """Print the file with the weights of the network NAME that the other commands would use."""
    known = network(name)
    found = _file(known)
    if as_json:
        print_json({"name": known.name, "file": printable(found)})
    else:
        click.echo(printable(found))
    _warn(known)
    return 0


def _fetched(known: Network, *, again: bool) -> tuple[str, Path]:
    """What was done for a network's weights, and where they are now."""
    if known is BUILT_IN:
        return "part of Reprise", _file(known)
    found = find_published(known)
    if (found is not None and not again) or not known.weights:
        return "already there", find_weights(known)
    published = known.weights[0]
    with download_bar() as bar:
        task = bar.add_task(known.name, total=published.size_bytes)
        try:
            path = download(
                known,
                published,
                folders()[0],
                on_progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        except KeyboardInterrupt as interruption:
            interruption.add_note(f"fetch again to go on with {known.name}")
            raise
    return "downloaded", path


def _file(known: Network) -> Path:
    """The file that would be used. Raises MissingWeightsError."""
    if known is BUILT_IN:
        return Path(str(resources.files("reprise.weights") / f"{descriptor.NAME}.onnx"))
    return find_weights(known)


def _facts(known: Network) -> dict[str, Any]:
    facts = asdict(known)
    found = find_published(known)
    place = _file(known) if known is BUILT_IN else found and found[1]
    return facts | {"file": place and printable(place), "doubt": doubt(*found) if found else ""}


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
    return "here" if find_published(known) else "not here"


def _warn(known: Network) -> bool:
    """Says so if the weights that are here are not those that are published; returns whether that was said."""
    found = find_published(known)
    wrong = found and doubt(*found)
    if found and wrong:
        complain(
            f"{printable(found[1])}: not the published weights of {known.name}: {wrong}; they are used all the same; "
            f"`reprise models fetch --again {known.name}` downloads the published ones"
        )
    return bool(wrong)
