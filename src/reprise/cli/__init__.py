"""The command line: one module a command; each parses, calls the library and prints.

Exit status: 0 on success, 1 when some input failed, 2 on wrong usage, 130 when interrupted.
"""

from __future__ import annotations

import click

from reprise.cli.late import Late, LateGroup
from reprise.cli.running import leave, run_command

# In the order in which one needs them.
COMMANDS = {
    "ingest": Late("reprise.cli.ingest:ingest", "Put videos into the library, which is made if there is none."),
    "query": Late("reprise.cli.query:query", "Find the segments of videos that are copied from the library."),
    "search": Late("reprise.cli.search:search", "Find the clips that a text or a picture describes."),
    "compare": Late("reprise.cli.compare:compare", "Find the segments of one video that are copied from another."),
    "matrix": Late("reprise.cli.matrix:matrix", "Compare all videos of a folder with each other."),
    "list": Late("reprise.cli.list:list_videos", "List the videos of the library."),
    "info": Late("reprise.cli.info:info", "Tell what the library, or one of its videos, is."),
    "remove": Late("reprise.cli.remove:remove", "Take videos out of the library; their files are not touched."),
    "verify": Late("reprise.cli.verify:verify", "Check that the library is whole."),
    "serve": Late("reprise.cli.serve:serve", "Serve the library over HTTP, with a web page."),
    "models": Late("reprise.cli.models:models", "List the networks, and fetch their weights."),
    "benchmark": Late("reprise.cli.benchmark:benchmark", "Run a public benchmark of segment-level copy detection."),
}


@click.group(cls=LateGroup, late=COMMANDS)
@click.version_option(package_name="reprise", message="reprise %(version)s")
def commands() -> None:
    """Finds which seconds of a video are copied from which seconds of the videos you already have.

    Put the videos you have into a library with `ingest`, then ask about others with `query`.

    \b
      reprise ingest my-videos/
      reprise query clip.mp4

    Exit status: 0 if all went well, 1 if something failed, 2 on wrong usage, 130 when interrupted.
    """


def main() -> None:
    """The `reprise` command."""
    leave(run_command(commands, prog_name="reprise"))
