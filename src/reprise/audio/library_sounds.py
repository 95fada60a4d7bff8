"""The sounds of a library's videos, asked for what sounds like a query."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reprise.audio.fingerprint import Heard, Listened, query_fingerprint
from reprise.audio.matching import same_sound
from reprise.audio.votes import Shelf
from reprise.audio.witness import witnessed
from reprise.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from reprise.rejections import Rejections, all_rejections
from reprise.segment import Match, QueryResult, Segment
from reprise.settings import QuerySettings
from reprise.skipping import Span
from reprise.stores.library import LibraryStores
from reprise.stores.videos import VideoRow

Codes = NDArray[np.uint32]

LEAST_LEFT_S = 2.0  # of a stretch that a skipped start or end cuts into
KEPT_S = 60.0  # on a server other machines write too, which nothing here counts


class LibrarySounds:
    """All fingerprints of a library, in memory (0.1 MB an hour) from the first question on."""

    def __init__(self, stores: LibraryStores) -> None:
        self._stores = stores
        self._ids: list[str] = []
        self._numbers: dict[str, int] = {}
        self._shelf: Shelf | None = None
        self._read_at = -1
        self._read_at_s = 0.0

    def any(self) -> bool:
        """Whether the library has any fingerprint at all."""
        return self._stores.sounds.any()

    def witness(self, path: str, listened: Listened, result: QueryResult, settings: QuerySettings) -> QueryResult:
        """The answer of a query for the video at `path`, with what its sound says of it.

        With a warning where the sound could not be heard. What is skipped of the query, or marked as no copy, is
        left out of the sound as it is of the pictures.
        """
        if listened.warning:
            return replace(result, warning="; ".join(filter(None, [result.warning, listened.warning])))
        span = Span.of(settings, result.duration_s)
        rejections = None if settings.show_rejected else Rejections(all_rejections(self._stores.notes), path)
        found: dict[str, list[Segment]] = {}
        for row, segments in self.found(listened.heard):
            kept = segments if rejections is None else rejections.kept(row, segments)
            if span is not None:
                kept = [] if span.is_empty else [s for s in span.clipped(kept) if _length_s(s) >= LEAST_LEFT_S]
            if kept:
                found.setdefault(row.path, []).extend(kept)
        references = {match.reference: self.codes_of(match.reference) for match in result.matches}
        return witnessed(result, found, listened.codes, references)

    def found(self, heard: Sequence[Heard]) -> list[tuple[VideoRow, list[Segment]]]:
        """The videos that sound like the query somewhere, with the stretches, at least one each."""
        if not heard:
            return []
        by_number = same_sound(self._read(), heard)
        rows = self._stores.videos.get([self._ids[number] for number in by_number])
        return [
            (rows[self._ids[number]], segments)
            for number, segments in by_number.items()
            if segments and self._ids[number] in rows
        ]

    def codes_of(self, path: str) -> Codes:
        """The fingerprint [codes] of the video that was ingested under this path; no codes where there is none."""
        shelf = self._read()
        for row in reversed(self._stores.videos.by_path(path)):
            if row.id in self._numbers:
                return shelf.video(self._numbers[row.id])
        return np.zeros(0, np.uint32)

    def _read(self) -> Shelf:
        is_old = not self._stores.place.embedded and time.monotonic() - self._read_at_s > KEPT_S
        if self._shelf is None or is_old or self._read_at != self._stores.sounds.changes:
            self._read_at, self._read_at_s = self._stores.sounds.changes, time.monotonic()
            sounds = dict(self._stores.sounds.all())
            self._ids, self._shelf = list(sounds), Shelf.of(list(sounds.values()))
            self._numbers = {video_id: number for number, video_id in enumerate(self._ids)}
        return self._shelf


def audio_relations(
    stores: LibraryStores, video: str | Sequence[Heard], limits: DecodeLimits = DEFAULT_LIMITS
) -> list[Match]:
    """The videos of a library that sound like `video` somewhere, best first, with the stretches.

    `video` is a path, or what `query_fingerprint` made of one. Empty where the library has no fingerprints, or the
    video no sound. For many videos keep a LibrarySounds. Raises an InputError for the video, MissingExtraError.
    """
    if not stores.sounds.any():
        return []
    heard = query_fingerprint(video, limits) if isinstance(video, str) else video
    matches = [Match.of(row.path, segments) for row, segments in LibrarySounds(stores).found(heard)]
    return sorted(matches, key=lambda match: (-match.score, match.reference))


def _length_s(segment: Segment) -> float:
    return segment.query_end_s - segment.query_start_s
