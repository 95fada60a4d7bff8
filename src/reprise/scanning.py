"""From the paths that a person names to the video files they mean."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Failure:
    """A video that could not be used, and the one line that says why."""

    path: str
    reason: str


@dataclass(slots=True)
class Found:
    """What a scan found, each file once, in the order of the paths and by name within folders."""

    videos: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)  # files in folders that are no videos by their name
    failures: list[Failure] = field(default_factory=list)


def find_videos(paths: Iterable[str | os.PathLike[str]]) -> Found:
    """The video files among `paths` and in the folders among them, however deep; links are followed once.

    A file that is named itself is taken whatever its name; in folders the suffix decides. A path that is not
    there, and a folder with no video in it, are failures.
    """
    found = Found()
    seen: set[str] = set()
    for path in [os.fspath(path) for path in paths]:
        if Path(path).is_dir():
            before = len(found.videos), len(seen)
            _scan_folder(path, found, seen)
            if (len(found.videos), len(seen)) == before:
                found.failures.append(Failure(path, f"{printable(path)}: no video in this folder"))
        else:
            _take(path, found, seen)
    return found


def video_id(path: str | os.PathLike[str]) -> str:
    """The id of the video at `path`: 32 hexadecimal digits that depend on the file's real, absolute path alone."""
    return hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]


def content_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the file's bytes, hexadecimal. Raises MissingVideoError if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MissingVideoError(
            f"{printable(path)}: cannot be read ({(error.strerror or str(error)).lower()})"
        ) from error


def _take(path: str, found: Found, seen: set[str]) -> None:
    real = os.path.realpath(path)
    if real not in seen:
        seen.add(real)
        found.videos.append(path)


def _scan_folder(folder: str, found: Found, seen: set[str]) -> None:
    for path in _files(folder, set()):
        if _is_video_name(path):
            _take(path, found, seen)
        else:
            found.skipped.append(path)


def _files(folder: str, visited: set[str]) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in visited:
        return  # a link that leads back to a folder already seen
    visited.add(real)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue  # hidden, and the "._" twins that macOS leaves beside its files
        try:
            is_folder = entry.is_dir()
        except OSError:
            is_folder = False
        if is_folder:
            yield from _files(entry.path, visited)
        else:
            yield entry.path


def _is_video_name(path: str) -> bool:
    suffix = Path(path).suffix.lower()
    if suffix != ".ts":
        return suffix in VIDEO_SUFFIXES
    try:  # also TypeScript's suffix
        with Path(path).open("rb") as file:
            return file.read(1) in {MPEG_TS_SYNC, b""}
    except OSError:
        return True
