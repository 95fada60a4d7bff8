"""How a check decides."""

from __future__ import annotations

from dataclasses import dataclass

from reprise.alignment.aligners import DEFAULT_ALIGNER
from reprise.errors import SettingsError
from reprise.settings import QuerySettings

MOST = 0.8  # of a video that counts as most of it; see docs/check.md for what it was chosen on


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """Where one verdict ends and another begins, and how copies are looked for in the third stage."""

    most: float = MOST
    top_k: int = 10  # candidate videos that are aligned
    aligner: str = DEFAULT_ALIGNER
    min_score: float | None = None  # of a segment; None for the aligner's own
    audio: bool = True  # whether the sound is compared too, where the library has fingerprints of it

    def __post_init__(self) -> None:
        if not 0.5 <= self.most <= 1:
            raise SettingsError(f"most must be from 0.5 to 1, not {self.most:g}")
        QuerySettings(self.top_k, self.aligner, min_score=self.min_score)  # for its checks

    @property
    def least_score(self) -> float:
        """What a segment must score to count."""
        return QuerySettings(aligner=self.aligner, min_score=self.min_score).least_score

    @property
    def query(self) -> QuerySettings:
        """How the library is asked: for faint segments too, as what nearly counts makes a new video less sure."""
        return QuerySettings(self.top_k, self.aligner, min_score=0.0)
