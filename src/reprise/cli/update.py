"""`reprise update`: the library follows its videos' files."""

from __future__ import annotations

import click

import reprise
from reprise.cli import options
from reprise.cli.printing import counted, print_json, progress_bar, say, without
from reprise.cli.running import FAILED
from reprise.decoding.limits import DecodeLimits
from reprise.errors import printable
from reprise.ingest import Outcome
from reprise.updating import UpdateReport


@click.command(short_help="Follow files that were changed, moved or renamed.")
@click.argument("paths", metavar="[PATH...]", nargs=-1, type=click.Path())
@click.option(
    "--prune",
    is_flag=True,
    help="Take videos out whose files are found nowhere. Files on a disk that is not there now are not found either.",
)
@options.library
@options.workers
@options.weights
@options.device
@options.limits
@options.json_lines
def update(
    paths: tuple[str, ...],
    prune: bool,
    library: str,
    workers: int | None,
    weights: str | None,
    device: str,
    limits: DecodeLimits,
    as_json: bool,
) -> int:
    """Follow files that were changed, moved or renamed since they were ingested.

    A file that has changed is embedded anew. One that lies elsewhere now is known by its content and kept under its
    new path, with nothing decoded. What is found nowhere is named and stays, unless --prune is given. Nothing new is
    added: that is for `reprise ingest`.

    PATH is a video or folder that is looked at, and where moved videos are looked for; without any, all videos of the
    library and the folders that they lie in.
    """
    with reprise.open(library, device=device, weights=weights, limits=limits) as shelf, progress_bar() as bar:
        bar.add_task("updating", total=None)

        def tell(outcome: Outcome) -> None:
            if outcome.reason:
                say(bar, outcome.reason if outcome.status == "failed" else f"{outcome.path}: {outcome.reason}")
            with without(bar):
                if as_json:
                    print_json(_json(outcome))
                elif line := _line(outcome):
                    click.echo(line)

        report = shelf.update(paths, workers=workers, prune=prune, progress=tell)
    if not as_json:
        click.echo(f"{printable(library)}: {_summary(report)}")
    return FAILED if report.failed else 0


def _line(outcome: Outcome) -> str:
    path = printable(outcome.path)
    if outcome.status == "moved":
        return f"moved {outcome.was} -> {path}"
    if outcome.status == "gone":
        return f"gone {path} (kept; its file is found nowhere)"
    if outcome.status == "removed":
        return f"removed {path} (its file is found nowhere)"
    return f"changed {path} ({counted(outcome.frames, 'frame')})" if outcome.status == "replaced" else ""


def _json(outcome: Outcome) -> dict[str, str]:
    answer = {"path": printable(outcome.path), "status": outcome.status}
    if outcome.was:
        answer["was"] = outcome.was
    if outcome.reason:
        answer["reason" if outcome.status == "failed" else "warning"] = outcome.reason
    return answer


def _summary(report: UpdateReport) -> str:
    told = [
        (len(report.unchanged), "unchanged"),
        (len(report.replaced), "changed"),
        (len(report.moved), "moved"),
        (len(report.gone), "gone"),
        (len(report.removed), "removed"),
        (len(report.failed), "failed"),
    ]
    counts = ", ".join(f"{count} {what}" for count, what in told if count) or "no video"
    new = f"; {counted(report.new, 'new file')} not added, `reprise ingest` does that" if report.new else ""
    return counts + new
