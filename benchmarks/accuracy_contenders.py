"""What alignment_accuracy.py compares: aligners with their settings, and cases to run them on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reprise.simulation.cases import Case
from reprise.vcsl.tuning import combinations

OURS = "straight-lines"
REFERENCES = ("vcsl-tn", "dp", "dtw", "hough-voting")


@dataclass(frozen=True, slots=True)
class Contender:
    """An aligner with a setting."""

    aligner: str  # one of reprise.alignment.aligners.ALIGNERS
    setting: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inclusive: bool = False  # its segments end at their last frame instead of after it, as those of VCSL's code do

    @property
    def name(self) -> str:
        """As it stands in the tables."""
        return f"{self.aligner}, {self.setting}" + (", inclusive ends" if self.inclusive else "")


# The defaults of VCSL's code, which are ours too, and what its authors' benchmark runs on ISC features.
PUBLISHED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "vcsl-tn": {"default": {}, "ISC benchmark": {"top_k": 3, "min_similarity": 0.3}},
    "dp": {"default": {}, "ISC benchmark": {"max_unmatched": 9, "min_similarity": -0.8, "max_run": 10}},
    "dtw": {"default": {}, "ISC benchmark": {"max_run": 9, "min_mean_similarity": 0.3}},
    "hough-voting": {"default": {}, "ISC benchmark": {"min_similarity": 0.7}},
}


def published(settings: Mapping[str, Mapping[str, Mapping[str, Any]]] = PUBLISHED) -> list[Contender]:
    """Every published setting of the reference aligners, with inclusive ends and half-open."""
    return [
        Contender(aligner, setting, parameters, inclusive)
        for aligner, of_aligner in settings.items()
        for setting, parameters in of_aligner.items()
        for inclusive in (True, False)
    ]


def grid() -> list[Contender]:
    """Every combination of the reference aligners' default grids, half-open."""
    return [
        Contender(aligner, ", ".join(f"{name} {value:g}" for name, value in parameters.items()), parameters)
        for aligner in REFERENCES
        for parameters in combinations(aligner, {}, {})
    ]


def read_cases(folder: Path) -> Iterator[Case]:
    """The maps of a folder with maps.npz and cases.json, but for those of kind "edge".

    cases.json: a list of {"id", "kind", "truth": boxes in frames, half-open}; maps.npz: one array for each id.
    """
    told = json.loads((folder / "cases.json").read_text())
    with np.load(folder / "maps.npz") as maps:
        for case in told:
            if case["kind"] != "edge":
                truth = tuple(tuple(box) for box in case["truth"])
                yield Case(case["id"], case["kind"], maps[case["id"]].astype(np.float32), truth)


def read_published(folder: Path) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """The settings in `params` of the folder's aligned.json, in our words; PUBLISHED where there is no such file."""
    path = folder / "aligned.json"
    if not path.is_file():
        return PUBLISHED
    told = json.loads(path.read_text())["params"]
    return {
        ours: {setting: _in_our_words(theirs, parameters) for setting, parameters in told[theirs].items()}
        for theirs, ours in (("tn", "vcsl-tn"), ("dp", "dp"), ("dtw", "dtw"), ("hv", "hough-voting"))
    }


_WORDS = {
    "tn": {"tn_max_step": "max_step", "tn_top_k": "top_k", "min_sim": "min_similarity"},
    "dp": {
        "discontinue": "max_unmatched",
        "min_sim": "min_similarity",
        "ave_sim": "min_mean_similarity",
        "diagonal_thres": "max_run",
    },
    "dtw": {"discontinue": "max_run", "min_sim": "min_mean_similarity"},
    "hv": {"iou_thresh": "max_iou", "min_sim": "min_similarity"},
}


def _in_our_words(aligner: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    # VCSL's dynamic programming adds 1 to all similarities, and to its limits with them.
    more = 1 if aligner == "dp" else 0
    return {
        _WORDS[aligner].get(name, name): value - more if name in {"min_sim", "ave_sim"} else value
        for name, value in parameters.items()
    }
