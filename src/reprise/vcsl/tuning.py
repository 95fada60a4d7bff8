"""An aligner's parameters chosen on a split: every combination of a grid is run, and the best F wins."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reprise.errors import SettingsError
from reprise.vcsl.protocol import Annotation, Figures, Predictions, score

Grid = Mapping[str, Sequence[Any]]

# What is tried where no grid is given; for the aligners of the benchmark, around its own published settings.
DEFAULT_GRIDS: dict[str, Grid] = {
    "straight-lines": {"min_score": [0.3, 0.4, 0.5, 0.6, 0.7, 0.8], "min_length": [3, 5, 8]},
    "temporal-network": {
        "min_similarity": [0.2, 0.3, 0.4],
        "min_length": [1, 3, 5],
        "min_excess": [None, 1.0, 2.0],
    },
    "vcsl-tn": {"top_k": [3, 5, 10], "min_similarity": [0.2, 0.3, 0.4], "max_step": [5, 10]},
    "dp": {
        "max_unmatched": [3, 9],
        "min_similarity": [0.0, 0.2, 0.3],
        "min_mean_similarity": [0.3, 0.4, 0.5],
    },
    "dtw": {"max_run": [3, 9], "min_mean_similarity": [0.2, 0.3, 0.4, 0.5]},
    "hough-voting": {"min_similarity": [0.2, 0.3, 0.4, 0.5], "max_peaks": [10, 100], "max_iou": [0.3, 0.9]},
}


@dataclass(frozen=True, slots=True)
class Tuned:
    """A combination of parameters and its figures."""

    parameters: dict[str, Any]
    figures: Figures


def combinations(aligner: str, grid: Grid, fixed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every combination of the grid's values, each with the `fixed` parameters; without a grid the default one.

    Raises SettingsError where there is neither, or a parameter is both fixed and in the grid.
    """
    if not grid:
        if aligner not in DEFAULT_GRIDS:
            raise SettingsError(f"aligner {aligner} has no default grid: give --grid name=value,value")
        grid = {name: values for name, values in DEFAULT_GRIDS[aligner].items() if name not in fixed}
    both = [name for name in grid if name in fixed]
    if both:
        raise SettingsError(f"{both[0]} is both set and in the grid")
    return [{**fixed, **dict(zip(grid, values, strict=True))} for values in itertools.product(*grid.values())]


def ranked(annotation: Annotation, predictions: Predictions, settings: Sequence[dict[str, Any]]) -> list[Tuned]:
    """The combinations by F, best first; those without an F last; equals in the order of the grid."""
    tuned = [
        Tuned(parameters, score(annotation, predictions.of_setting(index)))
        for index, parameters in enumerate(settings)
    ]
    return sorted(tuned, key=lambda one: -_f_score(one.figures))


def _f_score(figures: Figures) -> float:
    f_score = figures.overall.f_score
    return -1.0 if f_score is None else f_score
