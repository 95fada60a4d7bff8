"""Search by picture or text: the one place in which the service asks the library what looks like something."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from reprise.library import Library
from reprise.settings import SearchSettings


def searches_text(library: Library) -> bool:
    """Whether the library's network reads texts."""
    return library.opened()[1].network.reads_text


def search(library: Library, *, text: str | None, picture: Path | None, limit: int) -> list[dict[str, Any]]:
    """The clips of `Library.search` for the picture file or the text, best first, each with its video's `id`.

    Runs in the library's thread. Raises as `Library.search`.
    """
    stores, embedding = library.opened()
    usual = SearchSettings(limit=limit)
    # Copy descriptors find neighbouring frames hardly alike: smoothing would blur the second that is looked for.
    settings = usual if embedding.network.reads_text else replace(usual, kernel=1)
    result = library.search(text=text, image=picture, settings=settings)
    ids: dict[str, str] = {}
    for hit in result.hits:
        if hit.video not in ids:
            ids[hit.video] = stores.videos.by_path(hit.video)[0].id
    return [hit.to_json() | {"id": ids[hit.video]} for hit in result.hits]
