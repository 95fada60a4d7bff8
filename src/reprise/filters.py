"""`--where`: which videos of a library a search is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from reprise.errors import SettingsError

GRAMMAR = "tag=TEXT or video=FILE"


@dataclass(frozen=True, slots=True)
class VideoFilter:
    """Videos with any of the tags and, where both are named, any of the paths; with neither, all videos."""

    tags: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()  # as `Library.find` takes them, or a file's name alone

    @classmethod
    def parse(cls, expressions: Iterable[str]) -> Self:
        """The filter that `tag=TEXT` and `video=FILE`, each any number of times, say. Raises SettingsError."""
        found: dict[str, list[str]] = {"tag": [], "video": []}
        for expression in expressions:
            kind, _, value = expression.partition("=")
            kind, value = kind.strip(), value.strip()
            if kind not in found or not value:
                raise SettingsError(f"where must be {GRAMMAR}, not {expression!r}")
            found[kind].append(value)
        return cls(tuple(found["tag"]), tuple(found["video"]))

    def __bool__(self) -> bool:
        return bool(self.tags or self.videos)


ALL_VIDEOS = VideoFilter()
