"""Which vectors of a large set are near to each other, without comparing all with all.

The set is cut into cells around some of its own vectors, each vector goes into the few cells that are nearest to it,
and only what meets in a cell is compared, as one matrix product. Cells hold about as many vectors however large the
set is, so that the work grows as the set does. A vector's neighbours are those that share one of its cells: with two
choices at each of two levels about what an inverted file finds that probes four lists (Jegou et al., "Product
quantization for nearest neighbor search", IEEE PAMI 2011, section IV, is the inverted file that this follows), but
for all vectors at once, which is what makes it quick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]

CELL = 384  # vectors that a cell is meant to hold
LARGEST_CELL = 4 * CELL
CHOICES = 2  # cells that a vector goes into, at each level
ONLY_CHOICES = 3  # where there is one level
ROWS_AT_A_TIME = 1 << 16
_DENSE = 4  # times the neighbours that are kept: with more, of a cell's vectors those alone are put in order
_SAMPLED_PER_CENTRE = 24
_ROUNDS = 3  # of k-means


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Near vectors of other owners, each way: row by row `vector` has one of `owner` at `similarity`."""

    vector: NDArray[np.int32]
    owner: NDArray[np.int32]
    similarity: Floats

    def __len__(self) -> int:
        return len(self.vector)


@dataclass(slots=True)
class JoinCost:
    """What a join cost."""

    vectors: int = 0
    cells: int = 0
    comparisons: int = 0  # of two vectors, in cells and with the cells' centres
    cut_cells: int = 0  # cells of so many like vectors that only neighbours in a row of them were compared


class FrameJoin:
    """Finds the near neighbours of all vectors in a set."""

    def __init__(
        self,
        rows: Callable[[Positions], Floats],
        owners: NDArray[np.int32],
        *,
        least: float,
        most: int,
        seed: int = 0,
    ) -> None:
        """`rows(indices)` gives vectors [n, dim] float32, rows L2-normalised; `owners`: [vectors] whose each is.

        Neighbours are those of other owners whose cosine is at least `least`. Of each vector those of at most `most`
        owners are kept, the best of each.
        """
        self._rows, self._owners = rows, owners
        self._least, self._most = least, most
        self._rng = np.random.default_rng(seed)
        self._kept = _Kept(most)
        self._commonness = np.zeros(len(owners), np.int32)
        self.cost = JoinCost(vectors=len(owners))

    def run(self, progress: Callable[[int, int], None] | None = None) -> tuple[Neighbours, NDArray[np.int32]]:
        """(neighbours, commonness): `commonness` [vectors] is in how many owners' vectors one was seen, up to a
        cell's size.

        `progress` is told how many vectors of the first level are done, and of how many.
        """
        everything = np.arange(len(self._owners), dtype=np.int64)
        if len(everything) <= CELL:
            self._compare(everything)
        else:
            self._join(everything, progress)
        return self._kept.result(), self._commonness

    def _join(self, everything: Positions, progress: Callable[[int, int], None] | None) -> None:
        wanted = -(-len(everything) // CELL)
        has_levels = wanted > 64  # up to there one level's centres are few enough to compare with each
        first = round(wanted**0.5) if has_levels else wanted
        choices = CHOICES if has_levels else ONLY_CHOICES
        done = 0
        for cell in self._cells(everything, first, choices):
            if has_levels and len(cell) > CELL:
                for inner in self._cells(cell, -(-len(cell) // CELL), CHOICES):
                    self._settle(inner)
            else:
                self._settle(cell)
            done += len(cell)
            if progress is not None:
                progress(done, choices * len(everything))

    def _settle(self, cell: Positions) -> None:
        """Compares what is in a cell; one that is too large is cut up first."""
        if len(cell) <= LARGEST_CELL:
            self._compare(cell)
            return
        for part in self._cells(cell, -(-len(cell) // CELL), 1):
            if len(part) <= LARGEST_CELL:
                self._compare(part)
                continue
            # Black pictures, colour bars, a clip that thousands posted: any of the others will do. In the order of
            # their owners, so that two videos that meet in one such cell meet in the next.
            self.cost.cut_cells += 1
            by_owner = part[np.argsort(self._owners[part], kind="stable")]
            for start in range(0, len(by_owner) - CELL, CELL):
                self._compare(by_owner[start : start + 2 * CELL])

    def _cells(self, members: Positions, count: int, choices: int) -> Iterator[Positions]:
        """The members cut into `count` cells, each member in the `choices` nearest; empty cells are left out."""
        centres = self._centres(members, count)
        choices = min(choices, len(centres))
        nearest = np.empty((len(members), choices), np.int32)
        for start in range(0, len(members), ROWS_AT_A_TIME):
            part = slice(start, start + ROWS_AT_A_TIME)
            similarity = self._rows(members[part]) @ centres.T
            if choices < len(centres):
                nearest[part] = np.argpartition(-similarity, choices - 1, axis=1)[:, :choices]
            else:
                nearest[part] = np.arange(choices)
        self.cost.comparisons += len(members) * len(centres)
        flat = nearest.ravel()
        order = np.argsort(flat, kind="stable")
        ends = np.cumsum(np.bincount(flat, minlength=len(centres)))
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            if end > start:
                yield members[order[start:end] // choices]

    def _centres(self, members: Positions, count: int) -> Floats:
        """`count` directions [count, dim] that lie among the members: k-means on a sample of them."""
        size = min(len(members), count * _SAMPLED_PER_CENTRE)
        sample = self._rows(np.sort(self._rng.choice(members, size, replace=False)))
        centres = sample[self._rng.choice(size, min(count, size), replace=False)]
        for _ in range(_ROUNDS):
            nearest = (sample @ centres.T).argmax(axis=1)
            self.cost.comparisons += size * len(centres)
            order = np.argsort(nearest, kind="stable")
            used, starts = np.unique(nearest[order], return_index=True)
            sums = np.add.reduceat(sample[order], starts, axis=0)
            centres = centres.copy()
            centres[used] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
        return centres

    def _compare(self, cell: Positions) -> None:
        """Notes which vectors of a cell are near to each other."""
        vectors, owners = self._rows(cell), self._owners[cell]
        similarity = vectors @ vectors.T
        self.cost.cells += 1
        self.cost.comparisons += len(cell) ** 2
        near = similarity >= self._least
        near &= owners[:, None] != owners
        counts = near.sum(axis=1)
        if not counts.any():
            return
        reach = _DENSE * self._most
        is_dense = counts.sum() > reach * len(cell) and reach < len(cell)
        if is_dense:
            # All like all: putting every pair in order would take a thousand times what comparing them did.
            np.putmask(similarity, ~near, np.float32(-2.0))
            columns = np.argpartition(-similarity, reach - 1, axis=1)[:, :reach].ravel()
            rows = np.repeat(np.arange(len(cell)), reach)
            is_near = near[rows, columns]
            rows, columns = rows[is_near], columns[is_near]
        else:
            rows, columns = np.nonzero(near)
        found = Neighbours(rows.astype(np.int32), owners[columns], similarity[rows, columns])
        best, of_owners = _best_of_owners(found, self._most)
        if is_dense:
            seen_in = np.ceil(counts * (len(np.unique(owners)) / len(cell)))
        else:
            seen_in = np.bincount(of_owners, minlength=len(cell))
        self._commonness[cell] = np.maximum(self._commonness[cell], seen_in.astype(np.int32))
        self._kept.add(Neighbours(cell[best.vector].astype(np.int32), best.owner, best.similarity))


def _best_of_owners(found: Neighbours, most: int) -> tuple[Neighbours, NDArray[np.int32]]:
    """(of every vector the best neighbour of each owner, and of those the best `most`; the vectors of all of those
    before that cut).
    """
    order = np.lexsort((-found.similarity, found.owner, found.vector))
    vector, owner = found.vector[order], found.owner[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (vector[1:] != vector[:-1]) | (owner[1:] != owner[:-1])
    order = order[is_first]
    vectors = found.vector[order]
    order = order[np.lexsort((-found.similarity[order], vectors))]
    ranked = found.vector[order]
    starts = np.flatnonzero(np.diff(ranked, prepend=-1))
    rank = np.arange(len(ranked)) - np.repeat(starts, np.diff([*starts, len(ranked)]))
    order = order[rank < most]
    return Neighbours(found.vector[order], found.owner[order], found.similarity[order]), vectors


class _Kept:
    """Neighbours from many cells, thinned now and then, so that what is held stays in proportion to the vectors."""

    _FIRST_LIMIT = 1 << 22

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[Neighbours] = []
        self._held, self._limit = 0, self._FIRST_LIMIT

    def add(self, found: Neighbours) -> None:
        self._parts.append(found)
        self._held += len(found)
        if self._held > self._limit:
            self._parts = [self.result()]
            self._held = len(self._parts[0])
            self._limit = max(self._FIRST_LIMIT, 2 * self._held)

    def result(self) -> Neighbours:
        if not self._parts:
            return Neighbours(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
        joined = Neighbours(
            np.concatenate([part.vector for part in self._parts]),
            np.concatenate([part.owner for part in self._parts]),
            np.concatenate([part.similarity for part in self._parts]),
        )
        return _best_of_owners(joined, self._most)[0]
