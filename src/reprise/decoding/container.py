"""Opening a video file and choosing its picture track; every failure is one clear line."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from reprise.errors import DecodeError, MissingVideoError, NotAVideoError, printable

# FFmpeg reports damage on stderr by itself; here damage is told by exceptions and warnings instead.
av.logging.set_level(None)

# FFmpeg renders text files as terminal art; nobody means that when they hand over a .txt or .nfo file.
TEXT_ART_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf"})
STILL_FORMATS = ("image2", "_pipe")
REMOTE_PREFIXES = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the container says of its picture track, before anything is decoded."""

    duration_s: float | None  # of the picture track; None where the file does not say
    container_duration_s: float | None  # of the longest track, which may be the sound
    width: int
    height: int
    codec: str


def check_file(path: str | os.PathLike[str]) -> os.stat_result:
    """The file's status; raises MissingVideoError or NotAVideoError if it cannot be a video at all."""
    shown = printable(path)
    try:
        status = Path(path).stat()
    except OSError as error:
        raise MissingVideoError(f"{shown}: {_reason(error)}") from error
    if stat.S_ISDIR(status.st_mode):
        raise NotAVideoError(f"{shown}: is a folder, not a video file")
    if not stat.S_ISREG(status.st_mode):
        raise NotAVideoError(f"{shown}: is a pipe, socket or device, not a video file")
    if status.st_size == 0:
        raise NotAVideoError(f"{shown}: the file is empty (0 bytes)")
    if not os.access(path, os.R_OK):
        raise MissingVideoError(f"{shown}: no permission to read the file")
    return status


@contextmanager
def open_video(path: str, *, threads: int = 0) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The opened container and its picture track.

    `threads` is the number of decoding threads, 0 for FFmpeg's choice. `path` may also be an http(s) URL,
    as Towhee's operator allows. Raises MissingVideoError, NotAVideoError or DecodeError.
    """
    shown = printable(path)
    if path.startswith(REMOTE_PREFIXES):
        address, options = path, {}
    else:
        check_file(path)
        # The file: prefix keeps a name such as "a:b.mp4" from being read as a protocol; the whitelist keeps a
        # playlist that only calls itself .mp4 from fetching other addresses.
        address, options = f"file:{path}", {"protocol_whitelist": "file,crypto,data"}
    try:
        container = av.open(address, options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _open_error(shown, error) from error
    with container:
        stream = _picture_track(container, shown)
        stream.codec_context.thread_count = threads
        stream.thread_type = "AUTO"
        yield container, stream


def facts(container: InputContainer, stream: VideoStream) -> VideoFacts:
    """What the container says of its picture track."""
    track_s = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    container_s = container.duration / av.time_base if container.duration else 0.0
    return VideoFacts(
        track_s if track_s > 0 else None,
        container_s if container_s > 0 else None,
        stream.codec_context.width,
        stream.codec_context.height,
        stream.codec_context.name,
    )


def _picture_track(container: InputContainer, shown: str) -> VideoStream:
    tracks = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if container.format.name in TEXT_ART_FORMATS:
        raise NotAVideoError(f"{shown}: is a text file, not a video")
    if not tracks:
        if container.streams.audio:
            raise NotAVideoError(f"{shown}: holds only sound, no pictures")
        raise NotAVideoError(f"{shown}: holds no video track")
    if container.format.name.endswith(STILL_FORMATS[1]) or container.format.name == STILL_FORMATS[0]:
        raise NotAVideoError(f"{shown}: is a still picture, not a video")
    # Several tracks (previews, angles): the one marked default, else the largest picture.
    default = [s for s in tracks if s.disposition & av.stream.Disposition.default]
    stream = max(default or tracks, key=lambda s: s.codec_context.width * s.codec_context.height)
    if stream.codec_context is None:
        raise DecodeError(f"{shown}: FFmpeg has no decoder for its pictures; re-encode it, e.g. to H.264")
    return stream


def _open_error(shown: str, error: Exception) -> Exception:
    if isinstance(error, FileNotFoundError | PermissionError):
        return MissingVideoError(f"{shown}: {_reason(error)}")
    if isinstance(error, av.InvalidDataError):
        return NotAVideoError(f"{shown}: no video format recognised; the file is broken, incomplete or not a video")
    detail = getattr(error, "strerror", None) or str(error)
    return DecodeError(f"{shown}: cannot be opened ({detail}); check that it plays elsewhere")


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "no such file; it was moved, deleted or mistyped"
    if error.errno == errno.EACCES:
        return "no permission to read the file"
    if error.errno == errno.ELOOP:
        return "its symbolic links go in a circle"
    if error.errno == errno.ENAMETOOLONG:
        return "the file name is too long"
    return (error.strerror or str(error)).lower()
