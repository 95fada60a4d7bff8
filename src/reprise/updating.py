"""A library held against the files it was made of: changed ones embedded anew, moved ones found, gone ones named."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reprise.errors import InputError, printable
from reprise.ingest import Outcome, Task, ingest_into, readable
from reprise.relocating import file_of, find_moved, relocate
from reprise.scanning import Failure, find_videos
from reprise.selection import videos_at
from reprise.settings import EmbedSettings
from reprise.stores.library import LibraryStores
from reprise.stores.videos import VideoRow


@dataclass(slots=True)
class UpdateReport:
    """What became of the videos of a library, by path."""

    unchanged: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)  # their files had changed
    moved: list[str] = field(default_factory=list)  # the paths that they have now
    gone: list[str] = field(default_factory=list)  # their files are found nowhere
    removed: list[str] = field(default_factory=list)  # gone, and taken out
    failed: list[Failure] = field(default_factory=list)
    new: int = 0  # files that were looked at and are none of the library's; they are not added

    def record(self, outcome: Outcome) -> None:
        """Counts one video's outcome in."""
        if outcome.status == "failed":
            self.failed.append(Failure(outcome.path, outcome.reason))
        else:
            getattr(self, outcome.status).append(outcome.path)


def update_library(
    stores: LibraryStores,
    settings: EmbedSettings,
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    workers: int,
    prune: bool = False,
    progress: Callable[[Outcome], None] | None = None,
) -> UpdateReport:
    """Brings the videos at `paths`, without any all videos, to what their files are now.

    Outcomes are as of an ingest, and "gone" for a video whose file is found nowhere; with `prune` that is "removed".
    What was moved is looked for at `paths`, without any in the folders that the library's videos lie in. Nothing
    new is added. Raises a ModelError where no video can be embedded, LibraryError if the library cannot be written.
    """
    report = UpdateReport()

    def settle(outcome: Outcome) -> None:
        report.record(outcome)
        if progress is not None:
            progress(outcome)

    stores.recover()
    rows, places, failed = _chosen(stores, [os.fspath(path) for path in paths])
    for outcome in failed:
        settle(outcome)
    new = _unknown_files(stores, places)
    moved = find_moved(stores, {task.path: task.file_size for task in new}, with_their_folder=True)
    arrived = relocate(stores, moved, {task.path: task.modified_ns for task in new})
    for path in sorted(arrived):
        settle(Outcome(path, "moved", was=moved[path].path))
    report.new = len(new) - len(arrived)
    left = [row for row in rows if row.id not in {moved[path].id for path in arrived}]
    present = [row for row in left if _is_here(row)]
    for row in left:
        if not _is_here(row):
            # Where nobody can tell what the file was, it is not taken for gone for good.
            removes = prune and file_of(row) is not None
            if removes:
                stores.remove(row.id)
            settle(Outcome(row.path, "removed" if removes else "gone"))
    tasks, unreadable = readable([_path_of(row) for row in present])
    for outcome in unreadable:
        settle(outcome)
    if tasks:
        ingest_into(stores, tasks, settings, workers=workers, tags=(), settle=settle)
    return report


def _chosen(stores: LibraryStores, paths: Sequence[str]) -> tuple[list[VideoRow], list[str], list[Outcome]]:
    """The videos of the library that are meant, where moved ones are looked for, and the paths that are nothing."""
    if not paths:
        rows = sorted(stores.videos.all(), key=lambda row: (row.path, row.id))
        folders = {str(Path(_path_of(row)).parent) for row in rows if file_of(row) is not None}
        is_any_gone = any(not _is_here(row) for row in rows)
        return rows, sorted(folder for folder in folders if Path(folder).is_dir()) if is_any_gone else [], []
    found: dict[str, VideoRow] = {}
    failed = []
    for path in paths:
        try:
            found |= {row.id: row for row in videos_at(stores, path)}
        except InputError as error:
            if not Path(path).exists():
                failed.append(Outcome(path, "failed", f"{error}, and there is no such file"))
    rows = sorted(found.values(), key=lambda row: (row.path, row.id))
    return rows, [path for path in paths if Path(path).exists()], failed


def _unknown_files(stores: LibraryStores, places: Sequence[str]) -> list[Task]:
    """The files there that could be videos and that the library does not know by their paths."""
    tasks, _ = readable(find_videos(places).videos)
    known = stores.videos.get([task.id for task in tasks])
    return [task for task in tasks if task.id not in known]


def _is_here(row: VideoRow) -> bool:
    file = file_of(row)
    return file is not None and Path(file).exists()


def _path_of(row: VideoRow) -> str:
    """The path that leads to the video's file from here, if possible as it was ingested."""
    file = file_of(row)
    assert file is not None
    return row.path if printable(os.path.realpath(row.path)) == printable(file) else file
