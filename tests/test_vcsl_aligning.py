"""Pairs aligned in worker processes, whatever becomes of the processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from vcsl_files import LABELS, DeadlySource, write_maps

from reprise.errors import SettingsError
from reprise.vcsl.aligning import AlignedPair, AlignTask, align_pairs, checked_aligner
from reprise.vcsl.annotation import Pair
from reprise.vcsl.sources import MapFolder, MapSource


def aligned(
    source: MapSource, pairs: list[Pair], *, settings: tuple[dict[str, int], ...] = ({},)
) -> dict[str, AlignedPair]:
    task = AlignTask(source, "vcsl-tn", settings)
    return {one.pair.id: one for chunk in align_pairs(task, pairs, 2) for one in chunk}


def test_a_pair_that_kills_its_process_costs_no_other_pair() -> None:
    pairs = [Pair.of(pair_id) for pair_id in [*LABELS, *(f"s-r{i}" for i in range(20))]]
    found = aligned(DeadlySource("s-r3"), pairs)
    assert set(found) == {pair.id for pair in pairs}
    faults = {pair_id: one.fault for pair_id, one in found.items() if one.fault}
    assert faults == {
        "s-r3": "pair s-r3: the process that aligned it ended (SIGKILL); the machine may have run out of memory"
    }
    assert len(found["q-a"].boxes[0]) == 1


def test_each_setting_has_its_own_prediction(tmp_path: Path) -> None:
    maps = MapFolder(write_maps(tmp_path / "maps"))
    found = aligned(maps, [Pair("q", "a"), Pair("q", "b")], settings=({"min_length": 16}, {"min_length": 5}))
    assert [len(boxes) for boxes in found["q-a"].boxes] == [1, 1]
    assert [len(boxes) for boxes in found["q-b"].boxes] == [0, 1]


def test_no_pairs_need_no_process() -> None:
    assert aligned(DeadlySource(""), []) == {}


def test_a_parameter_is_tried_before_any_pair() -> None:
    with pytest.raises(SettingsError, match="does not take max_step=0: max_step must be at least 1"):
        checked_aligner("vcsl-tn", {"max_step": 0})
