"""The graph that the aligners are timed against finds what the Temporal Network finds, and the table has it all."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from maps import boxes, noisy_map, run, similarity_map

from reprise.alignment.aligners import ALIGNERS
from reprise.alignment.temporal_network import find_paths

pytest.importorskip("networkx", reason="networkx comes with the extra 'bench'")

from graph_temporal_network import find_boxes


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"min_length": 1, "max_iou": 0.9, "top_k": 3},
        {"max_step": 4, "min_length": 2, "min_similarity": 0.4},
        {"max_path": 2, "min_length": 2},
    ],
    ids=str,
)
def test_it_finds_what_find_paths_finds(settings: dict[str, Any]) -> None:
    found = 0
    for seed in range(12):
        similarity = noisy_map(seed)
        expected = boxes(find_paths(similarity, **settings))
        assert find_boxes(similarity, **settings) == expected
        found += len(expected)
    assert found


def test_the_sink_is_no_part_of_a_path() -> None:
    similarity = similarity_map((20, 20), run(5, 5, 15))

    assert find_boxes(similarity, top_k=1) == [(5, 5, 18, 18)]


def test_where_nothing_is_alike_there_is_no_path() -> None:
    assert find_boxes(np.zeros((20, 20), np.float32)) == []


def test_the_table_has_every_aligner_twice_with_its_ratio() -> None:
    root = Path(__file__).parent.parent
    table = subprocess.run(
        [sys.executable, root / "benchmarks" / "alignment_speed.py", "--frames", "30", "40", "--runs", "1"],
        env={"PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    rows = [line.split() for line in table.splitlines()]
    ratios = [row[0] for row in rows if len(row) == 5 and row[2].endswith("x") and row[4].endswith("x")]
    assert ratios == [*ALIGNERS, *ALIGNERS]
