"""What counts as a duplicate."""

from __future__ import annotations

from dataclasses import dataclass

from reprise.alignment.aligners import DEFAULT_ALIGNER, MIN_SCORES
from reprise.errors import SettingsError


@dataclass(frozen=True, slots=True)
class DedupeSettings:
    """From when on videos share content, and from when on one makes another superfluous."""

    min_share: float = 0.9  # of a video's frames that are in another, for it to be wholly in that
    min_score: float = MIN_SCORES[DEFAULT_ALIGNER]  # of a segment
    min_length_s: float = 3.0  # of a segment

    def __post_init__(self) -> None:
        if not 0.5 < self.min_share <= 1:
            raise SettingsError(f"min_share must be above 0.5 and at most 1, not {self.min_share:g}")
        if not 0 <= self.min_score <= 1:
            raise SettingsError(f"min_score must be from 0 to 1, not {self.min_score:g}")
        if not self.min_length_s >= 0:
            raise SettingsError(f"min_length_s must be at least 0, not {self.min_length_s:g}")
