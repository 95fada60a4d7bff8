"""Executes notebooks: python scripts/execute_notebooks.py [--check] NOTEBOOK..."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

TIMEOUT_S = 120  # of a cell
STARTS = 3  # a kernel's ports are chosen before it takes them: in between another program may
TOLERANCE = 0.05  # of numbers with decimals: networks and video encoders differ in the last digits between processors
NUMBER = re.compile(r"-?\d+\.\d+")
KEPT_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@click.command()
@click.argument("notebooks", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Change nothing, but tell what differs from the outputs that are kept.")
def main(notebooks: tuple[Path, ...], check: bool) -> None:
    """Execute NOTEBOOK, each in its folder and a Python of its own, and keep the outputs in it.

    Warnings, and paths of this machine in outputs, are faults: a line each, and exit status 1. Texts are compared
    word by word, numbers with decimals to within 0.05, pictures by how many there are.
    """
    if not (find_spec("nbclient") and find_spec("ipykernel")):
        click.echo("execute_notebooks: nbclient or ipykernel is not installed; pip install '.[notebooks]'", err=True)
        sys.exit(1)
    status = 0
    for path in notebooks:
        faults = list(check_or_keep(path, check=check))
        status = 1 if faults else status
        for fault in faults:
            click.echo(f"{path}: {fault}", err=True)
    sys.exit(status)


def check_or_keep(path: Path, *, check: bool) -> Iterator[str]:
    """What is wrong with the outputs of a notebook, a line each; with none and without `check` they are kept."""
    import nbformat

    kept = nbformat.read(path, as_version=4)
    fresh, complaint = _executed(path)
    if complaint:
        yield complaint
        return
    faults = [fault for cell in _code(fresh) for fault in _unfit(cell)]
    if check:
        faults += [
            fault
            for number, (before, after) in enumerate(zip(_code(kept), _code(fresh), strict=True), 1)
            for fault in _differences(before, after, number)
        ]
    elif not faults:
        fresh.metadata.clear()
        fresh.metadata.update(KEPT_METADATA)
        nbformat.write(fresh, path)
    yield from faults


def _executed(path: Path) -> tuple[Any, str]:
    """The notebook with new outputs, and why there are none; empty where there are."""
    import nbclient
    import nbformat
    from traitlets.config import Config

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.clear()
    client = nbclient.NotebookClient(
        notebook,
        timeout=TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.resolve().parent)}},
        record_timing=False,
        coalesce_streams=True,
        # The kernel listens on a port of this machine: without keys others who use it could listen in.
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
    )
    complaint = ""
    try:
        _start(client)
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        complaint = f"a cell failed ({error.ename}: {error.evalue})"
    except nbclient.exceptions.CellTimeoutError:
        complaint = f"a cell took more than {TIMEOUT_S} s"
    except RuntimeError as error:  # the kernel is dead
        complaint = f"its Python ended ({str(error).splitlines()[0]})"
    return notebook, complaint


def _start(client: Any) -> None:
    """Starts the Python that executes. Raises RuntimeError if it does not come up."""
    # A kernel that a user has installed under the same name may be another Python.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    client.log.disabled = True  # what it tells of a failed start is in the error
    for attempt in range(1, STARTS + 1):
        client.create_kernel_manager()
        # What cells write to stderr is among their outputs; this is the kernel's log.
        client.start_new_kernel(stderr=subprocess.DEVNULL)
        try:
            client.start_new_kernel_client()
        except RuntimeError:
            if attempt == STARTS:
                raise
        else:
            return


def _code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _unfit(cell: Any) -> Iterator[str]:
    """What outputs hold that is not for readers."""
    places = {str(Path.cwd()), str(Path.home()), tempfile.gettempdir()} - {"/"}
    for output in cell.outputs:
        text = _text(output)
        if output.output_type == "stream" and output.name == "stderr":
            yield f"cell {cell.execution_count} warns: {text.strip().splitlines()[0]}"
        elif named := sorted(place for place in places if f"{place}/" in text):
            yield f"cell {cell.execution_count} tells a path of this machine: {named[0]}"


def _differences(before: Any, after: Any, number: int) -> Iterator[str]:
    kinds = [[(output.output_type, *sorted(output.get("data", ()))) for output in c.outputs] for c in (before, after)]
    if kinds[0] != kinds[1]:
        yield f"code cell {number} gives other outputs than are kept: {kinds[1]}, not {kinds[0]}"
        return
    for one, other in zip(before.outputs, after.outputs, strict=True):
        for kept_line, line in zip(*_padded(_text(one).splitlines(), _text(other).splitlines()), strict=True):
            if not _alike(kept_line, line):
                yield f"code cell {number} says {line!r}, kept is {kept_line!r}"


def _text(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    return str(output.get("data", {}).get("text/plain", ""))


def _padded(one: list[str], other: list[str]) -> tuple[list[str], list[str]]:
    length = max(len(one), len(other))
    return one + [""] * (length - len(one)), other + [""] * (length - len(other))


def _alike(one: str, other: str) -> bool:
    # Columns move with the length of their numbers.
    words = [" ".join(NUMBER.sub("#", line).split()) for line in (one, other)]
    numbers = [[float(number) for number in NUMBER.findall(line)] for line in (one, other)]
    return words[0] == words[1] and all(abs(a - b) <= TOLERANCE for a, b in zip(*numbers, strict=True))


if __name__ == "__main__":
    main()
