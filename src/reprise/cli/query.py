"""`reprise query`: which seconds of these videos are copied from which videos of the library."""

from __future__ import annotations

import click

import reprise
from reprise import DecodeLimits, QueryResult, QuerySettings
from reprise.cli import options
from reprise.cli.outputs import Outputs, outputs
from reprise.cli.printing import print_json, print_result, progress_bar, say, without
from reprise.cli.running import FAILED
from reprise.errors import LibraryError, ReprisError, printable
from reprise.evidence import QueryEvidence
from reprise.report.page import ReportFacts
from reprise.scanning import find_videos


@click.command(short_help="Find the segments of videos that are copied from the library.")
@click.argument("videos", metavar="VIDEO...", nargs=-1, required=True, type=click.Path())
@options.library
@click.option(
    "--top-k",
    type=click.IntRange(min=1),
    default=QuerySettings().top_k,
    show_default=True,
    help="Candidate videos that are looked at closely.",
)
@options.aligner
@options.min_score
@options.refine
@click.option("--skip-start", type=float, default=0, metavar="S", help="Seconds at the start of VIDEO to leave out.")
@click.option("--skip-end", type=float, default=0, metavar="S", help="Seconds at the end of VIDEO to leave out.")
@click.option(
    "--show-rejected", is_flag=True, help="Tell what was marked as no copy with `reprise reject` all the same."
)
@options.no_audio
@options.weights
@options.device
@options.limits
@outputs
@options.json_lines
def query(
    videos: tuple[str, ...],
    library: str,
    top_k: int,
    aligner: str,
    min_score: float | None,
    refine: bool,
    skip_start: float,
    skip_end: float,
    show_rejected: bool,
    no_audio: bool,
    weights: str | None,
    device: str,
    limits: DecodeLimits,
    files: Outputs,
    as_json: bool,
) -> int:
    """Find the segments of VIDEO that are copied from videos of the library.

    VIDEO is a video or a folder of videos. A video that cannot be read is named, and the others are done.
    """
    settings = QuerySettings(
        top_k=top_k,
        aligner=aligner,
        min_score=min_score,
        refine=refine,
        show_rejected=show_rejected,
        skip_start_s=skip_start,
        skip_end_s=skip_end,
        audio=not no_audio,
    )
    with reprise.open(library, device=device, weights=weights, limits=limits) as shelf, progress_bar() as bar:
        shelf.require()
        found = find_videos(videos)
        for failure in found.failures:
            say(bar, failure.reason)
        failures = [failure.reason for failure in found.failures]
        results: list[QueryResult] = []
        evidence: list[QueryEvidence] = []
        row = bar.add_task("querying", total=len(found.videos))
        for path in found.videos:
            try:
                if files.report is None:
                    result = shelf.query(path, settings)
                else:
                    evidence.append(shelf.query_with_evidence(path, settings))
                    result = evidence[-1].result
            except LibraryError:
                raise
            except ReprisError as error:
                say(bar, str(error))
                failures.append(str(error))
            else:
                results.append(result)
                if result.warning:
                    say(bar, f"{result.query}: {result.warning}")
                with without(bar):
                    if as_json:
                        print_json(result.to_json())
                    else:
                        print_result(result)
            bar.advance(row)
        facts = ReportFacts(printable(library), shelf.info().model, shelf.info().fps, tuple(failures))
    files.write(results, evidence, facts)
    return FAILED if failures else 0
