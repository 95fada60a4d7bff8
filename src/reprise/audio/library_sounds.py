"""The sounds of a library's videos, asked for what sounds like a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reprise.audio.fingerprint import Heard, query_fingerprint
from reprise.audio.matching import same_sound
from reprise.audio.votes import Shelf
from reprise.audio.witness import witnessed
from reprise.errors import LibraryError, ReprisError
from reprise.segment import Match, QueryResult, Segment
from reprise.stores.library import LibraryStores

Codes = NDArray[np.uint32]


class LibrarySounds:
    """All fingerprints of a library, in memory (0.1 MB an hour) from the first question on."""

    def __init__(self, stores: LibraryStores) -> None:
        self._stores = stores
        self._ids: list[str] = []
        self._shelf: Shelf | None = None
        self._read_at = -1

    def witness(self, path: str, result: QueryResult) -> QueryResult:
        """The answer of a query for the video at `path`, with what the sound says of it.

        As it was where the library has no fingerprints, and with a warning where the sound cannot be heard.
        """
        if not self._stores.sounds.any():
            return result
        try:
            heard = query_fingerprint(path)
        except LibraryError:
            raise
        except ReprisError as error:
            warning = f"its sound was not compared: {error}"
            return replace(result, warning="; ".join(filter(None, [result.warning, warning])))
        query = next((one.codes for one in heard if one.speed == 1), np.zeros(0, np.uint32))
        found = self._found(heard)
        references = self._codes_of([match.reference for match in result.matches])
        return witnessed(result, found, query, references)

    def matches(self, heard: Sequence[Heard]) -> list[Match]:
        """The videos that sound like the query somewhere, best first."""
        found = self._found(heard)
        return sorted(
            (Match.of(path, list(segments)) for path, segments in found.items()),
            key=lambda match: (-match.score, match.reference),
        )

    def _found(self, heard: Sequence[Heard]) -> dict[str, list[Segment]]:
        """By path of the reference, the stretches that sound the same."""
        if not heard:
            return {}
        by_number = same_sound(self._read(), heard)
        rows = self._stores.videos.get([self._ids[number] for number in by_number])
        return {
            rows[self._ids[number]].path: segments
            for number, segments in by_number.items()
            if segments and self._ids[number] in rows
        }

    def _codes_of(self, paths: Sequence[str]) -> dict[str, Codes]:
        shelf = self._read()
        numbers = {video_id: number for number, video_id in enumerate(self._ids)}
        found = {}
        for path in paths:
            for row in self._stores.videos.by_path(path):
                if row.id in numbers:
                    found[path] = shelf.video(numbers[row.id])
        return found

    def _read(self) -> Shelf:
        # On a server other machines write too, which nothing here counts.
        if self._shelf is None or self._read_at != self._stores.sounds.changes:
            self._read_at = self._stores.sounds.changes
            sounds = dict(self._stores.sounds.all())
            self._ids, self._shelf = list(sounds), Shelf.of(list(sounds.values()))
        return self._shelf


def audio_relations(stores: LibraryStores, video: str | Sequence[Heard]) -> list[Match]:
    """The videos of a library that sound like `video` somewhere, best first, with the stretches.

    `video` is a path, or what `query_fingerprint` made of one. Empty where the library has no fingerprints, or the
    video no sound. For many videos keep a LibrarySounds. Raises an InputError for the video, MissingExtraError.
    """
    if not stores.sounds.any():
        return []
    heard = query_fingerprint(video) if isinstance(video, str) else video
    return LibrarySounds(stores).matches(heard)
