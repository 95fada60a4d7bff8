"""`reprise benchmark vcsl`: VCSL's protocol over its own files, with any aligner; tuning; the published figures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from reprise.cli.printing import counted, print_json
from reprise.cli.running import FAILED, complain
from reprise.cli.vcsl_options import RunOptions, grid, run_options
from reprise.cli.vcsl_printing import print_figures, print_model, print_published, print_tuned, shown_parameters
from reprise.cli.vcsl_running import Run, predicted, prepared
from reprise.errors import printable
from reprise.vcsl.findings import Finding
from reprise.vcsl.protocol import Figures, given_predictions, score
from reprise.vcsl.published import PUBLISHED, SOURCES
from reprise.vcsl.tuning import combinations, ranked
from reprise.vcsl.work_folder import read_json, write_json

RESULT_NAME, PREDICTIONS_NAME, BEST_NAME, TABLE_NAME = "result.json", "predictions.json", "best.json", "table.json"


@click.group(invoke_without_command=True, short_help="Run VCSL's protocol with any aligner.")
@run_options(split="test", seed=0, work="vcsl-work")
@click.option(
    "--predictions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Predictions, JSON: scored as they are, nothing is aligned.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Where the predictions are written.  [default: {PREDICTIONS_NAME} in the work folder]",
)
@click.pass_context
def vcsl(context: click.Context, options: RunOptions, predictions: Path | None, out: Path | None) -> int:
    """Run the protocol of VCSL: predict the copied segments of its pairs and score them.

    Needs --labels, and one of --features, --videos, --maps, --predictions and --simulate. Pairs that cannot be done
    are listed, and count as pairs with nothing predicted; then the exit status is 1.

    \b
      reprise benchmark vcsl --labels label_file.json --pairs pair_file_test.csv --features features
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before(context)
        return 0
    began = time.monotonic()
    run = prepared(options, predictions)
    result = run.to_json()
    if predictions is not None:
        found = given_predictions(run.annotation, predictions)
    else:
        found = predicted(run, [run.parameters])
    figures = score(run.annotation, found.of_setting(0))
    findings = [*run.findings, *found.findings]
    result |= figures.to_json() | {"findings": [finding.to_json() for finding in findings]}
    rest = ": all with --json"
    if predictions is None:
        path = out or options.work / PREDICTIONS_NAME
        write_json(path, found.of_setting(0))
        result["predictions"] = printable(path)
        write_json(options.work / RESULT_NAME, result)
        rest = f": all in {printable(options.work / RESULT_NAME)}"
    if options.as_json:
        print_json(result)
    else:
        _print_run(run, figures, result, time.monotonic() - began)
    return _report(findings, rest)


@vcsl.command(short_help="Choose an aligner's parameters on a split.")
@run_options(split="val", seed=1, work="vcsl-tune")
@click.option(
    "--grid",
    "values",
    multiple=True,
    metavar="NAME=V1,V2,...",
    callback=grid,
    help="Values of a parameter that are tried, with all values of the others; repeatable.  [default: the aligner's]",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Where the best parameters are written.  [default: {BEST_NAME} in the work folder]",
)
def tune(options: RunOptions, values: dict[str, list[Any]], out: Path | None) -> int:
    """Run every combination of a grid of parameters over the pairs, and rank the combinations by F.

    The best is written as JSON, which the run takes with --parameters. Tune on the pairs of the val split, and
    simulations with another seed than that of the run.
    """
    began = time.monotonic()
    run = prepared(options, None)
    settings = combinations(run.aligner, values, run.parameters)
    found = predicted(run, settings)
    table = ranked(run.annotation, found, settings)
    findings = [*run.findings, *found.findings]
    best = {"aligner": run.aligner, "parameters": table[0].parameters, "features": run.features}
    path = out or options.work / BEST_NAME
    write_json(path, best | {"f_score": table[0].figures.overall.f_score, "pairs": len(run.annotation.pairs)})
    rows = [{"parameters": one.parameters, **one.figures.to_json()} for one in table]
    result = run.to_json() | {"best": printable(path), "combinations": rows}
    result["findings"] = [finding.to_json() for finding in findings]
    write_json(options.work / TABLE_NAME, result)
    if options.as_json:
        print_json(result)
    else:
        click.echo(f"VCSL: {counted(len(table), 'combination')} for {run.aligner} over {_pairs(run)}{run.mark}")
        print_model(run.model)
        print_tuned(table, run.features)
        click.echo(f"best parameters: {printable(path)}; took {time.monotonic() - began:.1f} s")
    return _report(findings, f": all in {printable(options.work / TABLE_NAME)}")


@vcsl.command(short_help="Show the published figures, and ours beside them.")
@click.argument(
    "results", metavar="[RESULT]...", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def published(results: tuple[Path, ...], as_json: bool) -> int:
    """Show what has been published on VCSL, with the figures of our runs beside it.

    RESULT is the result.json of a run's work folder, or what a run printed with --json.
    """
    ours = [read_json(path) for path in results]
    print_published(PUBLISHED, SOURCES, list(zip(results, ours, strict=True)), as_json=as_json)
    return 0


def _refuse_options_before(context: click.Context) -> None:
    for parameter in context.command.params:
        if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"give {parameter.opts[0]} after {context.invoked_subcommand}, not before", context
            )


def _pairs(run: Run) -> str:
    return f"{counted(len(run.annotation.pairs), 'pair')}, {run.annotation.positives} with a copy"


def _print_run(run: Run, figures: Figures, result: dict[str, Any], took_s: float) -> None:
    click.echo(f"VCSL: {_pairs(run)}{run.mark}")
    if run.aligner:
        click.echo(f"aligner: {run.aligner} ({shown_parameters(run.parameters) or 'its own defaults'})")
    print_model(run.model)
    print_figures(figures, run.features)
    for message in figures.overall.messages:
        click.echo(message)
    if "predictions" in result:
        click.echo(f"predictions: {result['predictions']}; took {took_s:.1f} s")


def _report(findings: list[Finding], rest: str) -> int:
    for finding in findings:
        for line in finding.lines(rest):
            complain(line)
    return FAILED if any(finding.is_fault for finding in findings) else 0
