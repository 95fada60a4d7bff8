"""`reprise matrix`: how alike all videos of a folder are to each other."""

from __future__ import annotations

from typing import Any

import click

from reprise import DecodeLimits, EmbedSettings
from reprise.cli import options
from reprise.cli.matrix_printing import print_candidates, print_similarity_table, write_csv
from reprise.cli.printing import print_json, progress_bar, say
from reprise.cli.running import FAILED
from reprise.errors import SettingsError, printable
from reprise.matrix import DEFAULT_DISTANCE, MatrixSettings, SimilarityMatrix
from reprise.matrix import matrix as compare_all
from reprise.matrix_picture import check_picture, write_picture
from reprise.short_names import short_names


@click.command(short_help="Compare all videos of a folder with each other.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@options.model(EmbedSettings().model)
@options.fps(f"{EmbedSettings().fps:g}")
@options.regions
@click.option(
    "--quick", is_flag=True, help="Compare one vector a video, of its key frames: quick, and blind to short copies."
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="Compare each video with its N likeliest only: those that hold the most frames near to its own.",
)
@click.option(
    "--max-distance",
    type=click.FloatRange(0, 2),
    default=None,
    help="With --top, how far near frames may be: the Euclidean distance of their vectors, 0 to 2.  "
    f"[default: {DEFAULT_DISTANCE:g}]",
)
@options.workers
@options.weights
@options.device
@options.limits
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(dir_okay=False),
    default=None,
    metavar="FILE",
    help="Write the table to a CSV file as well.",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False),
    default=None,
    metavar="FILE.png",
    help="Draw the table as a heat map as well; needs the extra `pictures`.",
)
@options.json_lines
def matrix(
    paths: tuple[str, ...],
    model: str | None,
    fps: float | None,
    regions: bool,
    quick: bool,
    top: int | None,
    max_distance: float | None,
    workers: int | None,
    weights: str | None,
    device: str,
    limits: DecodeLimits,
    csv_file: str | None,
    picture: str | None,
    as_json: bool,
) -> int:
    """Compare all videos of a folder with each other.

    PATH is a video or a folder, which is searched to any depth. Each video is decoded and embedded once. Similarities
    are from -1 to 1 and those of `reprise compare`; a row is the video that is asked about, a column what it is
    compared with. A video that cannot be read is named, and the others are compared.

    Without --top all pairs are compared, which are ten thousand for a hundred and forty videos; with --top at most N
    a video. Candidates are found by one vector a frame, so that --top saves most by regions and with ViSiL.
    """
    if max_distance is not None and top is None:
        raise SettingsError("--max-distance says which frames make candidates; give --top as well")
    settings = MatrixSettings(top, DEFAULT_DISTANCE if max_distance is None else max_distance)
    embedding = options.embedding(model, fps, weights, device, limits, regions=regions, quick=quick)
    if picture is not None:
        check_picture(picture)
    with progress_bar() as bar:
        rows = {step: bar.add_task(step, total=None, visible=False) for step in ("embedding", "comparing")}

        def advance(step: str, done: int, of: int) -> None:
            bar.update(rows[step], completed=done, total=of, visible=True)

        found = compare_all(paths, embedding=embedding, settings=settings, workers=workers, progress=advance)
        for failure in found.failed:
            say(bar, failure.reason)
        for warning in found.warnings:
            say(bar, f"{printable(warning.path)}: {warning.reason}")
    names = short_names([printable(video) for video in found.videos])
    if csv_file is not None:
        write_csv(csv_file, found)
    if picture is not None:
        write_picture(picture, names, found.similarity)
    if as_json:
        print_json(_json(found, index) for index in range(len(found.videos)))
    elif top is not None:
        print_candidates(names, found)
    else:
        print_similarity_table(names, found.similarity)
    return FAILED if found.failed else 0


def _json(found: SimilarityMatrix, index: int) -> dict[str, Any]:
    similar = [
        {"video": printable(one.video), "similarity": round(one.similarity, 4)}
        | ({} if one.near_frames is None else {"near_frames": one.near_frames})
        for one in found.similar_to(index)
    ]
    return {"video": printable(found.videos[index]), "similar": similar}
