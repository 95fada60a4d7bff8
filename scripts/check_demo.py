"""Shows what a search found in the demo's queries beside what is planted there:

reprise query DEMO/queries --json > ANSWERS; python scripts/check_demo.py DEMO ANSWERS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TextIO

import click

from reprise.cli.printing import counted, plain_table, print_table
from reprise.demo.videos import ComparedCopy, compare_with_planted, read_planted
from reprise.errors import ReprisError


@click.command()
@click.argument("demo", type=click.Path(file_okay=False, path_type=Path))
@click.argument("answers", type=click.File())
def main(demo: Path, answers: TextIO) -> None:
    """Compare ANSWERS, the output of `reprise query --json` on DEMO/queries, with what is planted in DEMO."""
    try:
        planted = read_planted(demo)
        lines = [json.loads(line) for line in answers]
    except (ReprisError, ValueError) as error:
        click.echo(f"check_demo: {error}", err=True)
        sys.exit(1)
    found = {
        _below(answer["query"], demo): {
            _below(match["reference"], demo): [part["segment"] for part in match["segments"]]
            for match in answer["matches"]
        }
        for answer in lines
    }
    rows = compare_with_planted(found, planted)
    # In seconds, narrow enough for 80 columns; where each copy is from stands in the answers themselves.
    table = plain_table("query", "planted", "found", "overlap")
    for row in rows:
        table.add_row(
            Path(row.query).stem,
            _times(row.planted),
            _times(row.found),
            f"{row.overlap:.0%}",
        )
    print_table(table)
    copies = [row for row in rows if row.planted is not None]
    hits = sum(row.found is not None for row in copies)
    alarms = sum(_is_false_alarm(row) for row in rows)
    click.echo(f"{hits} of {len(copies)} planted copies found, {counted(alarms, 'false alarm')}")


def _is_false_alarm(row: ComparedCopy) -> bool:
    return row.planted is None and row.found is not None


def _below(path: str, demo: Path) -> str:
    return Path(path).resolve().relative_to(demo.resolve()).as_posix()


def _times(segment: tuple[float, ...] | None) -> str:
    if segment is None:
        return "-"
    q_start, r_start, q_end, r_end = segment
    return f"{q_start:.1f}-{q_end:.1f} / {r_start:.1f}-{r_end:.1f}"


if __name__ == "__main__":
    main()
