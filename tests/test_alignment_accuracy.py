"""The accuracy benchmark: its settings, its figures and its tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from accuracy_contenders import (
    OURS,
    PUBLISHED,
    REFERENCES,
    Contender,
    grid,
    published,
    read_cases,
    read_published,
)
from accuracy_tables import Scored, best, by_kind, f_score, figures, kind_table, overall_table
from alignment_accuracy import inclusive, run, scored_case, tuned
from reprise.alignment.aligners import aligner
from reprise.evaluation import PairScore
from reprise.simulation.cases import Case, make_case

NOTHING, MISSED, ALARM = PairScore(1.0, 1.0), PairScore(1.0, 0.0), PairScore(0.0, 1.0)
GOOD, POOR = PairScore(0.9, 0.9), PairScore(0.5, 0.3)
SCORED = [
    Scored("short", True, (GOOD, MISSED, POOR)),
    Scored("long", True, (POOR, GOOD, POOR)),
    Scored("none", False, (NOTHING, ALARM, NOTHING)),
]
NAMES = ["ours", "dp", "dtw"]


def diagonal(frames: int = 20) -> Case:
    return Case("a", "single", np.eye(frames, dtype=np.float32), ((0, 0, frames, frames),), (1.0,), (False,))


def test_figures_are_those_of_vcsls_metric() -> None:
    ours, theirs = figures(SCORED, 0), figures(SCORED, 1)
    assert (ours.precision, ours.recall) == pytest.approx((0.7, 0.6))
    assert (ours.false_rejection_rate, ours.false_alarm_rate) == (0, 0)
    assert (theirs.false_rejection_rate, theirs.false_alarm_rate) == (0.5, 1)
    assert f_score(figures(SCORED[2:], 0)) == 0


def test_the_best_contender_is_that_of_the_greatest_f() -> None:
    assert best(SCORED, [0, 1, 2]) == 0
    assert best(SCORED[:1], [1, 2]) == 2
    assert best(SCORED[1:2], [1, 2]) == 1


def test_kinds_without_copies_come_last() -> None:
    assert list(by_kind(SCORED)) == ["long", "short", "none"]


def test_the_table_of_all_maps_has_a_row_for_every_contender() -> None:
    header, *rows = overall_table(NAMES, SCORED).splitlines()
    assert header.split() == ["recall", "precis.", "F", "FRR", "FAR"]
    assert rows[0].split() == ["ours", "60.0", "70.0", "64.6", "0.0", "0.0"]
    assert [row.split()[0] for row in rows] == NAMES


def test_the_table_of_kinds_shows_the_best_reference_of_every_kind_and_says_where_it_is_not_beaten() -> None:
    _, long, short, none, verdict = kind_table(NAMES, SCORED).splitlines()
    assert short.split() == ["short", "1", "90.0", "90.0", "90.0", "0.0", "-", "37.5", "-", "dtw"]
    assert long.split() == ["long", "1", "30.0", "50.0", "37.5", "0.0", "-", "90.0", "-", "dp"]
    assert none.split() == ["none", "1", "-", "-", "-", "-", "0.0", "-", "100.0", "dp"]
    assert verdict == (
        "ours against the best of the others: above it in 1 of 2 kinds with copies; "
        "level in 0; below in 1: long (-52.5)"
    )
    level = [Scored("long", True, (GOOD, GOOD, POOR))]
    assert kind_table(NAMES, level).endswith("above it in 0 of 1 kinds with copies; level in 1 (long); below in 0")


def test_inclusive_ends_cost_a_perfect_box_a_frame_on_either_axis() -> None:
    assert inclusive((2, 5, 22, 25)) == (2, 5, 21, 24)
    contenders = [Contender("vcsl-tn", "default", {}, inclusive=ends) for ends in (True, False)]
    with_inclusive, half_open = scored_case(contenders, diagonal()).scores
    assert half_open.recall == pytest.approx(1, abs=1e-6)
    assert with_inclusive.recall == pytest.approx((19 / 20) ** 2, abs=1e-6)


def test_inclusive_ends_are_those_that_the_aligner_gives_with_them() -> None:
    case = make_case("noise_multi", 3, 0)
    ends = {
        name: [segment.box for segment in aligner("vcsl-tn", ends=name)(case.map)]
        for name in ("half-open", "inclusive")
    }
    assert ends["half-open"]
    assert [inclusive(box) for box in ends["half-open"]] == ends["inclusive"]


def test_every_reference_is_tried_at_its_published_settings_with_both_ends_and_on_a_grid() -> None:
    for contender in (*published(), *grid()):
        assert aligner(contender.aligner, **contender.parameters)(np.zeros((6, 6), np.float32)) == []
    names = [contender.name for contender in published()]
    assert len(set(names)) == len(names) == 2 * sum(map(len, PUBLISHED.values()))
    assert "vcsl-tn, default, inclusive ends" in names
    assert {contender.aligner for contender in grid()} == set(REFERENCES)


def test_the_combination_with_the_best_f_is_chosen_for_every_reference(capsys: pytest.CaptureFixture[str]) -> None:
    combinations = [Contender(name, f"{place}") for name in REFERENCES for place in range(2)]
    scored = [Scored("single", True, (POOR, GOOD) * len(REFERENCES))]
    chosen = tuned(combinations, scored, "tuned")
    assert [contender.name for contender in chosen] == [f"{name}, tuned" for name in REFERENCES]
    assert "vcsl-tn, tuned: 1" in capsys.readouterr().out


def test_several_workers_find_what_one_finds() -> None:
    some = [make_case(kind, 1, 0) for kind in ("noise_single", "noise_negative", "vectors_short")]
    contenders = [Contender(OURS, "default"), Contender("dp", "default")]
    alone = run(some, contenders, 1)
    assert alone == run(some, contenders, 2)
    assert [one.has_copy for one in alone] == [True, False, True]
    assert alone[0].scores[0].recall > 0.9


def test_a_folder_of_maps_is_read_without_its_edge_cases(tmp_path: Path) -> None:
    told = [
        {"id": "a", "kind": "single", "truth": [[0, 1, 4, 5]]},
        {"id": "b", "kind": "edge", "truth": []},
    ]
    (tmp_path / "cases.json").write_text(json.dumps(told))
    np.savez(tmp_path / "maps.npz", a=np.eye(6, dtype=np.float16), b=np.zeros((0, 3), np.float16))
    (case,) = read_cases(tmp_path)
    assert (case.id, case.kind, case.truth) == ("a", "single", ((0, 1, 4, 5),))
    assert np.array_equal(case.map, np.eye(6, dtype=np.float32))
    assert read_published(tmp_path) is PUBLISHED


def test_settings_told_in_vcsls_words_are_read_in_ours(tmp_path: Path) -> None:
    told = {
        "tn": {"default": {"tn_max_step": 10, "tn_top_k": 5, "min_sim": 0.2, "max_iou": 0.3}},
        "dp": {"default": {"discontinue": 3, "min_sim": 1.0, "ave_sim": 1.5, "diagonal_thres": 30}},
        "dtw": {"default": {"discontinue": 3, "min_sim": 0.2, "min_length": 5}},
        "hv": {"few": {"iou_thresh": 0.5, "min_sim": 0.4, "max_peaks": 10}},
    }
    (tmp_path / "aligned.json").write_text(json.dumps({"params": told}))
    assert read_published(tmp_path) == {
        "vcsl-tn": {"default": {"max_step": 10, "top_k": 5, "min_similarity": 0.2, "max_iou": 0.3}},
        "dp": {"default": {"max_unmatched": 3, "min_similarity": 0.0, "min_mean_similarity": 0.5, "max_run": 30}},
        "dtw": {"default": {"max_run": 3, "min_mean_similarity": 0.2, "min_length": 5}},
        "hough-voting": {"few": {"max_iou": 0.5, "min_similarity": 0.4, "max_peaks": 10}},
    }
