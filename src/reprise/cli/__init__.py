"""The command line: one module a command; each parses, calls the library and prints.

Exit status: 0 on success, 1 when some input failed, 2 on wrong usage, 130 when interrupted.
"""

from __future__ import annotations

import click

from reprise.cli.benchmark import benchmark
from reprise.cli.compare import compare
from reprise.cli.dedupe import dedupe
from reprise.cli.info import info
from reprise.cli.ingest import ingest
from reprise.cli.list import list_videos
from reprise.cli.matrix import matrix
from reprise.cli.models import models
from reprise.cli.query import query
from reprise.cli.remove import remove
from reprise.cli.running import leave, run_command
from reprise.cli.search import search
from reprise.cli.serve import serve
from reprise.cli.verify import verify


class _InOrder(click.Group):
    """A group that lists its commands in the order in which one needs them, not by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [*self.commands]


@click.group(cls=_InOrder)
@click.version_option(package_name="reprise", message="reprise %(version)s")
def commands() -> None:
    """Finds which seconds of a video are copied from which seconds of the videos you already have.

    Put the videos you have into a library with `ingest`, then ask about others with `query`.

    \b
      reprise ingest my-videos/
      reprise query clip.mp4

    Exit status: 0 if all went well, 1 if something failed, 2 on wrong usage, 130 when interrupted.
    """


for command in (
    ingest,
    query,
    search,
    compare,
    matrix,
    dedupe,
    list_videos,
    info,
    remove,
    verify,
    serve,
    models,
    benchmark,
):
    commands.add_command(command)


def main() -> None:
    """The `reprise` command."""
    leave(run_command(commands, prog_name="reprise"))
