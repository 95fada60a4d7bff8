"""VCSL's metric on boxes small enough to check by eye; `[q_start, r_start, q_end, r_end]`, seconds."""

from __future__ import annotations

import pytest

from reprise.evaluation import (
    LENGTH_EPSILON_S,
    MacroScore,
    OverallScore,
    PairScore,
    evaluate,
    harmonic_mean,
    macro_score,
    overall_score,
    score_pair,
    score_pairs,
    union_length,
)

SQUARE = [0.0, 0.0, 10.0, 10.0]


def both_axes(covered_s: float, length_s: float) -> float:
    """The figure of a box that is covered alike on both axes."""
    return (covered_s / (length_s + LENGTH_EPSILON_S)) ** 2


def test_an_exact_prediction_scores_just_below_one() -> None:
    score = score_pair([SQUARE], [SQUARE])
    assert score == PairScore(precision=both_axes(10, 10), recall=both_axes(10, 10))
    assert 0.9999997 < score.precision < 1.0


def test_half_a_box_has_full_precision_and_a_quarter_of_the_recall() -> None:
    assert score_pair([[0, 0, 5, 5]], [SQUARE]) == PairScore(both_axes(5, 5), both_axes(5, 10))


def test_swapping_predictions_and_truth_swaps_precision_and_recall() -> None:
    predicted, truth = [[0, 2, 9, 8], [20, 20, 30, 31]], [[1, 0, 10, 7], [22, 25, 40, 41]]
    forward, backward = score_pair(predicted, truth), score_pair(truth, predicted)
    assert (forward.precision, forward.recall) == (backward.recall, backward.precision)


@pytest.mark.parametrize(
    ("predicted", "truth", "score"),
    [
        pytest.param([SQUARE], [], PairScore(precision=0.0, recall=1.0), id="predictions only"),
        pytest.param([], [SQUARE], PairScore(precision=1.0, recall=0.0), id="truth only"),
        pytest.param([], [], PairScore(precision=1.0, recall=1.0), id="neither"),
    ],
)
def test_an_empty_side_scores_exactly_zero_or_one(
    predicted: list[list[float]], truth: list[list[float]], score: PairScore
) -> None:
    assert score_pair(predicted, truth) == score


@pytest.mark.parametrize(
    "predicted",
    [
        pytest.param([20, 20, 30, 30], id="apart on both axes"),
        pytest.param([0, 20, 10, 30], id="apart on the reference axis"),
        pytest.param([10, 10, 20, 20], id="touching at a corner"),
        pytest.param([10, 0, 20, 10], id="touching along an edge"),
        pytest.param([5, 5, 5, 5], id="of zero length"),
        pytest.param([9, 0, 2, 10], id="ending before it starts"),
    ],
)
def test_a_box_that_shares_nothing_with_the_truth_scores_zero(predicted: list[float]) -> None:
    assert score_pair([predicted], [SQUARE]) == PairScore(precision=0.0, recall=0.0)


def test_seconds_count_on_one_axis_only_where_the_other_axis_overlaps_too() -> None:
    # The second true box covers query seconds 5 to 10 as well, but at a far stretch of the reference.
    score = score_pair([[0, 0, 10, 5]], [[0, 0, 5, 5], [5, 50, 10, 55]])
    assert score.precision == pytest.approx(0.5, abs=1e-6)


def test_truth_boxes_that_overlap_each_other_cover_a_second_only_once() -> None:
    score = score_pair([SQUARE], [[0, 0, 6, 6], [4, 4, 8, 8]])
    assert score.precision == pytest.approx(0.8 * 0.8, abs=1e-6)


def test_a_prediction_made_twice_neither_gains_nor_loses() -> None:
    once, twice = score_pair([[0, 0, 5, 5]], [SQUARE]), score_pair([[0, 0, 5, 5]] * 2, [SQUARE])
    assert (twice.precision, twice.recall) == pytest.approx((once.precision, once.recall), abs=1e-6)


def test_a_box_that_ends_before_it_starts_takes_nothing_from_the_others() -> None:
    score = score_pair([SQUARE], [SQUARE, [19, 126, 34, 121]])
    assert score.precision == both_axes(10, 10)
    assert score.recall == pytest.approx(10 / (10 + 15), abs=1e-6)  # its 15 s of the query count as missed


@pytest.mark.parametrize(
    ("intervals", "length_s"),
    [
        ([], 0.0),
        ([(2.0, 5.0)], 3.0),
        ([(0.0, 2.0), (2.0, 5.0)], 5.0),
        ([(4.0, 9.0), (0.0, 10.0), (12.0, 13.0)], 11.0),
        ([(3.0, 6.0), (15.0, 20.0), (4.0, 6.0), (5.0, 20.0), (21.0, 23.0), (24.0, 27.0)], 22.0),
    ],
)
def test_the_union_counts_every_second_once(intervals: list[tuple[float, float]], length_s: float) -> None:
    assert union_length(intervals) == length_s


def test_the_overall_means_leave_out_figures_of_exactly_one() -> None:
    score = evaluate(
        predicted={"a": [[0, 0, 5, 5]], "false alarm": [SQUARE]},
        truth={"a": [SQUARE], "missed": [SQUARE]},
        pair_ids=["a", "missed", "false alarm", "rightly empty"],
    )
    precision = (both_axes(5, 5) + 0.0) / 2  # of "a" and the false alarm
    recall = (both_axes(5, 10) + 0.0) / 2  # of "a" and the missed one
    assert score == OverallScore(
        pairs=4,
        precision=precision,
        precision_pairs=2,
        recall=recall,
        recall_pairs=2,
        f_score=2 * precision * recall / (precision + recall),
        false_rejection_rate=0.5,
        false_alarm_rate=0.5,
        messages=(),
    )


def test_the_rates_are_those_of_the_published_formula() -> None:
    predicted, alarm = {"p1": [SQUARE]}, {"n1": [SQUARE]}
    truth = {"p1": [SQUARE], "p2": [SQUARE], "p3": [SQUARE]}
    score = evaluate({**predicted, **alarm}, truth, ["p1", "p2", "p3", "n1", "n2"])
    ratio = 3 / 2  # positives / negatives
    assert score.false_rejection_rate == pytest.approx((1 + ratio) / ratio * 2 / 5)
    assert score.false_alarm_rate == pytest.approx((1 + ratio) * 1 / 5)


def test_nothing_predicted_leaves_no_precision_and_says_why() -> None:
    assert evaluate({}, {"a": [SQUARE], "b": [SQUARE]}) == OverallScore(
        pairs=2,
        precision=None,
        precision_pairs=0,
        recall=0.0,
        recall_pairs=2,
        f_score=None,
        false_rejection_rate=1.0,
        false_alarm_rate=None,
        messages=(
            "precision: nothing to average, none of the 2 pairs has a predicted segment",
            "F: needs both precision and recall",
            "FAR: each of the 2 pairs holds a copy",
        ),
    )


def test_no_pairs_at_all_leave_every_figure_open() -> None:
    score = evaluate({}, {})
    figures = (
        score.precision,
        score.recall,
        score.f_score,
        score.false_rejection_rate,
        score.false_alarm_rate,
    )
    assert figures == (None, None, None, None, None)
    assert [message.split(":")[0] for message in score.messages] == ["precision", "recall", "F", "FRR", "FAR"]


def test_only_listed_pairs_are_scored_and_unlisted_means_all() -> None:
    predicted, truth = {"a": [SQUARE], "c": [SQUARE]}, {"a": [SQUARE], "b": [SQUARE]}
    assert list(score_pairs(predicted, truth, ["b", "a"])) == ["b", "a"]
    assert set(score_pairs(predicted, truth)) == {"a", "b", "c"}


@pytest.mark.parametrize("box", [[0, 0, 5], [0, 0, 5, 5, 5], [0, 0, float("nan"), 5], [0, 0, float("inf"), 5]])
def test_what_is_no_box_is_refused_with_the_name_of_its_pair(box: list[float]) -> None:
    with pytest.raises(ValueError, match=r"pair q1-r1: .* is not a box"):
        evaluate({"q1-r1": [box]}, {"q1-r1": [SQUARE]})


def test_more_positives_than_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="2 pairs with a copy among 1 pairs"):
        overall_score([PairScore(1.0, 1.0)], positives=2)


def test_the_macro_score_weighs_query_sets_alike_and_counts_exact_ones() -> None:
    scores = {"a": PairScore(1.0, 0.0), "b": PairScore(0.5, 0.5), "c": PairScore(0.25, 1.0)}
    assert macro_score(scores, {"large": ["a", "b"], "small": ["c"]}) == MacroScore(
        query_sets=2, precision=0.5, recall=0.625, f_score=harmonic_mean(0.5, 0.625)
    )


@pytest.mark.parametrize(
    ("query_sets", "message"),
    [
        ({}, "no query set"),
        ({"empty": []}, "query set empty: it holds no pair"),
        ({"s": ["x"]}, "query set s: pair x has no score"),
    ],
)
def test_a_macro_score_of_nothing_is_refused(query_sets: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        macro_score({}, query_sets)


def test_the_harmonic_mean_of_two_zeros_is_zero() -> None:
    assert harmonic_mean(0.0, 0.0) == 0.0
    assert harmonic_mean(0.5, 1.0) == pytest.approx(2 / 3)
