"""Which videos of an opened library are meant: by file, path, folder, pattern, or a filter."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reprise.errors import InputError, MissingVideoError, printable
from reprise.filters import ALL_VIDEOS, Condition, VideoFilter, is_pattern
from reprise.scanning import Failure, find_videos, video_id
from reprise.stores.library import LibraryStores
from reprise.stores.videos import VideoRow


@dataclass(frozen=True, slots=True)
class Selection:
    """The videos that are meant, each once, sorted by path; and the names that mean none."""

    videos: list[VideoRow]
    failures: list[Failure]


def select(
    stores: LibraryStores, paths: Iterable[str | os.PathLike[str]] = (), where: VideoFilter = ALL_VIDEOS
) -> Selection:
    """The videos at these paths, files and folders, that fit the filter; without paths all that fit.

    Raises MissingVideoError for a file that `where` names and that the library does not have.
    """
    named = [os.fspath(path) for path in paths]
    if not named:
        return Selection(filtered(stores, where), [])
    rows: dict[str, VideoRow] = {}
    failures: list[Failure] = []
    for path in named:
        try:
            rows |= {row.id: row for row in videos_at(stores, path)}
        except InputError as error:
            failures.append(Failure(path, str(error)))
    wanted = {row.id for row in filtered(stores, where)} if where.videos else rows.keys()
    return Selection(_sorted(row for row in rows.values() if row.id in wanted and where.fits(row)), failures)


def filtered(stores: LibraryStores, where: VideoFilter) -> list[VideoRow]:
    """The videos that fit the filter, sorted by path; perhaps none.

    Raises MissingVideoError for a file that `where` names and that the library does not have.
    """
    if where.videos:
        rows = list({row.id: row for video in where.videos for row in _named(stores, video)}.values())
    elif where.tags and not where.conditions and not any(map(is_pattern, where.tags)):
        return _sorted(stores.videos.tagged(where.tags))
    else:
        rows = list(stores.videos.all())
    return _sorted(row for row in rows if where.fits(row))


def videos_at(stores: LibraryStores, path: str) -> list[VideoRow]:
    """The video that was ingested from the file `path` or under this path, or all below the folder `path`.

    Raises MissingVideoError where there is none, and for a path under which several were ingested.
    """
    one = _one_at(stores, path)
    found = [one] if one is not None else _below(stores, path)
    if not found:
        raise _not_there(stores, path)
    return found


def video_at(stores: LibraryStores, path: str) -> VideoRow:
    """The video that was ingested from the file `path` or under this path. Raises as `videos_at`."""
    found = _one_at(stores, path)
    if found is None:
        raise _not_there(stores, path)
    return found


def _one_at(stores: LibraryStores, path: str) -> VideoRow | None:
    by_file = stores.videos.get([video_id(path)])
    if by_file:
        return next(iter(by_file.values()))
    shown = printable(path)
    named = stores.videos.by_path(shown)
    if len(named) > 1:
        raise MissingVideoError(f"{shown}: {len(named)} videos were ingested under this path; give the full path")
    return named[0] if named else None


def _not_there(stores: LibraryStores, path: str) -> MissingVideoError:
    return MissingVideoError(
        f"{printable(path)}: not in the library {stores.place.shown}; `reprise list` shows what is"
    )


def _below(stores: LibraryStores, folder: str) -> list[VideoRow]:
    """The videos in the folder, which may be gone: by what is in it now, by their paths, and by their real paths."""
    rows: dict[str, VideoRow] = {}
    if Path(folder).is_dir():
        rows = stores.videos.get([video_id(path) for path in find_videos([folder]).videos])
    # "." and the like stand in no path.
    starts = {f"{os.path.realpath(folder).rstrip('/')}/"} | {f"{printable(folder).rstrip('/')}/"}
    for row in stores.videos.all():
        if any(path.startswith(start) for start in starts for path in (row.path, row.real_path)):
            rows[row.id] = row
    return list(rows.values())


def _named(stores: LibraryStores, name: str) -> list[VideoRow]:
    """The videos ingested from the file, under this path, from any file of this name, or like the pattern."""
    found = list(stores.videos.get([video_id(name)]).values()) or stores.videos.by_path(printable(name))
    if found:
        return found
    like = Condition("video", "=", printable(name))
    if is_pattern(name):
        return [row for row in stores.videos.all() if like.fits(row)]
    if "/" not in name:
        found = [row for row in stores.videos.all() if like.fits(row)]
    if not found:
        raise _not_there(stores, name)
    return found


def _sorted(rows: Iterable[VideoRow]) -> list[VideoRow]:
    return sorted(rows, key=lambda row: (row.path, row.id))
