"""How the figures of VCSL look on the screen."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from reprise.cli.printing import plain_table, print_json, print_table
from reprise.errors import BenchmarkError, printable
from reprise.vcsl.protocol import Figures
from reprise.vcsl.published import PublishedScore
from reprise.vcsl.tuning import Tuned

TEXT_WIDTH = 110
FIGURES = ("recall", "precision", "F")


def percent(share: float | None) -> str:
    """A share from 0 to 1 in percent; a dash where there is none."""
    return "-" if share is None else f"{100 * share:.2f}"


def shown_parameters(parameters: Mapping[str, Any]) -> str:
    """`name value, name value`."""
    return ", ".join(f"{name} {value}" for name, value in parameters.items())


def print_model(model: str) -> None:
    """The paragraph that says how features were simulated, if they were."""
    for line in textwrap.wrap(model, TEXT_WIDTH):
        click.echo(line)


def print_figures(figures: Figures, features: str) -> None:
    """The figures of a run, in percent."""
    table = plain_table("%", *FIGURES, "FRR", "FAR", "features", texts=("features",))
    overall, macro = figures.overall, figures.macro
    table.add_row(
        "overall",
        *map(percent, (overall.recall, overall.precision, overall.f_score)),
        *map(percent, (overall.false_rejection_rate, overall.false_alarm_rate)),
        features,
    )
    if macro is not None:
        sets = f"macro, {macro.query_sets} query sets"
        table.add_row(sets, *map(percent, (macro.recall, macro.precision, macro.f_score)), "-", "-", features)
    print_table(table)


def print_tuned(rows: Sequence[Tuned], features: str) -> None:
    """The combinations of a grid, in percent."""
    table = plain_table("parameters", *FIGURES, "FRR", "FAR", "features", texts=("features",))
    for row in rows:
        overall = row.figures.overall
        table.add_row(
            shown_parameters(row.parameters),
            *map(percent, (overall.recall, overall.precision, overall.f_score)),
            *map(percent, (overall.false_rejection_rate, overall.false_alarm_rate)),
            features,
        )
    print_table(table)


def print_published(
    published: Sequence[PublishedScore],
    sources: Sequence[str],
    ours: Sequence[tuple[Path, dict[str, Any]]],
    *,
    as_json: bool,
) -> None:
    """The published table with rows of ours below it. Raises BenchmarkError for what is not a run's result."""
    overall = []
    for path, result in ours:
        figures = result.get("overall")
        if not isinstance(figures, dict) or not {"recall", "precision", "f_score"} <= figures.keys():
            raise BenchmarkError(f"{printable(path)}: not the result of a run")
        overall.append(figures)
    if as_json:
        rows = [asdict(row) for row in published]
        print_json({"published": rows, "sources": [*sources], "ours": [result for _, result in ours]})
        return
    texts = ("setting", "pairs", "features")
    table = plain_table("method", *texts, *FIGURES, texts=texts)
    for row in published:
        shown = (f"{value:.1f}" for value in (row.recall, row.precision, row.f_score))
        table.add_row(row.method, row.setting, row.test_set, "ISC, published", *shown)
    for (_, result), figures in zip(ours, overall, strict=True):
        table.add_row(
            f"ours: {result.get('aligner', 'predictions')}",
            shown_parameters(result.get("parameters") or {}),
            str(result.get("pairs", "")),
            str(result.get("features", "")),
            *map(percent, (figures["recall"], figures["precision"], figures["f_score"])),
        )
    print_table(table)
    for source in sources:
        click.echo(source)
