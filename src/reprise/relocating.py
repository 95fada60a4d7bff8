"""Videos whose files were moved or renamed: found by size and content, and kept under the new path undecoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reprise.errors import MissingVideoError, printable
from reprise.scanning import content_hash, real_path, video_id
from reprise.stores.library import LibraryStores
from reprise.stores.moving import move_videos
from reprise.stores.videos import VideoRow
from reprise.tagging import with_tags


def file_of(row: VideoRow) -> str | None:
    """The file that the video was ingested from, which may be gone; None where nobody can tell from here.

    Libraries of old remember the path alone, which may be relative to a folder that is not known.
    """
    if row.real_path:
        return row.real_path
    return row.path if video_id(row.path) == row.id else None


def is_gone(row: VideoRow, *, with_its_folder: bool) -> bool:
    """Whether there is no file any more where the video was ingested from.

    Without `with_its_folder`, the folder that it was in must still be there: on another machine, or with a disk that
    is not mounted, all files of a library seem to be gone.
    """
    file = file_of(row)
    if file is None or Path(file).exists():
        return False
    return with_its_folder or Path(file).parent.is_dir()


def find_moved(stores: LibraryStores, files: Mapping[str, int], *, with_their_folder: bool) -> dict[str, VideoRow]:
    """The videos of the library that lie at other paths now, by path.

    files: paths that the library does not know, with their sizes in bytes; only those are read that have the size of
    a video whose file is gone (see `is_gone`).
    """
    gone: dict[tuple[int, str], list[VideoRow]] = {}
    rows = stores.videos.of_size(files.values()) if files else []
    # Imported videos may have ids that are not their files': at the same path they are not gone, but found.
    here = {real_path(path) for path in files} - {""} if rows else set()
    for row in sorted(rows, key=lambda row: row.path):
        if row.real_path in here or is_gone(row, with_its_folder=with_their_folder):
            gone.setdefault((row.file_size, row.content_hash), []).append(row)
    sizes = {size for size, _ in gone}
    moved: dict[str, VideoRow] = {}
    for path, size in files.items():
        if size in sizes:
            try:
                same = gone.get((size, content_hash(path)))
            except MissingVideoError:
                continue  # whoever tries to decode it says why
            if same:
                moved[path] = same.pop(0)
    return moved


def relocate(
    stores: LibraryStores, moved: Mapping[str, VideoRow], modified_ns: Mapping[str, int], tags: Sequence[str] = ()
) -> set[str]:
    """Keeps the videos under the paths that they are at now, and adds the tags; returns the paths that this was done
    for: a video that is not whole in the library is left for whoever decodes it anew.
    """
    after = {
        path: replace(
            row,
            id=video_id(path),
            path=printable(path),
            real_path=real_path(path),
            modified_ns=modified_ns[path],
            tags=with_tags(row, tags),
        )
        for path, row in moved.items()
    }
    arrived = {row.id for row in move_videos(stores, [(moved[path], row) for path, row in after.items()])}
    return {path for path, row in after.items() if row.id in arrived}
