"""`reprise ingest --watch`: tells of every video as it is done, until it is interrupted."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from reprise.cli.interrupts import interrupted_by
from reprise.cli.outcomes import outcome_json, remark
from reprise.cli.printing import counted, print_json
from reprise.cli.running import complain
from reprise.errors import printable
from reprise.ingest import IngestReport, Outcome
from reprise.library import Library
from reprise.times import clock


def watching(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--watch` and `--poll`."""
    for option in (
        click.option(
            "--poll",
            type=click.FloatRange(min=0.1),
            default=None,
            metavar="SECONDS",
            help="With --watch: how often to look, where the system does not tell, as on network drives.  "
            "[default: 5 there, else 60]",
        ),
        click.option(
            "--watch", is_flag=True, help="Go on, and ingest what comes into the folders when it is complete."
        ),
    ):
        command = option(command)
    return command


def check_poll(watch: bool, poll: float | None) -> None:
    """Raises click's UsageError for a `--poll` that means nothing."""
    if poll is not None and not watch:
        raise click.UsageError("--poll is for --watch")


def watch_and_tell(
    library: Library,
    paths: Sequence[str],
    *,
    workers: int | None,
    tags: Sequence[str],
    audio: bool | None,
    poll_s: float | None,
    as_json: bool,
) -> IngestReport:
    """Watches until Ctrl-C or SIGTERM; gives what became of all videos by then."""
    report = IngestReport()

    def settle(outcome: Outcome) -> None:
        report.record(outcome)
        if outcome.reason:
            complain(remark(outcome))
        if as_json:
            print_json(outcome_json(outcome))
        elif outcome.status in {"added", "replaced"}:
            length = f"{clock(outcome.duration_s)}, {counted(outcome.frames, 'frame')}"
            click.echo(f"{outcome.status} {printable(outcome.path)} ({length})")
        sys.stdout.flush()  # whoever reads it through a pipe waits for this line

    try:
        with interrupted_by(signal.SIGTERM):
            library.watch(paths, workers=workers, tags=tags, audio=audio, poll_s=poll_s, settle=settle)
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            click.echo(err=True)  # after the ^C
    return report
