"""Reprise finds which seconds of a video are copied from which seconds of the videos you already have.

import reprise
with reprise.open("library") as library:
    library.ingest(["videos/"])
    for match in library.query("clip.mp4"):
        print(match.reference, match.segments)
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from reprise.errors import ReprisError
from reprise.registration import register_with_towhee

if TYPE_CHECKING:
    from reprise.checking.settings import CheckSettings
    from reprise.checking.verdict import CheckReport, Relation, Verdict
    from reprise.comparison import compare
    from reprise.decoding.limits import DecodeLimits
    from reprise.filters import VideoFilter
    from reprise.hits import SearchHit, SearchResult
    from reprise.library import Library
    from reprise.segment import Match, QueryResult, Segment
    from reprise.settings import EmbedSettings, QuerySettings, SearchSettings

# Operators must be known to Towhee before anything asks for them by name, and importing reprise is enough for that.
register_with_towhee()

__all__ = [
    "CheckReport",
    "CheckSettings",
    "DecodeLimits",
    "EmbedSettings",
    "Library",
    "Match",
    "QueryResult",
    "QuerySettings",
    "Relation",
    "ReprisError",
    "SearchHit",
    "SearchResult",
    "SearchSettings",
    "Segment",
    "Verdict",
    "VideoFilter",
    "compare",
    "open",
]

DEFAULT_LIBRARY = "./library"

# The modules of the names that are imported when they are first asked for: `reprise --help` needs none of them.
_HOMES = {
    "CheckReport": "checking.verdict",
    "CheckSettings": "checking.settings",
    "DecodeLimits": "decoding.limits",
    "EmbedSettings": "settings",
    "Library": "library",
    "Match": "segment",
    "QueryResult": "segment",
    "QuerySettings": "settings",
    "Relation": "checking.verdict",
    "SearchHit": "hits",
    "SearchResult": "hits",
    "SearchSettings": "settings",
    "Segment": "segment",
    "Verdict": "checking.verdict",
    "VideoFilter": "filters",
    "compare": "comparison",
}

if not TYPE_CHECKING:  # else every name would be there for a type checker

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'reprise' has no attribute {name!r}")
        globals()[name] = value = getattr(importlib.import_module(f"reprise.{_HOMES[name]}"), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})


def open(  # noqa: A001 - reads as reprise.open, like the built-in reads files
    library: str | os.PathLike[str] | None = None,
    *,
    model: str | None = None,
    fps: float | None = None,
    device: str = "auto",
    weights: str | None = None,
    wait_s: float | None = None,
    limits: DecodeLimits | None = None,
    matrices: str | None = None,
) -> Library:
    """The library in a folder or on a Milvus server (`http://host:19530`).

    Left out, it is $REPRISE_LIBRARY, else ./library. Further arguments and errors as `reprise.Library`.
    """
    from reprise.library import Library

    where = library if library is not None else os.environ.get("REPRISE_LIBRARY") or DEFAULT_LIBRARY
    return Library(
        where,
        model=model,
        fps=fps,
        device=device,
        weights=weights,
        wait_s=wait_s,
        limits=limits,
        matrices=matrices,
    )
