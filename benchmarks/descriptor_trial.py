"""A descriptor's way through the benchmark: references embedded once, then group after group of queries ranked."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from frame_edits import BASIC
from frame_queries import QueryGroup
from networks import Embedder
from photometric_edits import Rgb
from ranking import Ranking, pooled, rank
from reprise.views import further_views

BLOCK_FRAMES = 256  # embedded together, so that drawn distractors need not all be in memory


@dataclass(frozen=True, slots=True)
class Parts:
    """Further views of a group's queries; owner: [views] int64, ascending, the query that each is of."""

    pictures: list[Rgb]
    owner: NDArray[np.int64]


@dataclass(slots=True)
class Trial:
    """The rankings that a descriptor gives, by edit and strength, and how many vectors they took."""

    name: str
    rankings: dict[tuple[str, str], Ranking] = field(default_factory=dict)
    queries: int = 0
    vectors: int = 0  # of all queries

    def of(self, edits: Iterable[str], strength: str | None = None) -> Ranking:
        """The queries of these edits together, in one strength or in all."""
        chosen = set(edits)
        return pooled(
            [
                ranking
                for (edit, level), ranking in self.rankings.items()
                if edit in chosen and strength in (None, level)
            ]
        )

    def of_basic(self, strength: str | None = None) -> Ranking:
        """The basic edits together: what the benchmark calls "all"."""
        return self.of(BASIC, strength)


class Contest:
    """Embeds references and queries with one descriptor and ranks them.

    `trials` holds one result by whole frames and, with `views`, one by the best of a query's frame and its parts.
    """

    def __init__(self, embed: Embedder, references: Sequence[Rgb], *, views: bool = False) -> None:
        self._embed, self._cpu_s, self._frames = embed, 0.0, 0
        self._references = self._embedded(references)
        names = [embed.name, f"{embed.name}+views"] if views else [embed.name]
        self.trials = [Trial(name) for name in names]

    @property
    def dimension(self) -> int:
        """Of an embedding."""
        return int(self._references.shape[1])

    @property
    def ms_a_frame(self) -> float:
        """CPU time of scaling and embedding one frame, in milliseconds."""
        return 1000 * self._cpu_s / self._frames

    def run(self, group: QueryGroup, parts: Parts | None = None) -> None:
        """Adds a group's rankings to the trials; `parts` are those of its pictures, only used with `views`."""
        whole = self._embedded(group.pictures) @ self._references.T
        _add(self.trials[0], group, whole, vectors=len(whole))
        if parts is not None and len(self.trials) > 1:
            best = whole.copy()
            if parts.pictures:
                np.maximum.at(best, parts.owner, self._embedded(parts.pictures) @ self._references.T)
            _add(self.trials[1], group, best, vectors=len(whole) + len(parts.pictures))

    def _embedded(self, frames: Sequence[Rgb]) -> NDArray[np.float32]:
        began = time.process_time()
        blocks = [self._embed(frames[start : start + BLOCK_FRAMES]) for start in range(0, len(frames), BLOCK_FRAMES)]
        self._cpu_s += time.process_time() - began
        self._frames += len(frames)
        return np.concatenate(blocks)


def parts_of(pictures: Iterable[Rgb]) -> Parts:
    """What `reprise query` would embed of each of a group's queries beside itself."""
    cut = [further_views(picture[None])[0] for picture in pictures]
    owner = [number for number, parts in enumerate(cut) for _ in parts]
    return Parts([part for parts in cut for part in parts], np.array(owner, np.int64))


def _add(trial: Trial, group: QueryGroup, similarity: NDArray[np.float32], vectors: int) -> None:
    trial.rankings[group.edit, group.strength] = rank(similarity, group.truth)
    trial.queries += len(similarity)
    trial.vectors += vectors
