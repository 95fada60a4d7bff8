"""How what became of one video reads: as a line, and as JSON."""

from __future__ import annotations

from reprise.errors import printable
from reprise.ingest import Outcome


def remark(outcome: Outcome) -> str:
    """The line about a video that failed, or with which something is wrong."""
    if outcome.status == "failed":
        return outcome.reason
    return f"{printable(outcome.path)}: {outcome.reason}; ingested up to there"


def outcome_json(outcome: Outcome) -> dict[str, str]:
    """The object that `reprise ingest --json` prints."""
    answer = {"path": printable(outcome.path), "status": outcome.status}
    if outcome.was:
        answer["was"] = outcome.was
    if outcome.reason:
        answer["reason" if outcome.status == "failed" else "warning"] = outcome.reason
    return answer
