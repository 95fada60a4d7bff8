"""DP, DTW and Hough voting on maps that can be checked by eye, and as Towhee operators."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from maps import Box, Map, Node, run
from towhee import ops, pipe

import reprise  # noqa: F401  (makes the operators known to Towhee)
from reprise.alignment.boxes import ScoredBox, overlap
from reprise.alignment.dynamic_programming import find_local_paths
from reprise.alignment.dynamic_time_warping import find_warped
from reprise.alignment.hough_voting import find_diagonals
from reprise.alignment.temporal_network import find_paths
from reprise.errors import SettingsError
from reprise.operators.video_copy_detection.dp import DynamicProgramming
from reprise.operators.video_copy_detection.dtw import DynamicTimeWarping
from reprise.operators.video_copy_detection.hough_voting import HoughVoting
from reprise.operators.video_copy_detection.temporal_network import TemporalNetwork

Find = Callable[..., list[ScoredBox]]


def copies(shape: tuple[int, int], *nodes: list[Node], level: float = 0.75, elsewhere: float = -0.25) -> Map:
    """A map of one level but for the cells of the copies."""
    cells = np.full(shape, elsewhere, np.float32)
    for copy in nodes:
        for node in copy:
            cells[node] = level
    return cells


def boxes(found: list[ScoredBox]) -> list[Box]:
    return [scored.box for scored in found]


# Dynamic programming


def test_dp_finds_the_heaviest_copy_first() -> None:
    cells = copies((60, 60), run(0, 30, 10), run(30, 0, 15))

    assert find_local_paths(cells, max_unmatched=0) == [
        ScoredBox((30, 0, 44, 14), 0.75),
        ScoredBox((0, 30, 9, 39), 0.75),
    ]


def test_dp_takes_so_many_unmatched_frames_along_as_it_may() -> None:
    cells = copies((60, 60), run(30, 0, 15))

    ends = [boxes(find_local_paths(cells, max_unmatched=count)) for count in (0, 1, 3)]

    assert ends == [[(30, 0, 44, 14)], [(30, 0, 45, 15)], [(30, 0, 47, 17)]]


def test_dp_starts_where_the_last_cell_before_a_copy_would_be_too_many_unmatched() -> None:
    cells = copies((60, 60), run(30, 20, 15))

    assert boxes(find_local_paths(cells, max_unmatched=0)) == [(29, 19, 44, 34)]


def test_dp_bridges_a_gap_of_max_unmatched_frames() -> None:
    cells = copies((40, 40), run(5, 5, 10), run(17, 17, 10))

    assert [len(find_local_paths(cells, max_unmatched=count)) for count in (1, 2)] == [2, 1]


def test_dp_finds_nothing_in_the_rectangle_of_an_earlier_path() -> None:
    beside = copies((40, 60), run(0, 0, 20), run(0, 29, 9))
    within = copies((40, 60), run(0, 0, 20), run(3, 9, 9))

    assert boxes(find_local_paths(beside, max_unmatched=0)) == [(0, 0, 19, 19), (0, 29, 8, 37)]
    assert boxes(find_local_paths(within, max_unmatched=0)) == [(0, 0, 19, 19)]


def test_dp_cuts_a_path_where_one_frame_is_joined_to_more_than_max_run() -> None:
    # Query frame 9 is alike to 13 frames of the reference: 9 to 21.
    cells = copies((30, 60), run(0, 0, 10), [(9, 10 + i) for i in range(12)], run(10, 22, 10))

    assert boxes(find_local_paths(cells, max_unmatched=0, max_run=13)) == [(0, 0, 19, 31)]
    assert boxes(find_local_paths(cells, max_unmatched=0, max_run=12)) == [(0, 0, 8, 8), (10, 22, 19, 31)]


def test_dp_leaves_out_what_is_not_alike_on_average() -> None:
    cells = copies((40, 40), run(0, 5, 20), level=0.5)

    assert len(find_local_paths(cells, max_unmatched=0, min_mean_similarity=0.49)) == 1
    assert find_local_paths(cells, max_unmatched=0, min_mean_similarity=0.5) == []


# Dynamic time warping


def test_dtw_finds_copies_in_the_same_order_in_both_videos() -> None:
    cells = copies((30, 60), run(0, 0, 10), run(10, 30, 20))

    # The frame that the path waits at, between the two, belongs to neither.
    assert boxes(find_warped(cells)) == [(0, 0, 8, 8), (10, 30, 28, 48)]


def test_dtw_misses_copies_that_changed_places() -> None:
    assert find_warped(copies((40, 40), run(20, 0, 20), run(0, 20, 20))) == []


def test_dtw_keeps_long_waits_if_it_may() -> None:
    cells = copies((30, 60), run(0, 0, 10), run(10, 30, 20))

    assert boxes(find_warped(cells, max_run=100)) == [(0, 0, 29, 59)]


# Hough voting


def test_hough_voting_gives_whole_diagonals_heaviest_first() -> None:
    cells = copies((20, 30), run(4, 9, 8), run(0, 0, 3))

    assert find_diagonals(cells) == [
        ScoredBox((0, 5, 19, 24), pytest.approx(8 * 0.75 / 20)),
        ScoredBox((0, 0, 19, 19), pytest.approx(3 * 0.75 / 20)),
    ]


def test_hough_voting_leaves_out_diagonals_beside_a_heavier_one() -> None:
    cells = copies((20, 30), run(0, 5, 20), run(0, 6, 18))
    shared = overlap((0, 5, 19, 24), (0, 6, 19, 25))

    assert shared == 19 / 21
    assert boxes(find_diagonals(cells, max_iou=shared - 0.001)) == [(0, 5, 19, 24)]
    assert boxes(find_diagonals(cells, max_iou=shared)) == [(0, 5, 19, 24), (0, 6, 19, 25)]


def test_hough_voting_looks_at_max_peaks_diagonals() -> None:
    cells = copies((20, 30), run(0, 0, 9), run(0, 5, 8), run(0, 9, 7))

    assert [len(find_diagonals(cells, max_peaks=count)) for count in (0, 1, 2, 9)] == [0, 1, 2, 3]


# Any of them


@pytest.mark.parametrize(
    ("find", "setting", "value"),
    [
        (find_local_paths, "max_unmatched", -1),
        (find_local_paths, "min_similarity", float("nan")),
        (find_local_paths, "min_mean_similarity", float("inf")),
        (find_local_paths, "min_length", -1),
        (find_local_paths, "max_run", -1),
        (find_warped, "max_run", -1),
        (find_warped, "min_mean_similarity", float("nan")),
        (find_warped, "min_length", -1),
        (find_diagonals, "min_similarity", float("nan")),
        (find_diagonals, "max_peaks", -1),
        (find_diagonals, "max_iou", -0.1),
    ],
)
def test_a_setting_out_of_range_is_named(find: Find, setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=setting):
        find(np.zeros((0, 0)), **{setting: value})


# As operators


def answer_of(operator: Any, similarity: Map) -> Any:
    """What a pipeline with the operator answers to two matrices whose product is the map."""
    chain = (
        pipe.input("query", "reference")
        .map(("query", "reference"), ("boxes", "scores"), operator)
        .output("boxes", "scores")
    )
    return chain(similarity, np.eye(similarity.shape[1], dtype=np.float32)).get()


def test_the_operators_take_vcsls_parameters_and_give_inclusive_boxes() -> None:
    cells = copies((40, 40), run(0, 10, 12), run(20, 30, 10))
    found = {
        "dp": find_local_paths(cells, max_unmatched=1, min_similarity=0.25, min_mean_similarity=0.5, max_run=9),
        "dtw": find_warped(cells, max_run=8, min_mean_similarity=0.4, min_length=2),
        "hough_voting": find_diagonals(cells, max_iou=0.5, min_similarity=0.3, max_peaks=4),
        "temporal_network": find_paths(cells, max_step=12, top_k=3, min_length=4),
    }
    of = ops.video_copy_detection
    answers = {
        "dp": answer_of(of.dp(discontinue=1, min_sim=1.25, ave_sim=1.5, diagonal_thres=9), cells),
        "dtw": answer_of(of.dtw(discontinue=8, min_sim=0.4, min_length=2), cells),
        "hough_voting": answer_of(of.hough_voting(iou_thresh=0.5, min_sim=0.3, max_peaks=4), cells),
        "temporal_network": answer_of(of.temporal_network(tn_max_step=12, tn_top_k=3, min_length=4), cells),
    }

    assert all(found.values())
    assert answers == {
        name: [[list(one.box) for one in paths], [one.score for one in paths]] for name, paths in found.items()
    }


@pytest.mark.parametrize("name", ["dp", "dtw", "hough_voting", "temporal_network"])
def test_the_operators_give_half_open_boxes_when_told_to(name: str) -> None:
    cells = copies((40, 40), run(0, 10, 30))
    operator = getattr(ops.video_copy_detection, name)

    inclusive, scores = answer_of(operator(), cells)
    half_open, same_scores = answer_of(operator(ends="half-open"), cells)

    assert len(inclusive) > 0
    assert half_open == [[q, r, q_end + 1, r_end + 1] for q, r, q_end, r_end in inclusive]
    assert same_scores == scores


@pytest.mark.parametrize("kind", [DynamicProgramming, DynamicTimeWarping, HoughVoting, TemporalNetwork])
def test_the_operators_refuse_other_ends(kind: type) -> None:
    with pytest.raises(SettingsError, match="half-open, inclusive"):
        kind(ends="open")
