"""The descriptor benchmark's metrics, on rankings checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ranking import NO_REFERENCE, Operating, Ranking, figures, pooled, precision_by_score, rank


def ranking(*queries: tuple[int, dict[int, float]]) -> Ranking:
    """One of queries given as (right reference, {reference: score, best first}), all with as many references."""
    return Ranking(
        references=np.array([list(found) for _, found in queries], np.int64),
        scores=np.array([list(found.values()) for _, found in queries], np.float32),
        truth=np.array([right for right, _ in queries], np.int64),
    )


def test_the_best_ten_references_stand_in_order_and_the_earlier_of_two_alike_first() -> None:
    similarity = np.array([[0.1, 0.5, 0.9, 0.5, *[0.0] * 9]], np.float32)
    ranked = rank(similarity, np.array([2]))
    assert ranked.references.tolist() == [[2, 1, 3, 0, 4, 5, 6, 7, 8, 9]]
    assert ranked.scores[0, :4].tolist() == pytest.approx([0.9, 0.5, 0.5, 0.1])


def test_recall_at_1_counts_only_queries_that_have_a_reference() -> None:
    scored = figures(ranking((0, {0: 0.9, 1: 0.1}), (1, {0: 0.8, 1: 0.7}), (NO_REFERENCE, {0: 0.6, 1: 0.5})))
    assert (scored.recall_at_1, scored.queries, scored.negatives) == (0.5, 2, 1)


def test_micro_average_precision_of_a_ranking_worked_by_hand() -> None:
    # From the top: right (1 of 1), wrong, right (2 of 3), wrong, wrong, wrong; two queries have a reference.
    scored = figures(ranking((0, {0: 0.9, 1: 0.3}), (1, {0: 0.8, 1: 0.7}), (NO_REFERENCE, {0: 0.6, 1: 0.5})))
    assert scored.uap == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert scored.recall_at_high_precision == 0.5


def test_a_confident_pair_of_a_query_without_reference_costs_precision() -> None:
    right = (0, {0: 0.9, 1: 0.1})
    assert figures(ranking(right)).uap == 1.0
    assert figures(ranking(right, (NO_REFERENCE, {0: 0.5, 1: 0.4}))).uap == 1.0
    assert figures(ranking(right, (NO_REFERENCE, {0: 0.95, 1: 0.4}))).uap == 0.5


def test_pairs_of_one_score_count_the_same_in_any_order() -> None:
    tied = [(0, {0: 0.5, 1: 0.5}), (0, {1: 0.5, 0: 0.5})]
    assert figures(ranking(tied[0])).uap == figures(ranking(tied[1])).uap == 0.5


def test_a_reference_that_is_not_among_the_best_is_never_found() -> None:
    scored = figures(ranking((7, {0: 0.9, 1: 0.8})))
    assert (scored.recall_at_1, scored.uap, scored.recall_at_high_precision) == (0.0, 0.0, 0.0)


def test_recall_without_a_query_that_has_a_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one query"):
        figures(ranking((NO_REFERENCE, {0: 0.9})))


def test_precision_by_score_looks_at_each_querys_best_pair() -> None:
    both = pooled([ranking((0, {0: 0.9, 1: 0.85})), ranking((1, {0: 0.8, 1: 0.7}), (NO_REFERENCE, {0: 0.4, 1: 0.3}))])
    assert precision_by_score(both, [0.95, 0.85, 0.8, 0.3]) == [
        Operating(0.95, pairs=0, precision=None, recall=0.0),
        Operating(0.85, pairs=1, precision=1.0, recall=0.5),
        Operating(0.8, pairs=2, precision=0.5, recall=0.5),
        Operating(0.3, pairs=3, precision=1 / 3, recall=0.5),
    ]


# Edits
