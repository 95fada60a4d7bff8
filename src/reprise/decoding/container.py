"""Opening a video file and choosing its picture track; every failure is one clear line."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.codec import CodecContext
from av.container import Flags, InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from reprise.decoding.allowed import CODECS, FORMATS, LOCAL_PROTOCOLS, REMOTE_PROTOCOLS, refusal
from reprise.decoding.limits import Meter
from reprise.decoding.refused_size import ffmpegs_errors
from reprise.errors import DecodeError, InputError, MissingVideoError, NotAVideoError, printable

# FFmpeg reports damage on stderr by itself; here damage is told by exceptions and warnings instead.
av.logging.set_level(None)
# Of two refusals for the same format each must be told.
av.logging.set_skip_repeated(False)

STILL_BRANDS = frozenset({"avif", "heic", "heix", "mif1"})  # photographs in MP4's clothing
# Streams that are made to be cut and joined: they announce no length, and time stamps may jump where they do.
# (FFmpeg's AVFMT_TS_DISCONT, less Ogg, where a gap in the stamps is a picture that stays.)
JOINABLE_FORMATS = frozenset({"mpegts", "mpegtsraw", "mpeg", "hls", "live_flv", "dhav", "ty"})
# FFmpeg's own decoders of these leave the transparency of a WebM out.
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
REMOTE_PREFIXES = ("http://", "https://")
HIGHEST_RATE = 240  # pictures a second; above this a file announces the tick of its clock, not its pictures


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the container says of its picture track, before anything is decoded."""

    duration_s: float | None  # of the picture track; None where the file does not say
    container_duration_s: float | None  # of the longest track, which may be the sound; None likewise
    width: int
    height: int
    codec: str


def check_file(path: str | os.PathLike[str], wanted: str = "a video file") -> os.stat_result:
    """The file's status; raises MissingVideoError or NotAVideoError if it cannot be what is `wanted` at all."""
    shown = printable(path)
    try:
        status = Path(path).stat()
    except OSError as error:
        reason = _reason(error)
        if error.errno == errno.ENOENT and Path(path).is_symlink():
            reason = "is a symbolic link to a file that is not there"
        raise MissingVideoError(f"{shown}: {reason}") from error
    except ValueError as error:  # a zero byte
        raise MissingVideoError(f"{shown}: no file can have this name") from error
    if stat.S_ISDIR(status.st_mode):
        raise NotAVideoError(f"{shown}: is a folder, not {wanted}")
    if not stat.S_ISREG(status.st_mode):
        raise NotAVideoError(f"{shown}: is a pipe, socket or device, not {wanted}")
    if status.st_size == 0:
        raise NotAVideoError(f"{shown}: the file is empty (0 bytes)")
    if not os.access(path, os.R_OK):
        raise MissingVideoError(f"{shown}: no permission to read the file")
    return status


@contextmanager
def open_video(
    path: str, *, threads: int = 0, meter: Meter | None = None
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The opened container and its picture track.

    `threads` is the number of decoding threads, 0 for FFmpeg's choice; `meter` knows the limits of the video, None
    for none. `path` may also be an http(s) URL, as Towhee's operator allows. Only the formats, codecs and protocols
    of `reprise.decoding.allowed` are read. Raises MissingVideoError, NotAVideoError, DecodeError or LimitError.
    """
    shown = printable(path)
    meter = meter or Meter(path)
    if not path.startswith(REMOTE_PREFIXES):
        check_file(path)
    try:
        container = _opened(path, meter)
    except MemoryError:
        raise  # FFmpeg's is one of its errors, too
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _open_error(path, error, meter) from error
    with container:
        _check_format(container, path)
        # PyAV's choice; the stamps that it makes up for AVI are out of order when a video has B-frames.
        container.flags &= ~cast(int, Flags.gen_pts.value)
        stream = _picture_track(container, shown)
        known = facts(container, stream)
        meter.opened(known.width, known.height, stream.frames, known.duration_s or known.container_duration_s)
        stream.codec_context.thread_count = threads
        # A picture that grows in the middle of the video is damage, and passed over as such.
        stream.codec_context.options = {"max_pixels": meter.limits.max_pixels}
        stream.thread_type = "AUTO"
        yield container, stream


def _opened(path: str, meter: Meter) -> InputContainer:
    is_remote = path.startswith(REMOTE_PREFIXES)
    options = {
        "protocol_whitelist": REMOTE_PROTOCOLS if is_remote else LOCAL_PROTOCOLS,
        "format_whitelist": ",".join(FORMATS),
        # While FFmpeg looks what a file holds it decodes as well; so both go for that, too.
        "codec_whitelist": ",".join(CODECS),
        "max_pixels": meter.limits.max_pixels,
    }
    # The file: prefix keeps a name such as "a:b.mp4" from being read as a protocol.
    address = path if is_remote else f"file:{path}"
    return av.open(address, "r", options=options, metadata_errors="replace")


def facts(container: InputContainer, stream: VideoStream) -> VideoFacts:
    """What the container says of its picture track."""
    track_s = container_s = None
    if not may_jump(container):  # what FFmpeg gives there is the distance of the last stamp from the first
        if stream.duration and stream.time_base:
            track_s = float(stream.duration * stream.time_base)
        if container.duration:
            container_s = container.duration / av.time_base
        if container_s and stream.start_time and stream.time_base and "matroska" in container.format.name:
            # Matroska gives the end of the last picture, counted from the same zero as the time stamps.
            container_s -= max(0.0, float(stream.start_time * stream.time_base))
    return VideoFacts(
        track_s if track_s and track_s > 0 else None,
        container_s if container_s and container_s > 0 else None,
        stream.codec_context.width,
        stream.codec_context.height,
        stream.codec_context.codec.canonical_name,
    )


def decoder_of(stream: VideoStream) -> VideoCodecContext:
    """The decoder of the picture track."""
    decoder = stream.codec_context
    name = ALPHA_DECODERS.get(decoder.name) if stream.metadata.get("alpha_mode") == "1" else None
    if name not in av.codecs_available:
        return decoder
    with_alpha = CodecContext.create(name, "r")
    assert isinstance(with_alpha, VideoCodecContext)
    with_alpha.thread_count, with_alpha.options = decoder.thread_count, decoder.options
    return with_alpha


def may_jump(container: InputContainer) -> bool:
    """Whether time stamps may jump, because recordings of this format are joined without more ado."""
    return not JOINABLE_FORMATS.isdisjoint(container.format.name.split(","))


def usual_length_s(stream: VideoStream) -> Fraction:
    """How long a picture of the track stays, by its frame rate."""
    rates = (stream.guessed_rate, stream.average_rate)
    return 1 / next((rate for rate in rates if rate and 0 < rate <= HIGHEST_RATE), Fraction(25))


def _check_format(container: InputContainer, path: str) -> None:
    """Raises NotAVideoError for photographs."""
    if container.metadata.get("major_brand") in STILL_BRANDS:
        raise NotAVideoError(f"{printable(path)}: is a still picture, not a video")


def _picture_track(container: InputContainer, shown: str) -> VideoStream:
    covers = av.stream.Disposition.attached_pic
    tracks = [track for track in container.streams.video if not track.disposition & covers]
    if not tracks:
        what = "only sound, no pictures" if container.streams.audio else "no video track"
        raise NotAVideoError(f"{shown}: holds {what}")
    # A track whose codec FFmpeg does not know has no codec context.
    decodable = [track for track in tracks if track.codec_context is not None]
    if not decodable:
        raise DecodeError(f"{shown}: FFmpeg has no decoder for its pictures; re-encode it, e.g. to H.264")
    decodable = [track for track in decodable if track.codec_context.name in CODECS]
    if not decodable:
        codec = tracks[0].codec_context.name
        raise DecodeError(f"{shown}: its codec, {codec}, is not read here; re-encode it, e.g. to H.264")
    # Several tracks (previews, angles): the one marked default, else the largest picture.
    default = [track for track in decodable if track.disposition & av.stream.Disposition.default]
    return max(default or decodable, key=lambda track: track.codec_context.width * track.codec_context.height)


def _open_error(path: str, error: Exception, meter: Meter) -> InputError:
    shown = printable(path)
    if isinstance(error, av.ArgumentError):
        refused = _refused_format(path, meter)
        if refused is not None:
            return NotAVideoError(f"{shown}: {refusal(refused)}")
    if isinstance(error, OSError) and error.errno in {errno.ENOENT, errno.EACCES}:
        return MissingVideoError(f"{shown}: {_reason(error)}")
    if isinstance(error, av.InvalidDataError | av.EOFError):
        return NotAVideoError(f"{shown}: no video format recognised; the file is broken, incomplete or not a video")
    detail = getattr(error, "strerror", None) or str(error)
    return DecodeError(f"{shown}: cannot be opened ({detail}); check that it plays elsewhere")


def _refused_format(path: str, meter: Meter) -> str | None:
    """FFmpeg's name for the format of a file that was refused for it; None if that was not why."""
    with ffmpegs_errors() as lines, suppress(av.FFmpegError):
        _opened(path, meter).close()
    # The demuxer's own complaint, under its name; FFmpeg says it nowhere else.
    return next((name for _, name, line in lines if "not on whitelist" in line), None)


def _reason(error: OSError) -> str:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return "no such file; it was moved, deleted or mistyped"
    if error.errno == errno.EACCES:
        return "no permission to read the file"
    if error.errno == errno.ELOOP:
        return "its symbolic links go in a circle"
    if error.errno == errno.ENAMETOOLONG:
        return "the file name is too long"
    return (error.strerror or str(error)).lower()
