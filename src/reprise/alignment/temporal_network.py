"""Temporal Network: copied stretches as the longest paths through the best matches of each frame.

The network is that of Tan et al., "Scalable detection of partial near-duplicate videos by
visual-temporal consistency" (ACM Multimedia 2009). Limits, weights, ties and acceptance are those of
VCSL's aligner (He et al., CVPR 2022), which Towhee's `temporal_network` operator follows too: the
paths found here are the same, in the same order.

Nodes are the `top_k` best columns of every row of the similarity map. An edge leads from a node to a
later node in both videos, and weighs the similarity of the node it leads to.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise.alignment.boxes import Box, overlap
from reprise.alignment.similarity_map import check_finite, real_map, rows_at_a_time

_NO_EDGE = -np.inf

# Of `tightened`; chosen on labelled videos, where F hardly changes from 0.6 to 0.8 and from 0.1 to 0.2.
_ALIKE_SHARE = 0.75  # of the path's median similarity, from which a frame pair speaks for the copy
_PASSED_OVER_COST = 0.1  # similarity that a passed-over frame takes away


@dataclass(frozen=True, slots=True)
class AlignedPath:
    """One copied stretch: the box around a path through the map, and the path.

    Positions are frame indices, and both ends are INCLUSIVE: the last frame that belongs to the
    copy, as VCSL's aligners give them. A half-open interval ends one frame later.
    """

    query_start: int
    reference_start: int
    query_end: int  # inclusive
    reference_end: int  # inclusive
    similarity_sum: float  # over the nodes of the path
    score: float  # similarity_sum / mean of the two spans; Towhee's score, can exceed 1
    mean_similarity: float  # over the nodes of the path
    # [n, 2] int64, read-only: query and reference frame of every node, strictly ascending in both
    nodes: NDArray[np.int64] = field(compare=False, repr=False)

    @property
    def box(self) -> Box:
        """Query start, reference start, query end, reference end; both ends inclusive."""
        return self.query_start, self.reference_start, self.query_end, self.reference_end


def find_paths(
    similarity: ArrayLike,
    *,
    top_k: int = 5,
    max_step: int = 10,
    max_path: int = 10,
    min_similarity: float = 0.2,
    min_length: int = 5,
    max_iou: float = 0.3,
) -> list[AlignedPath]:
    """Copied stretches of a similarity map, in the order in which they are found: heaviest first.

    similarity: [query frames, reference frames], real and finite, of any number type and memory
        order; it is read as float32 and not modified. Columns of equal similarity count from the
        left.
    top_k: columns kept of each row; all of them where the map has fewer.
    max_step: two nodes joined by an edge are at most max_step - 1 frames apart in either video.
    max_path: the heaviest path is searched max_path + 1 times, rejected ones included.
    min_similarity: least similarity of the node that an edge leads to, and the score that an
        accepted path exceeds. The first node of a path is held to no limit.
    min_length: the spans (last frame less first) of an accepted path exceed it in both videos.
    max_iou: an accepted box overlaps every box accepted before it by less (intersection over
        union, counted in frames with the inclusive ends).

    A map without rows or columns, or with one row or one column, holds no path: []. Working memory
    grows with query frames * (max_step - 1) * top_k ** 2, beyond the map itself.

    Raises ValueError for a map that is not two-dimensional, real and finite, and for a setting that
    is out of range.
    """
    _check_settings(top_k, max_step, max_path, min_similarity, min_length, max_iou)
    cells = real_map(similarity)
    if cells.size == 0:
        return []
    columns, similarities = _best_columns(cells, min(top_k, cells.shape[1]))
    if len(columns) == 1 or max_step == 1:
        return []
    network = _Network(columns, similarities, max_step - 1, min_similarity)
    accepted: list[AlignedPath] = []
    for rows, ranks in network.heaviest_paths(max_path + 1):
        nodes = np.stack((rows, columns[rows, ranks].astype(np.int64)), axis=1)
        spans = nodes[-1] - nodes[0]
        if spans.min() <= min_length:
            continue
        path = _measure(nodes, similarities[rows, ranks])
        if path.score > min_similarity and all(overlap(path.box, other.box) < max_iou for other in accepted):
            accepted.append(path)
    return accepted


def tightened(path: AlignedPath, similarity: NDArray[np.floating], min_similarity: float) -> AlignedPath | None:
    """The stretch of the path that is the copy, without the chance matches that lead up to it and away.

    The network holds the first node of a path to no limit, and joins whatever exceeds `min_similarity`, so
    a path starts and ends up to a few steps off the copy. Kept is the stretch with the largest sum of
    excess similarity, less a cost for every frame passed over (maximum-sum subarray, Kadane 1984). What
    counts as excess follows the path itself: a clean copy's ends must be alike in the measure of its middle.
    similarity: the map that the path was found in. None if the stretch has no span left.
    """
    nodes = path.nodes
    similarities = np.asarray(similarity[nodes[:, 0], nodes[:, 1]], dtype=np.float32)
    gains = similarities - max(min_similarity, _ALIKE_SHARE * float(np.median(similarities)))
    costs = _PASSED_OVER_COST * (np.diff(nodes, axis=0).max(axis=1) - 1)
    best, best_first, best_last = -np.inf, 0, 0
    total, first = -np.inf, 0
    for last, gain in enumerate(gains.tolist()):
        carried = total - float(costs[last - 1]) if last else 0.0
        if carried > 0:
            total = carried + gain
        else:
            total, first = gain, last
        if total > best:
            best, best_first, best_last = total, first, last
    kept = nodes[best_first : best_last + 1].copy()
    if not (kept[-1] - kept[0]).all():
        return None
    return _measure(kept, similarities[best_first : best_last + 1])


def _check_settings(
    top_k: int,
    max_step: int,
    max_path: int,
    min_similarity: float,
    min_length: int,
    max_iou: float,
) -> None:
    for name, value, least in (
        ("top_k", top_k, 1),
        ("max_step", max_step, 1),
        ("max_path", max_path, 0),
        ("min_length", min_length, 0),
        ("max_iou", max_iou, 0),
    ):
        if not value >= least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
    if not np.isfinite(min_similarity):
        raise ValueError(f"min_similarity must be a finite number, not {min_similarity}")


def _best_columns(cells: NDArray[np.generic], count: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The best columns of every row and their similarities, best first, equal ones from the left.

    Both are [query frames, count]. Works on a few rows at a time: the map can be gigabytes.
    """
    height, width = cells.shape
    columns = np.empty((height, count), np.int32)
    similarities = np.empty((height, count), np.float32)
    step = rows_at_a_time(width)
    for start in range(0, height, step):
        with np.errstate(over="ignore"):  # float64 beyond float32 is refused below, as infinite
            block = np.array(cells[start : start + step], dtype=np.float32, order="C")
        check_finite(block, start)
        rows = np.arange(len(block))
        for rank in range(count):
            best = block.argmax(axis=1)
            columns[start : start + step, rank] = best
            similarities[start : start + step, rank] = block[rows, best]
            block[rows, best] = -np.inf
    return columns, similarities


def _edge_weights(
    columns: NDArray[np.int32],
    similarities: NDArray[np.float32],
    max_gap: int,
    reach: int,
    min_similarity: float,
) -> NDArray[np.float32]:
    """Weights of the edges into every node; -inf where there is none.

    Returns [rows, ranks, reach * ranks] float32. The last axis is the predecessors in the `reach`
    rows before, earliest row first, best rank first.
    """
    height, ranks = columns.shape
    weights = np.full((height, ranks, reach, ranks), _NO_EDGE, np.float32)
    strong = similarities >= min_similarity
    unlimited = np.iinfo(np.int32).max
    # VCSL: an edge may not jump over a column that an earlier row was reached at from the same row,
    # by whichever node. [rows, ranks]: how far each node still sees.
    sight = np.full((height, ranks), min(max_gap, unlimited), np.int32)
    for step in range(1, reach + 1):
        gap = columns[step:, :, None] - columns[:-step, None, :]  # [from row, to rank, from rank]
        ahead = gap >= 1
        linked = ahead & (gap <= sight[:-step, None, :]) & strong[step:, :, None]
        weights[step:, :, reach - step] = np.where(linked, similarities[step:, :, None], _NO_EDGE)
        reached = linked.any(axis=2, keepdims=True)
        nearest = np.where(ahead & reached, gap, unlimited).min(axis=1)
        np.minimum(sight[:-step], nearest, out=sight[:-step])
    # VCSL: the worst match of the last row is the sink of the network, and no part of any path.
    weights[-1, -1] = _NO_EDGE
    return weights.reshape(height, ranks, reach * ranks)


class _Network:
    """The edges, and for every node the weight of the heaviest path that ends there.

    A node is numbered row * ranks + rank. Totals carry `reach` empty rows in front, so that the
    predecessors of a node are always the `reach * ranks` totals before its row.
    """

    def __init__(
        self,
        columns: NDArray[np.int32],
        similarities: NDArray[np.float32],
        max_gap: int,
        min_similarity: float,
    ) -> None:
        self._height, self._ranks = columns.shape
        self._reach = min(max_gap, self._height - 1)
        self._weights = _edge_weights(columns, similarities, max_gap, self._reach, min_similarity)
        self._has_edges = (self._weights.max(axis=(1, 2)) > _NO_EDGE).tolist()
        self._totals = np.zeros((self._reach + self._height) * self._ranks, np.float64)
        self._topological: NDArray[np.int64] | None = None

    def heaviest_paths(self, count: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Rows and ranks of the nodes of the heaviest path, then of the next, at most `count`.

        The edges of a path weigh nothing after it, but stay. Ends when no edge weighs anything.
        """
        changed_from, changed_to = 0, self._height - 1
        for _ in range(count):
            self._total_up(changed_from, changed_to)
            end = self._heaviest_end()
            if end is None:
                return
            nodes = [end]
            while (previous := self._predecessor(nodes[-1])) is not None:
                row, rank = divmod(nodes[-1], self._ranks)
                slot = previous - (row - self._reach) * self._ranks
                self._weights[row, rank, slot] = 0
                nodes.append(previous)
            path = np.array(nodes[::-1], np.int64)
            rows, ranks = np.divmod(path, self._ranks)
            yield rows, ranks
            changed_from, changed_to = int(rows[1]), int(rows[-1])

    def _total_up(self, changed_from: int, changed_to: int) -> None:
        """Bring the totals up to date after the edges into some rows have changed."""
        ranks, reach = self._ranks, self._reach
        window = reach * ranks
        candidates = np.empty((ranks, window), np.float64)
        totals, weights = self._totals, self._weights
        for start in range(changed_from, self._height, reach):
            stop = min(start + reach, self._height)
            block = totals[start * ranks + window : stop * ranks + window]
            before = block.copy()
            for row in range(start, stop):
                if self._has_edges[row]:
                    first = row * ranks
                    last = first + window
                    np.add(totals[first:last], weights[row], out=candidates)
                    # A path of negative weight is worth less than none: it starts afresh.
                    np.maximum.reduce(candidates, axis=1, initial=0.0, out=totals[last : last + ranks])
            # No edge is longer than a block: where a whole one is as before, so is all the rest.
            if start > changed_to and bool((block == before).all()):
                return

    def _predecessor(self, node: int) -> int | None:
        """The node before on the heaviest path to a node, of equals the first; None at its start."""
        row, rank = divmod(node, self._ranks)
        first = row * self._ranks
        window = self._reach * self._ranks
        candidates = self._totals[first : first + window] + self._weights[row, rank]
        best = int(candidates.argmax())
        return first - window + best if candidates[best] >= 0 else None

    def _heaviest_end(self) -> int | None:
        """The node with the greatest total, of equals the first in topological order."""
        totals = self._totals[self._reach * self._ranks :]
        greatest = totals.max()
        if greatest <= 0:
            return None
        equals = np.flatnonzero(totals == greatest).tolist()
        if len(equals) > 1:
            # A node that repeats its predecessor's total (its edge was used) comes after it.
            ends = set(equals)
            equals = [node for node in equals if self._predecessor(node) not in ends]
        if len(equals) > 1:
            if self._topological is None:
                self._topological = self._topological_order()
            return int(min(equals, key=self._topological.__getitem__))
        return int(equals[0])

    def _topological_order(self) -> NDArray[np.int64]:
        """Position of every node in topological order, as Kahn's algorithm takes generations.

        A generation holds the nodes whose predecessors are all in earlier ones. Inside it, nodes
        stand in the order of their last predecessors, those of the same one by number.
        """
        ranks, window = self._ranks, self._reach * self._ranks
        linked = self._weights > _NO_EDGE
        generations = np.zeros(window + self._height * ranks, np.int64)
        for row in range(self._height):
            if self._has_edges[row]:
                first = row * ranks
                before = np.where(linked[row], generations[first : first + window] + 1, 0)
                generations[first + window : first + window + ranks] = before.max(axis=1)
        generations = generations[window:]
        by_generation = np.split(np.argsort(generations, kind="stable"), np.bincount(generations).cumsum()[:-1])
        order = np.full(window + generations.size, -1, np.int64)  # empty rows in front, as totals
        position = 0
        for nodes in by_generation:
            rows, rank = np.divmod(nodes, ranks)
            predecessors = (rows * ranks)[:, None] + np.arange(window)  # numbered as in `order`
            latest = np.where(linked[rows, rank], order[predecessors], -1).max(axis=1)
            order[nodes[np.argsort(latest, kind="stable")] + window] = position + np.arange(nodes.size)
            position += nodes.size
        return order[window:]


def _measure(nodes: NDArray[np.int64], similarities: NDArray[np.float32]) -> AlignedPath:
    similarity_sum = float(similarities.sum(dtype=np.float64))
    query_start, reference_start = nodes[0].tolist()
    query_end, reference_end = nodes[-1].tolist()
    nodes.setflags(write=False)
    return AlignedPath(
        query_start=query_start,
        reference_start=reference_start,
        query_end=query_end,
        reference_end=reference_end,
        similarity_sum=similarity_sum,
        score=2 * similarity_sum / (query_end - query_start + reference_end - reference_start),
        mean_similarity=similarity_sum / len(nodes),
        nodes=nodes,
    )
