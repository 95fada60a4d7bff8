"""From the paths that a person names to the video files they mean."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reprise.errors import MissingVideoError, printable

VIDEO_SUFFIXES = frozenset(
    [
        ".3g2",
        ".3gp",
        ".264",
        ".265",
        ".apng",
        ".asf",
        ".avi",
        ".divx",
        ".dv",
        ".f4v",
        ".flv",
        ".gif",
        ".h264",
        ".h265",
        ".hevc",
        ".ivf",
        ".m1v",
        ".m2ts",
        ".m2v",
        ".m4v",
        ".mjpeg",
        ".mjpg",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpe",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".nut",
        ".obu",
        ".ogm",
        ".ogv",
        ".qt",
        ".rm",
        ".rmvb",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
        ".y4m",
    ]
)
MPEG_TS_SYNC = b"\x47"
# What `reprise.stores.library` keeps in a library's folder: scanning "." must not look for videos in ./library.
LIBRARY_NAMES = frozenset({"milvus.db", "matrices"})


@dataclass(frozen=True, slots=True)
class Failure:
    """A video that could not be used, and the one line that says why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a scan found, each file once, in the order of the paths and by name within folders."""

    videos: list[str]
    skipped: list[str]  # files in folders that are no videos by their name
    failures: list[Failure]


def find_videos(
    paths: Iterable[str | os.PathLike[str]], *, is_allowed: Callable[[str], bool] = lambda _: True
) -> Found:
    """The video files among `paths` and in the folders among them, however deep; links are followed once.

    A file that is named itself is taken whatever its name, and whether or not it is there; in folders the suffix
    decides, and what is hidden, belongs to a library or, by its path, is not allowed is passed over unread. A folder
    that cannot be read or has no video in it is a failure.
    """
    videos: dict[str, str] = {}  # the path by which it was found, by the file's real path
    others: dict[str, str] = {}
    failures: list[Failure] = []
    for path in [os.fspath(path) for path in paths]:
        if Path(path).is_dir():
            failures += _scan_folder(path, videos, others, is_allowed)
        else:
            videos.setdefault(os.path.realpath(path), path)
    skipped = [path for real, path in others.items() if real not in videos]
    return Found(list(videos.values()), skipped, failures)


def video_id(path: str | os.PathLike[str]) -> str:
    """The id of the video at `path`: 32 hexadecimal digits that depend on the file's real, absolute path alone."""
    return hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]


def real_path(path: str | os.PathLike[str]) -> str:
    """The file's real, absolute path; empty where it is no Unicode."""
    real = os.path.realpath(path)
    return real if real.isascii() or real == real.encode(errors="replace").decode() else ""


def content_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the file's bytes, hexadecimal. Raises MissingVideoError if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MissingVideoError(
            f"{printable(path)}: cannot be read ({(error.strerror or str(error)).lower()})"
        ) from error


def is_same_file(one: str, other: str) -> bool:
    """Whether both paths lead to the same file, or to files of the same bytes; False where one cannot be read."""
    try:
        if Path(one).samefile(other):
            return True
        return Path(one).stat().st_size == Path(other).stat().st_size and content_hash(one) == content_hash(other)
    except (OSError, ValueError, MissingVideoError):
        return False


def _scan_folder(
    folder: str, videos: dict[str, str], others: dict[str, str], is_allowed: Callable[[str], bool]
) -> list[Failure]:
    """Enters the folder's files in `videos` and `others`; gives what failed."""
    failures: list[Failure] = []
    nothing = True
    for path in _files(folder, failures, is_allowed):
        is_video = _is_video_name(path)
        nothing &= not is_video
        (videos if is_video else others).setdefault(os.path.realpath(path), path)
    if nothing and not failures:
        failures.append(Failure(folder, f"{printable(folder)}: no video in this folder"))
    return failures


def _files(folder: str, failures: list[Failure], is_allowed: Callable[[str], bool]) -> Iterator[str]:
    """All files below `folder`, folders and files by name; the folders that cannot be read go to `failures`."""
    visited: set[tuple[int, int]] = set()  # device and inode
    # A stack of its own: folders may lie deeper than Python may call.
    levels = [_entries(folder, visited, failures)]
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
        elif not is_allowed(entry.path):
            continue
        elif _is_folder(entry):
            levels.append(_entries(entry.path, visited, failures))
        else:
            yield entry.path


def _entries(folder: str, visited: set[tuple[int, int]], failures: list[Failure]) -> Iterator[os.DirEntry[str]]:
    try:
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in visited:
            return iter(())  # a link that leads back to a folder already seen
        visited.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        failures.append(Failure(folder, f"{printable(folder)}: the folder cannot be read ({reason})"))
        return iter(())
    if {entry.name for entry in entries} >= LIBRARY_NAMES:
        return iter(())
    # Hidden files, and the "._" twins that macOS leaves beside its files, are nobody's videos.
    return (entry for entry in entries if not entry.name.startswith("."))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # e.g. links in a circle


def _is_video_name(path: str) -> bool:
    suffix = Path(path).suffix.lower()
    if suffix != ".ts":
        return suffix in VIDEO_SUFFIXES
    try:  # also TypeScript's suffix
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return True  # reading a pipe would wait for ever
        with Path(path).open("rb") as file:
            return file.read(1) in {MPEG_TS_SYNC, b""}
    except OSError:
        return True
