"""What a search answers: clips of the library's videos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A clip that shows what was searched for; times in seconds."""

    video: str  # the path as it was ingested
    start_s: float
    end_s: float  # exclusive
    best_s: float  # when the frame is on the screen that by itself is most like what was searched for
    score: float  # cosine of the query and the clip's best frame, smoothed; higher is better

    def to_json(self) -> dict[str, Any]:
        """Times with three decimals, the score with four."""
        return {
            "video": self.video,
            "start": round(self.start_s, 3),
            "end": round(self.end_s, 3),
            "best": round(self.best_s, 3),
            "score": round(self.score, 4),
        }


@dataclass(frozen=True, slots=True)
class Curve:
    """How a video's likeness to the query goes over time; equal lengths, in time order."""

    video: str
    times_s: NDArray[np.float64]  # [frames]
    plain: NDArray[np.float32]  # [frames], each frame by itself
    smooth: NDArray[np.float32]  # [frames], each with its neighbours


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The clips that were found, best first; iterating over it yields them."""

    query: str  # the text, or the image's path
    is_text: bool
    hits: tuple[SearchHit, ...]
    curves: tuple[Curve, ...] = field(default=(), compare=False, repr=False)  # of the hits' videos, best first

    def __iter__(self) -> Iterator[SearchHit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def to_json(self) -> dict[str, Any]:
        """The object that `reprise search --json` prints."""
        return {"text" if self.is_text else "image": self.query, "hits": [hit.to_json() for hit in self.hits]}
