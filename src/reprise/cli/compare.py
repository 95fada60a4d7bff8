"""`reprise compare`: two videos against each other."""

from __future__ import annotations

import click

from reprise import DecodeLimits, EmbedSettings, QuerySettings
from reprise.cli import options
from reprise.cli.outputs import Outputs, outputs
from reprise.cli.printing import print_json, print_result
from reprise.cli.running import complain
from reprise.comparison import compare_with_evidence
from reprise.report.page import ReportFacts


@click.command(short_help="Find the segments of one video that are copied from another.")
@click.argument("a", metavar="A", type=click.Path())
@click.argument("b", metavar="B", type=click.Path())
@options.model(EmbedSettings().model)
@options.fps(f"{EmbedSettings().fps:g}")
@options.regions
@options.aligner
@options.min_score
@options.refine
@click.option("--no-audio", is_flag=True, help="Do not compare the sound.")
@options.weights
@options.device
@options.limits
@outputs
@options.json_lines
def compare(
    a: str,
    b: str,
    model: str | None,
    fps: float | None,
    regions: bool,
    aligner: str,
    min_score: float | None,
    refine: bool,
    no_audio: bool,
    weights: str | None,
    device: str,
    limits: DecodeLimits,
    files: Outputs,
    as_json: bool,
) -> int:
    """Find the segments of video A that are copied from video B, without a library.

    Also says how alike the two videos are as wholes, from -1 to 1: the mean similarity of each frame with the most
    similar frame of the other video, both ways averaged; with --model visil, ViSiL's own score of A against B.

    Where both have sound it tells whether the copied pictures have the same audio, and what sounds the same under
    other pictures.

    A video against itself tells what comes in it again: replays, loops, what is shown twice.
    """
    embedding = options.embedding(model, fps, weights, device, limits, regions=regions)
    settings = QuerySettings(aligner=aligner, min_score=min_score, refine=refine, audio=not no_audio)
    evidence = compare_with_evidence(a, b, embedding=embedding, settings=settings)
    result = evidence.result
    if result.warning:
        complain(result.warning)
    if as_json:
        print_json(result.to_json())
    else:
        print_result(result)
    files.write([result], [evidence], ReportFacts("", embedding.identity, embedding.fps))
    return 0
