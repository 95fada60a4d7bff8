"""The words that a library remembers with its videos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reprise.errors import SettingsError
from reprise.stores.library import LibraryStores
from reprise.stores.sharing import in_turns
from reprise.stores.videos import VideoRow


def with_tags(row: VideoRow, add: Iterable[str], remove: Iterable[str] = ()) -> list[str]:
    """The video's tags with these added behind them, each once, and those removed."""
    unwanted = set(remove)
    return [tag for tag in dict.fromkeys([*row.tags, *add]) if tag not in unwanted]


def check_tags(add: Sequence[str], remove: Sequence[str]) -> None:
    """Raises SettingsError for an empty tag, and for one that is to be both added and removed."""
    if not all(tag.strip() for tag in (*add, *remove)):
        raise SettingsError("a tag must not be empty")
    both = sorted({*add} & {*remove})
    if both:
        raise SettingsError(f"tag {both[0]!r} cannot be both added and removed")


def tag_videos(
    stores: LibraryStores, rows: Iterable[VideoRow], add: Sequence[str], remove: Sequence[str] = ()
) -> list[tuple[VideoRow, list[str]]]:
    """Adds and removes tags; returns every video, as it was, with the tags that it has now.

    A video that another process removed meanwhile is not among them. Raises LibraryInUseError for one that another
    process writes and does not end with.
    """
    tagged = []
    for ids in in_turns(stores.claims, [row.id for row in rows]):
        there = stores.videos.get(ids)  # as they are now: somebody else may have tagged them
        for row in (there[video_id] for video_id in ids if video_id in there):
            tags = with_tags(row, add, remove)
            if tags != row.tags:
                stores.videos.update(row.id, tags=tags)
            tagged.append((row, tags))
    if stores.place.embedded:
        stores.flush()  # else the next one that opens the library would look after each
    return tagged
