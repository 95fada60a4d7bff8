"""Where results go beside the screen: a page, a table, cut lists. The same options for `query` and `compare`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from reprise.cli.running import complain
from reprise.errors import SettingsError, printable
from reprise.evidence import QueryEvidence
from reprise.report.cut_lists import opentimelineio, write_edl, write_otio
from reprise.report.files import write_whole
from reprise.report.page import PAGE_NAME, ReportFacts, write_report
from reprise.report.tables import csv_of
from reprise.segment import QueryResult

Command = Callable[..., Any]
_FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files that were asked for."""

    report: Path | None
    clips: bool
    csv: Path | None
    edl: Path | None
    otio: Path | None

    def check(self) -> None:
        """Raises SettingsError for what does not go together, MissingExtraError for a file that needs a library that
        is not here: before anything is decoded.
        """
        if self.clips and self.report is None:
            raise SettingsError("--clips cuts the clips of a report; give --report DIR too")
        if self.otio is not None:
            opentimelineio()
        for path in (self.csv, self.edl, self.otio):
            if path is not None and not path.parent.is_dir():
                raise SettingsError(f"{printable(path)}: there is no folder {printable(path.parent)}; make it first")

    def write(self, results: Sequence[QueryResult], evidence: Sequence[QueryEvidence], facts: ReportFacts) -> None:
        """Writes all of them. Raises ReprisError for a file that cannot be written."""
        if self.csv is not None:
            write_whole(self.csv, csv_of(results))
        if self.edl is not None:
            write_edl(results, self.edl)
        if self.otio is not None:
            write_otio(results, self.otio)
        if self.report is not None:
            for warning in write_report(self.report, evidence, facts, with_clips=self.clips):
                complain(warning)
            click.echo(f"report: {printable(self.report / PAGE_NAME)}", err=True)


def outputs(command: Command) -> Command:
    """Adds the options; the command gets them as one Outputs, its argument `files`."""

    @functools.wraps(command)
    def collected(*arguments: Any, **values: Any) -> Any:
        files = Outputs(**{field.name: values.pop(field.name) for field in fields(Outputs)})
        files.check()
        return command(*arguments, files=files, **values)

    options: list[Callable[[Command], Command]] = [
        click.option(
            "--report",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help=f"Write a page to look at, DIR/{PAGE_NAME}: thumbnails, timelines, similarity maps.",
        ),
        click.option("--clips", is_flag=True, help="Put clips of both sides into the report."),
        click.option("--csv", type=_FILE, metavar="FILE", help="Write the segments as a table."),
        click.option("--edl", type=_FILE, metavar="FILE", help="Write a cut list, CMX 3600, at 25 frames a second."),
        click.option("--otio", type=_FILE, metavar="FILE", help="Write a cut list, OpenTimelineIO."),
    ]
    decorated: Command = collected
    for option in reversed(options):
        decorated = option(decorated)
    return decorated
