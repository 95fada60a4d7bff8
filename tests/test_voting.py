"""Coarse voting: Towhee's published example, and the weights of the default vote."""

from __future__ import annotations

import pytest

from reprise.errors import SettingsError
from reprise.voting import select_videos, weighted_votes

VIDEOS = ["a", "a", "c", "a", "b", "b", "c", "c"]
SCORES = [2, 8, 9.3, 5, 2, 1, 0, -1]


@pytest.mark.parametrize(
    ("reduce_function", "selected"),
    [("mean", ["a", "c"]), ("sum", ["a", "c"]), ("max", ["c", "a"]), ("min", ["a", "b"])],
)
def test_videos_are_selected_as_in_towhees_published_example(reduce_function: str, selected: list[str]) -> None:
    assert select_videos(VIDEOS, SCORES, top_k=2, reduce_function=reduce_function, reverse=True) == selected


def test_without_reverse_the_lowest_come_first() -> None:
    assert select_videos(VIDEOS, SCORES, top_k=3, reduce_function="sum", reverse=False) == ["b", "c", "a"]


def test_ties_keep_the_order_of_first_appearance() -> None:
    assert select_videos("ba", [1, 1], top_k=2, reduce_function="sum", reverse=True) == ["b", "a"]


def test_no_hits_select_no_videos() -> None:
    assert select_videos([], [], top_k=5, reduce_function="sum", reverse=True) == []


@pytest.mark.parametrize(("top_k", "reduce_function"), [(0, "sum"), (1, "median")])
def test_settings_that_make_no_sense_are_refused(top_k: int, reduce_function: str) -> None:
    with pytest.raises(SettingsError):
        select_videos(VIDEOS, SCORES, top_k=top_k, reduce_function=reduce_function, reverse=True)


def test_only_a_videos_best_hit_of_a_frame_votes_by_square_over_rank() -> None:
    hits = [
        [["1", 0.9, "a"], ["2", 0.8, "a"], ["3", 0.6, "b"]],
        [["4", 0.5, "b"], ["5", -0.1, "c"]],
    ]
    videos, weights = weighted_votes(hits)
    assert videos == ["a", "b", "b", "c"]
    assert weights == pytest.approx([0.9**4, 0.6**4 / 3**0.5, 0.5**4, 0.0])


def test_more_hits_of_other_videos_change_no_weight() -> None:
    few = [[["1", 0.9, "a"], ["2", 0.8, "b"]]]
    many = [few[0] + [[str(i), 0.1, f"v{i}"] for i in range(50)]]
    assert weighted_votes(many)[1][:2] == weighted_votes(few)[1]
