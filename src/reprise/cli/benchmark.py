"""`reprise benchmark`: public benchmarks, run as their authors say."""

from __future__ import annotations

import click

from reprise.cli.vcsl import vcsl


@click.group(short_help="Run a public benchmark of segment-level copy detection.")
def benchmark() -> None:
    """Run a public benchmark of segment-level copy detection, by its own protocol and with its own files."""


benchmark.add_command(vcsl)
