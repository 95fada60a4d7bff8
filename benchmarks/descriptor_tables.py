"""The descriptor benchmark's figures as tables of at most 100 columns and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from descriptor_trial import Contest, Trial
from frame_edits import BASIC, EDITS, strengths_of
from photometric_edits import STRENGTHS
from ranking import figures, precision_by_score

TRIALS_A_TABLE = 5
MIN_SCORES = [step / 20 for step in range(19, 3, -1)]  # 0.95 down to 0.20


def print_tables(contests: Sequence[Contest]) -> None:
    """All tables, on stdout; the last one is of the first descriptor, with its query parts if it has any."""
    trials = [trial for contest in contests for trial in contest.trials]
    for start in range(0, len(trials), TRIALS_A_TABLE):
        _print_by_edit(trials[start : start + TRIALS_A_TABLE])
    _print_overall(contests)
    for trial in contests[0].trials:
        _print_by_score(trial)


def as_json(contests: Iterable[Contest]) -> dict[str, Any]:
    """Every figure by descriptor, edit and strength; shares are 0 to 1."""
    return {
        trial.name: {
            "dimension": contest.dimension,
            "ms_a_frame": contest.ms_a_frame,
            "vectors_a_query": trial.vectors / trial.queries,
            "all": asdict(figures(trial.of_basic())),
            "strengths": {strength: asdict(figures(trial.of_basic(strength))) for strength in STRENGTHS},
            "edits": {edit: _edit_as_json(trial, edit) for edit in EDITS},
            "precision_by_score": [asdict(row) for row in precision_by_score(trial.of_basic(), MIN_SCORES)],
        }
        for contest in contests
        for trial in contest.trials
    }


def _edit_as_json(trial: Trial, edit: str) -> dict[str, Any]:
    levels = {name: asdict(figures(trial.of([edit], name))) for name in strengths_of(edit) if name}
    return {**asdict(figures(trial.of([edit]))), "strengths": levels}


def _print_by_edit(trials: Sequence[Trial]) -> None:
    print("\n" + " " * 24 + "".join(f"{trial.name[:14]:>15}" for trial in trials))
    print(f"{'recall@1 / uAP, %':19}{'n':>5}" + f"{'R@1   uAP':>15}" * len(trials))
    for edit in BASIC:
        _print_row(edit, [edit], trials)
    _print_row("all", BASIC, trials)
    for strength in STRENGTHS:
        _print_row(f"  all, {strength}", BASIC, trials, strength)
    for edit in EDITS[len(BASIC) :]:
        _print_row(edit, [edit], trials)


def _print_row(title: str, edits: Iterable[str], trials: Sequence[Trial], strength: str | None = None) -> None:
    rows = [figures(trial.of(edits, strength)) for trial in trials]
    cells = "".join(f"{100 * row.recall_at_1:>9.1f}{100 * row.uap:>6.1f}" for row in rows)
    print(f"{title:19}{rows[0].queries:>5}{cells}")


def _print_overall(contests: Iterable[Contest]) -> None:
    print(f"\n{'all edits, %':20}{'R@1':>8}{'uAP':>8}{'R@P90':>8}{'dim':>8}{'ms/frame':>10}{'vectors/query':>15}")
    for contest in contests:
        for trial in contest.trials:
            row = figures(trial.of_basic())
            shares = (row.recall_at_1, row.uap, row.recall_at_high_precision)
            cells = "".join(f"{100 * share:>8.1f}" for share in shares)
            costs = f"{contest.dimension:>8}{contest.ms_a_frame:>10.2f}{trial.vectors / trial.queries:>15.2f}"
            print(f"{trial.name[:20]:20}{cells}{costs}")


def _print_by_score(trial: Trial) -> None:
    ranking = trial.of_basic()
    counted = figures(ranking)
    print(f"\n{trial.name}: the best reference of {counted.queries} queries with and {counted.negatives} without one")
    print(f"{'score at least':>14}{'pairs':>8}{'right, %':>10}{'found, %':>10}")
    for row in precision_by_score(ranking, MIN_SCORES):
        precision = "-" if row.precision is None else f"{100 * row.precision:.1f}"
        print(f"{row.min_score:>14.2f}{row.pairs:>8}{precision:>10}{100 * row.recall:>10.1f}")
        if row.pairs == counted.queries + counted.negatives:
            break
