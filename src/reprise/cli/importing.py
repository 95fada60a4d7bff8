"""`reprise import`: exported vectors into a library."""

from __future__ import annotations

import click

import reprise
from reprise.cli import options
from reprise.cli.printing import counted, print_json, progress_bar, say, without
from reprise.cli.running import FAILED
from reprise.errors import printable
from reprise.exchange.importing import Imported


@click.command("import", short_help="Read exported vectors into a library, decoding nothing.")
@click.argument("folder", metavar="FOLDER", type=click.Path())
@click.option(
    "--new-ids",
    is_flag=True,
    help="Give the videos other ids: for videos of another machine whose paths are also those of others here.",
)
@options.model("the folder's; to be given where it has no export.json")
@options.fps("the folder's; to be given where it has no export.json")
@options.weights
@options.library
@options.json_lines
def import_videos(
    folder: str,
    new_ids: bool,
    model: str | None,
    fps: float | None,
    weights: str | None,
    library: str,
    as_json: bool,
) -> int:
    """Read a folder that `reprise export` wrote into a library, which is made if there is none; nothing is decoded.

    A folder of other programs is read as well: <name>.npy or .npz files with a matrix [frames, dim] each, or parquet
    files with columns video_id and embedding. --model and --fps say what these were made with. Videos that are in
    the library already are left as they are.
    """
    with reprise.open(library, model=model, fps=fps, weights=weights) as shelf, progress_bar() as bar:
        bar.add_task("importing", total=None)

        def tell(imported: Imported) -> None:
            if imported.reason:
                say(bar, imported.reason)
            if as_json:
                with without(bar):
                    reason = {"reason": imported.reason} if imported.reason else {}
                    print_json({"path": imported.path, "status": imported.status, **reason})

        report = shelf.import_from(folder, new_ids=new_ids, progress=tell)
    if not as_json:
        others = [f"{len(report.unchanged)} already there"] if report.unchanged else []
        others += [f"{len(report.failed)} failed"] if report.failed else []
        added = f"{counted(len(report.added), 'video')} added ({counted(report.frames, 'frame')})"
        click.echo(f"{printable(library)}: {', '.join([added, *others])}")
    return FAILED if report.failed else 0
