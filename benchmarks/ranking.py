"""Recall@1, micro average precision and precision by score of ranked (query, reference) pairs.

The metrics of the Image Similarity Challenge (Douze et al. 2021, "The 2021 Image Similarity Dataset and Challenge",
section 5): every query contributes its best references, and all pairs of all queries stand in one ranking by score,
so scores must be comparable between queries and a confident false pair costs precision for every query below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REFERENCES_A_QUERY = 10  # as in DISC21
HIGH_PRECISION = 0.9  # at which recall is told, as in DISC21
NO_REFERENCE = -1


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best references of some queries, and which are right.

    references: [Q, K] int64, best first.  scores: [Q, K] float32, descending in every row.
    truth: [Q] int64, the right reference or NO_REFERENCE for a query that has none.
    """

    references: NDArray[np.int64]
    scores: NDArray[np.float32]
    truth: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Figures:
    """How well a ranking finds its references; all shares are in [0, 1]."""

    recall_at_1: float  # share of the queries with a reference whose best reference is that one
    uap: float  # micro average precision
    recall_at_high_precision: (
        float  # the most queries found while HIGH_PRECISION of the pairs above a score are right
    )
    queries: int  # with a reference
    negatives: int  # without


@dataclass(frozen=True, slots=True)
class Operating:
    """What one score threshold means for the best pair of every query."""

    min_score: float
    pairs: int  # best pairs with at least that score
    precision: float | None  # share of them that is right; None if there are none
    recall: float  # share of the queries with a reference that are found by them


def rank(similarity: NDArray[np.float32], truth: NDArray[np.int64]) -> Ranking:
    """The REFERENCES_A_QUERY best references of every query.

    similarity: [Q, R], higher is better; among equal scores the earlier reference stands first.
    truth: [Q], as in Ranking.
    """
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :REFERENCES_A_QUERY].astype(np.int64)
    return Ranking(order, np.take_along_axis(similarity, order, axis=1).astype(np.float32), truth)


def pooled(rankings: Sequence[Ranking]) -> Ranking:
    """One ranking of the queries of several, over the same references."""
    return Ranking(
        np.concatenate([ranking.references for ranking in rankings]),
        np.concatenate([ranking.scores for ranking in rankings]),
        np.concatenate([ranking.truth for ranking in rankings]),
    )


def figures(ranking: Ranking) -> Figures:
    """All figures of a ranking. Raises ValueError if no query has a reference."""
    has_reference = ranking.truth != NO_REFERENCE
    count = int(has_reference.sum())
    if count == 0:
        raise ValueError("recall needs at least one query that has a reference")
    precision, recall = _curve(ranking, count)
    steps = np.diff(recall, prepend=0.0)
    return Figures(
        recall_at_1=float((ranking.references[:, 0] == ranking.truth).sum()) / count,
        uap=float((precision * steps).sum()),
        recall_at_high_precision=float(recall[precision >= HIGH_PRECISION].max(initial=0.0)),
        queries=count,
        negatives=len(has_reference) - count,
    )


def precision_by_score(ranking: Ranking, min_scores: Iterable[float]) -> list[Operating]:
    """For each threshold, what the best pairs at or above it are worth; in the order given."""
    best, is_right = ranking.scores[:, 0], ranking.references[:, 0] == ranking.truth
    count = max(1, int((ranking.truth != NO_REFERENCE).sum()))
    operating = []
    for min_score in min_scores:
        pairs, right = int((best >= min_score).sum()), int(is_right[best >= min_score].sum())
        operating.append(Operating(min_score, pairs, right / pairs if pairs else None, right / count))
    return operating


def _curve(ranking: Ranking, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall at every distinct score, from the highest down: two [n] arrays.

    Pairs of equal score share one point, so the figures do not hang on the order of ties, which hashes have many of.
    """
    scores = ranking.scores.ravel()
    is_right = (ranking.references == ranking.truth[:, None]).ravel()
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    right = np.cumsum(is_right[order])[ends]
    return right / (ends + 1), right / count
