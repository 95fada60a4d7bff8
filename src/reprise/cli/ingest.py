"""`reprise ingest`: videos into the library."""

from __future__ import annotations

import math
import os
import time

import click

import reprise
from reprise.cli import options
from reprise.cli.outcomes import outcome_json, remark
from reprise.cli.printing import counted, print_json, progress_bar, say, without
from reprise.cli.running import FAILED, complain, leave_at_once
from reprise.cli.watching import check_poll, watch_and_tell, watching
from reprise.decoding.limits import DecodeLimits
from reprise.errors import printable
from reprise.ingest import IngestReport, Outcome
from reprise.settings import EmbedSettings
from reprise.stores.lock import WAIT_VARIABLE
from reprise.times import clock

SKIPPED_NAMES = 5


@click.command(short_help="Put videos into the library, which is made if there is none.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@options.library
@options.model(f"the library's, {EmbedSettings().model} for a new one")
@options.fps(f"the library's, {EmbedSettings().fps:g} for a new one")
@options.workers
@click.option(
    "--ray",
    metavar="ADDRESS",
    default=None,
    help="Decode and embed on the Ray cluster there, HOST:PORT, ray://HOST:10001 or auto; --workers is then how many "
    "videos are under way.  [default for those: as many as keep it busy]",
)
@options.weights
@options.device
@options.limits
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TEXT",
    help="A word to remember with the videos, also those that are there already; repeatable.",
)
@click.option("--retry-failed", is_flag=True, help="Try files again that failed before and have not changed since.")
@click.option(
    "--audio/--no-audio",
    "audio",
    default=None,
    help="Also keep fingerprints of the sound, and make those that videos in the library lack.  [default: only of "
    "new videos, and only if the library has fingerprints]",
)
@watching
@options.json_lines
def ingest(
    paths: tuple[str, ...],
    library: str,
    model: str | None,
    fps: float | None,
    workers: int | None,
    ray: str | None,
    weights: str | None,
    device: str,
    limits: DecodeLimits,
    tags: tuple[str, ...],
    retry_failed: bool,
    audio: bool | None,
    watch: bool,
    poll: float | None,
    as_json: bool,
) -> int:
    """Put videos into the library, which is made if there is none.

    PATH is a video or a folder, which is searched to any depth. A video that is already there is left as it is
    unless its file has changed; one whose file was moved or renamed is found by its content, and keeps what is known
    of it. One that cannot be used is named, and the others are done. When interrupted,
    what was done is kept.

    A file that failed is remembered with the reason, and tried again when it has changed, after a week, or with
    --retry-failed; `reprise list --failed` shows them.

    With --watch it goes on until Ctrl-C or SIGTERM, and ingests what comes into the folders or changes there when it
    is complete: a file that is being written, or has the name of an unfinished download, such as .part, is left
    alone.
    """
    check_poll(watch, poll)
    if watch and ray is not None:
        raise click.UsageError("give either --watch or --ray: a watch embeds on this machine")
    if watch and retry_failed:
        raise click.UsageError("give either --watch or --retry-failed: a watch tries again what has changed")
    began = time.monotonic()
    if watch:
        wait_s = None if WAIT_VARIABLE in os.environ else math.inf
        shelf = reprise.open(
            library, model=model, fps=fps, device=device, weights=weights, wait_s=wait_s, limits=limits
        )
        report = watch_and_tell(shelf, paths, workers=workers, tags=tags, audio=audio, poll_s=poll, as_json=as_json)
        if not as_json:
            click.echo(f"{printable(library)}: {_summary(report)}; watched for {clock(time.monotonic() - began)}")
        leave_at_once(0)
    kept, total, embedding = 0, 0, False
    with (
        reprise.open(library, model=model, fps=fps, device=device, weights=weights, limits=limits) as shelf,
        progress_bar() as bar,
    ):
        row = bar.add_task("ingesting", total=None)

        def advance(outcome: Outcome, done: int, of: int) -> None:
            nonlocal kept, total, embedding
            kept, total = kept + (outcome.status != "failed"), of
            embedding |= outcome.frames > 0
            if embedding:
                bar.update(row, completed=done, total=of)
            else:
                # What needs no embedding comes first, is over at once and says nothing of the rate.
                bar.reset(row, completed=done, total=of, settled_before=done)
            if outcome.reason:
                say(bar, remark(outcome))
            if as_json:
                with without(bar):
                    print_json(outcome_json(outcome))

        try:
            report = shelf.ingest(
                paths, workers=workers, tags=tags, audio=audio, progress=advance, retry_failed=retry_failed, ray=ray
            )
        except KeyboardInterrupt as interruption:
            if total:
                interruption.add_note(
                    f"{kept} of {counted(total, 'video')} are in the library, ingest again for the rest"
                )
            raise
    if report.skipped:
        names = ", ".join(printable(path) for path in report.skipped[:SKIPPED_NAMES])
        more = ", ..." if len(report.skipped) > SKIPPED_NAMES else ""
        complain(f"{counted(len(report.skipped), 'other file')} left out, not videos by their names: {names}{more}")
    if not as_json:
        click.echo(f"{printable(library)}: {_summary(report)}; took {time.monotonic() - began:.1f} s")
    return FAILED if report.failed else 0


def _summary(report: IngestReport) -> str:
    stored = [f"{counted(len(report.added), 'video')} added"]
    stored += [f"{len(report.replaced)} replaced"] if report.replaced else []
    about = [clock(report.duration_s), counted(report.frames, "frame")] if report.frames else []
    about += [f"{len(report.warnings)} truncated"] if report.warnings else []
    others = [f"{len(report.moved)} moved"] if report.moved else []
    others += [f"{len(report.unchanged)} already there"] if report.unchanged else []
    others += [f"{len(report.heard)} now with their sound"] if report.heard else []
    others += [f"{len(report.elsewhere)} done by another process"] if report.elsewhere else []
    others += [f"{len(report.failed)} failed"] if report.failed else []
    return ", ".join([" and ".join(stored) + (f" ({', '.join(about)})" if about else ""), *others])
