"""`reprise backup` and `reprise restore`: a library into one file, and out of it."""

from __future__ import annotations

import click

import reprise
from reprise.cli import options
from reprise.cli.printing import counted, print_json, progress_bar
from reprise.errors import printable
from reprise.stores.backup import BackupReport
from reprise.stores.backup import restore as restore_backup
from reprise.stores.place import Place


@click.command(short_help="Write the whole library into one file.")
@click.argument("file", type=click.Path())
@options.library
@options.json_lines
def backup(file: str, library: str, as_json: bool) -> int:
    """Write the whole library into one new FILE, with a checksum of everything.

    Everything is compared between the two stores on the way; a library that is not whole is not backed up. The file
    is there when it is complete. A library in a folder can be restored onto a Milvus server, and the reverse.
    """
    with reprise.open(library) as shelf, progress_bar() as bar:
        bar.add_task("backing up", total=None)
        report = shelf.backup(file)
    _tell(report, f"{printable(library)}: {{}} written to {report.file}", library, as_json)
    return 0


@click.command(short_help="Make a library from a backup.")
@click.argument("file", type=click.Path(exists=False))
@options.library
@options.json_lines
def restore(file: str, library: str, as_json: bool) -> int:
    """Make a library from the backup FILE, where there is none yet; the video files need not be there.

    All checksums are looked at first. Nothing is written over: the folder must be new or empty, the server without a
    library.
    """
    with progress_bar() as bar:
        bar.add_task("restoring", total=None)
        report = restore_backup(file, Place.of(library))
    _tell(report, f"{printable(library)}: {{}} restored from {report.file}", library, as_json)
    return 0


def _tell(report: BackupReport, sentence: str, library: str, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "library": printable(library),
                "file": report.file,
                "videos": report.videos,
                "frames": report.frames,
                "size": report.size,
            }
        )
        return
    size = f"{report.size / 1e6:.1f} MB" if report.size >= 1e6 else f"{report.size / 1e3:.1f} KB"
    click.echo(sentence.format(f"{counted(report.videos, 'video')}, {counted(report.frames, 'frame')}, {size}"))
