"""The command line: one module a command; each parses, calls the library and prints.

Exit status: 0 on success, 1 when some input failed, 2 on wrong usage, 130 when interrupted.
"""

from __future__ import annotations

import sys

import click

from reprise.cli.compare import compare
from reprise.cli.info import info
from reprise.cli.ingest import ingest
from reprise.cli.list import list_videos
from reprise.cli.query import query
from reprise.cli.remove import remove
from reprise.cli.running import run_command
from reprise.cli.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="reprise", message="reprise %(version)s")
def commands() -> None:
    """Finds which seconds of a video are copied from which seconds of the videos you already have.

    Put the videos you have into a library with `ingest`, then ask about others with `query`.
    """


for command in (ingest, query, compare, list_videos, info, remove, verify):
    commands.add_command(command)


def main() -> None:
    """The `reprise` command."""
    sys.exit(run_command(commands, prog_name="reprise"))
