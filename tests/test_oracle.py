"""The reference aligners against what VCSL's own code returned, box for box.

What it returned lies in no repository: the folder is named by REPRISE_VCSL, and the tests are skipped without it.
"""

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from maps import Map

from reprise.alignment.aligned import Align
from reprise.alignment.aligners import aligner
from reprise.alignment.temporal_network import find_paths

FOLDER = Path(os.environ.get("REPRISE_VCSL") or Path(__file__).parent.parent / "../shared/vcsl")

pytestmark = pytest.mark.skipif(
    not (FOLDER / "aligned.json").is_file(), reason=f"no aligned.json in {FOLDER}; name its folder in REPRISE_VCSL"
)


def temporal_network_settings(
    tn_max_step: int, tn_top_k: int, max_path: int, min_sim: float, min_length: int, max_iou: float
) -> dict[str, Any]:
    return {
        "max_step": tn_max_step,
        "top_k": tn_top_k,
        "max_path": max_path,
        "min_similarity": min_sim,
        "min_length": min_length,
        "max_iou": max_iou,
    }


def dynamic_programming_settings(
    discontinue: int, min_sim: float, ave_sim: float, min_length: int, diagonal_thres: int
) -> dict[str, Any]:
    return {
        "max_unmatched": discontinue,
        "min_similarity": min_sim - 1,
        "min_mean_similarity": ave_sim - 1,
        "min_length": min_length,
        "max_run": diagonal_thres,
    }


def dynamic_time_warping_settings(discontinue: int, min_sim: float, min_length: int) -> dict[str, Any]:
    return {"max_run": discontinue, "min_mean_similarity": min_sim, "min_length": min_length}


def hough_voting_settings(iou_thresh: float, min_sim: float, max_peaks: int) -> dict[str, Any]:
    return {"max_iou": iou_thresh, "min_similarity": min_sim, "max_peaks": max_peaks}


# VCSL's name: ours, and its parameters in our words.
NAMES: dict[str, tuple[str, Callable[..., dict[str, Any]]]] = {
    "tn": ("vcsl-tn", temporal_network_settings),
    "dp": ("dp", dynamic_programming_settings),
    "dtw": ("dtw", dynamic_time_warping_settings),
    "hv": ("hough-voting", hough_voting_settings),
}
SETTINGS = [
    *(("tn", setting) for setting in ("default", "isc_bench", "transvcl", "vsc", "towhee", "strict", "loose")),
    *(("dp", setting) for setting in ("default", "isc_bench", "transvcl", "class_default", "strict")),
    *(("dtw", setting) for setting in ("default", "isc_bench", "strict")),
    *(("hv", setting) for setting in ("default", "isc_bench", "cli", "few")),
]


@cache
def told(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


@cache
def maps() -> dict[str, Map]:
    with np.load(FOLDER / "maps.npz") as held:
        return {name: held[name].astype(np.float32) for name in held.files}


def boxes(align: Align, similarity: Map) -> list[list[float]]:
    return [list(segment.box) for segment in align(similarity)]


def test_every_setting_that_is_told_of_is_tested() -> None:
    assert [
        (name, setting) for name, settings in told("aligned.json")["params"].items() for setting in settings
    ] == SETTINGS


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_the_boxes_are_those_of_the_reference_in_its_order(name: str, setting: str) -> None:
    ours, in_our_words = NAMES[name]
    align = aligner(ours, ends="inclusive", **in_our_words(**told("aligned.json")["params"][name][setting]))
    expected = {of_map: outputs[name][setting] for of_map, outputs in told("aligned.json")["outputs"].items()}

    found = {of_map: boxes(align, similarity) for of_map, similarity in maps().items()}

    # Where the reference crashes there is nothing to find.
    assert found == {of_map: outputs or [] for of_map, outputs in expected.items()}
    assert sum(len(outputs) for outputs in found.values()) > 0


@pytest.mark.parametrize("setting", ["default", "isc_bench", "vsc", "towhee", "strict"])
def test_the_temporal_networks_scores_are_those_of_the_reference(setting: str) -> None:
    settings = temporal_network_settings(**told("aligned.json")["params"]["tn"][setting])
    compared = 0
    for of_map, by_setting in told("tn_scores.json").items():
        if by_setting is None:  # the reference crashes
            continue
        paths = find_paths(maps()[of_map], **settings)
        assert [len(path.nodes) for path in paths] == [t["nodes"] for t in by_setting[setting]]
        assert [path.similarity_sum for path in paths] == pytest.approx(
            [t["sum"] for t in by_setting[setting]], abs=1e-4
        )
        assert [path.score for path in paths] == pytest.approx([t["score"] for t in by_setting[setting]], abs=1e-4)
        compared += len(paths)
    assert compared > 30
