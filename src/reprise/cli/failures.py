"""How the files that could not be ingested are shown: `reprise list --failed`."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.text import Text

from reprise.cli.printing import counted, plain_table, print_json, print_table
from reprise.failures import KeptFailure


def print_failures(failures: Sequence[KeptFailure], *, as_json: bool) -> int:
    """The failures on stdout; returns the command's exit status."""
    if as_json:
        print_json(failure.to_json() for failure in failures)
        return 0
    if failures:
        table = plain_table("file", "failed (UTC)", "reason", texts=("reason",))
        for failure in failures:
            table.add_row(Text(failure.path), failure.failed_at[:16].replace("T", " "), Text(failure.reason))
        print_table(table)
    click.echo(f"{counted(len(failures), 'file')} failed")
    return 0
