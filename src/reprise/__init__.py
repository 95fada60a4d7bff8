"""Reprise finds which seconds of a video are copied from which seconds of the videos you already have.

import reprise
with reprise.open("library") as library:
    library.ingest(["videos/"])
    for match in library.query("clip.mp4"):
        print(match.reference, match.segments)
"""

from __future__ import annotations

import os

from reprise.registration import register_all

# Operators must be known to Towhee before anything asks for them by name, and importing reprise is enough for that.
register_all()

from reprise.comparison import compare  # noqa: E402
from reprise.decoding.limits import DecodeLimits  # noqa: E402
from reprise.errors import ReprisError  # noqa: E402
from reprise.filters import VideoFilter  # noqa: E402
from reprise.hits import SearchHit, SearchResult  # noqa: E402
from reprise.library import Library  # noqa: E402
from reprise.segment import Match, QueryResult, Segment  # noqa: E402
from reprise.settings import EmbedSettings, QuerySettings, SearchSettings  # noqa: E402

__all__ = [
    "DecodeLimits",
    "EmbedSettings",
    "Library",
    "Match",
    "QueryResult",
    "QuerySettings",
    "ReprisError",
    "SearchHit",
    "SearchResult",
    "SearchSettings",
    "Segment",
    "VideoFilter",
    "compare",
    "open",
]

DEFAULT_LIBRARY = "./library"


def open(  # noqa: A001 - reads as reprise.open, like the built-in reads files
    library: str | os.PathLike[str] | None = None,
    *,
    model: str | None = None,
    fps: float | None = None,
    device: str = "auto",
    weights: str | None = None,
    limits: DecodeLimits | None = None,
) -> Library:
    """The library in a folder or on a Milvus server (`http://host:19530`).

    Left out, it is $REPRISE_LIBRARY, else ./library. Further arguments and errors as `reprise.Library`.
    """
    where = library if library is not None else os.environ.get("REPRISE_LIBRARY") or DEFAULT_LIBRARY
    return Library(where, model=model, fps=fps, device=device, weights=weights, limits=limits)
