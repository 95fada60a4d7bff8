"""What was odd or missing in a run, gathered so that thousands of cases take a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SHOWN_ITEMS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing that was found, and every case of it."""

    what: str  # a sentence without full stop
    items: tuple[str, ...]
    is_fault: bool  # whether something is missing from the result

    def lines(self, rest: str = "") -> list[str]:
        """The sentence and the first cases, a line each; `rest` says where the others stand."""
        lines = [self.what, *(f"  {item}" for item in self.items[:SHOWN_ITEMS])]
        more = len(self.items) - SHOWN_ITEMS
        return [*lines, f"  and {more} more{rest}"] if more > 0 else lines

    def to_json(self) -> dict[str, Any]:
        return {"what": self.what, "fault": self.is_fault, "items": [*self.items]}


def by_reason(reasons: Iterable[str], noun: str) -> tuple[str, ...]:
    """Each reason once, the most frequent first, with the number of its cases where that is not 1."""
    counts = Counter(reasons).most_common()
    return tuple(reason if count == 1 else f"{reason} ({count} {noun}s)" for reason, count in counts)
