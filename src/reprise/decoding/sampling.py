"""Which picture is on the screen at a given time: sampling a video at 1 fps, or at any list of times."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame as DecodedFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from reprise.decoding.clock import Clock
from reprise.decoding.container import VideoFacts, decoder_of, facts, may_jump, open_video, usual_length_s
from reprise.decoding.picture import PictureMaker, Size
from reprise.errors import DecodeError, SettingsError, printable

MAX_FPS = 1000
# Sought this much before a span: some containers' indices go by decoding stamps, which lie before the pictures'.
SEEK_MARGIN_S = 1


class Picture(NamedTuple):
    """A picture and the time it was asked for, in seconds from the video's first picture."""

    pixels: NDArray[np.uint8]  # [height, width, 3] RGB; a picture that stays is the same array again
    time_s: float
    is_key_frame: bool


class _Shown(NamedTuple):
    frame: DecodedFrame
    start_s: Fraction  # from the first picture
    end_s: Fraction  # as far as the file says; the next picture decides


def check_fps(fps: float | Fraction) -> None:
    """Raises SettingsError if a video cannot be sampled so many times a second."""
    if not 0 < fps <= MAX_FPS:
        raise SettingsError(f"fps must be above 0 and at most {MAX_FPS}, not {float(fps):g}")


def check_span(start_s: float, end_s: float | None) -> None:
    """Raises SettingsError if the span from `start_s` to `end_s` cannot be part of a video."""
    if not 0 <= start_s < math.inf:
        raise SettingsError(f"the start must be a time in seconds, 0 or later, not {start_s}")
    if end_s is not None and not end_s > start_s:
        raise SettingsError(f"the end must lie after the start, {start_s} s, not at {end_s} s")


def video_facts(path: str) -> VideoFacts:
    """What the file says of its pictures without decoding any. Raises as `open_video`."""
    with open_video(path) as (container, stream):
        return facts(container, stream)


def sample(
    path: str,
    *,
    fps: float | Fraction = 1,
    start_s: float = 0.0,
    end_s: float | None = None,
    size: Size | None = None,
    threads: int = 0,
) -> Iterator[Picture]:
    """The picture on the screen at start_s, start_s + 1/fps, … up to but not including end_s.

    Times count from the first picture, whatever its own time stamp; at time t the picture is the last one
    with a time stamp at or before t (what `ffmpeg -vf fps=1:round=up` gives), so a picture that stays on
    for three seconds is given three times. `Clock` says what becomes of damaged time stamps.
    `size` is (width, height) or the length of the shorter side, None for the display size, which may change within
    a video.
    Pictures are yielded in time order while decoding goes on; memory does not grow with the length.
    Raises SettingsError, or as `open_video`; DecodeError if no picture at all can be decoded, or none lies
    at start_s or later.
    """
    check_fps(fps)
    check_span(start_s, end_s)
    return pictures_at(path, _steps(fps, start_s), end_s=end_s, size=size, threads=threads)


def pictures_at(
    path: str,
    times_s: Iterable[Fraction],
    *,
    end_s: float | None = None,
    size: Size | None = None,
    threads: int = 0,
) -> Iterator[Picture]:
    """The picture on the screen at each of the ascending `times_s`, until the video or `end_s` is over.

    Raises as `sample`.
    """
    with open_video(path, threads=threads) as (container, stream):
        frames = _shown_frames(path, container, stream)
        yield from _on_screen(path, stream, frames, times_s, _exact_end(end_s), PictureMaker(size))


def sample_span(
    path: str,
    *,
    fps: float | Fraction,
    start_s: float,
    end_s: float,
    size: Size | None = None,
    threads: int = 0,
) -> list[Picture]:
    """The pictures of `sample`, for a short span of a video that may be long: decoded from the key frame before it.

    All is decoded from the start where seeking could not be trusted to give the same pictures: in streams that
    are made to be joined, and where the file gives no length or no time stamps. Raises as `sample`.
    """
    check_fps(fps)
    check_span(start_s, end_s)
    times_s = list(itertools.takewhile(lambda time_s: time_s < _exact_end(end_s), _steps(fps, start_s)))
    if start_s > SEEK_MARGIN_S:
        pictures = _sought(path, times_s, size=size, threads=threads)
        if pictures is not None:
            return pictures
    return list(pictures_at(path, times_s, end_s=end_s, size=size, threads=threads))


def evenly_spaced(
    path: str,
    count: int,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    size: Size | None = None,
    threads: int = 0,
) -> Iterator[Picture]:
    """`count` pictures at even distances: the first at start_s, the last the last one that starts before end_s.

    A video with fewer pictures gives some of them several times. The video is decoded twice: what a file says
    of its own length is too often wrong. Raises as `sample`.
    """
    check_span(start_s, end_s)
    last_s, over_s = Fraction(0), _exact_end(end_s)
    with open_video(path, threads=threads) as (container, stream):
        for shown in _shown_frames(path, container, stream):
            if shown.start_s >= over_s:
                break
            last_s = shown.start_s
    first_s = _exact(start_s)
    # A picture that is on the screen at start_s may have started before it, and may be the last.
    step_s = max(last_s - first_s, Fraction(0)) / max(count - 1, 1)
    yield from pictures_at(path, [first_s + k * step_s for k in range(count)], size=size, threads=threads)


def every_picture(
    path: str,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    size: Size | None = None,
    threads: int = 0,
) -> Iterator[Picture]:
    """Each picture that starts in the span once, at its own time; parameters and errors as `sample`."""
    check_span(start_s, end_s)
    first_s, over_s = _exact(start_s), _exact_end(end_s)
    with open_video(path, threads=threads) as (container, stream):
        make = PictureMaker(size)
        is_given = False
        for shown in _shown_frames(path, container, stream):
            if shown.start_s >= over_s:
                break
            if shown.start_s >= first_s:
                pixels = make(shown.frame, stream.sample_aspect_ratio)
                yield Picture(pixels, float(shown.start_s), bool(shown.frame.key_frame))
                is_given = True
        if not is_given and shown.start_s >= over_s:
            raise DecodeError(f"{printable(path)}: no picture starts between {start_s:.2f} s and {end_s:.2f} s")
        if not is_given:
            raise _past_the_end(path, start_s, shown.end_s)


def _steps(fps: float | Fraction, start_s: float) -> Iterator[Fraction]:
    # 1/29.97 as a float is no exact step; the fraction nearest to it is what was meant.
    step_s = 1 / Fraction(fps).limit_denominator(100_000) if fps > 1e-3 else Fraction(1 / fps)
    return (_exact(start_s) + k * step_s for k in itertools.count())


def _on_screen(
    path: str,
    stream: VideoStream,
    frames: Iterator[_Shown],
    times_s: Iterable[Fraction],
    over_s: Fraction | float,
    make: PictureMaker,
) -> Iterator[Picture]:
    """Of `frames` the one on the screen at each of the times; DecodeError if there is none for any of them."""
    wanted = iter(times_s)
    time_s = next(wanted, None)
    is_given = False
    before: _Shown | None = None
    for shown in itertools.chain(frames, [None]):
        if before is not None:
            until_s = before.end_s if shown is None else shown.start_s
            pixels = None
            while time_s is not None and time_s < until_s and time_s < over_s:
                if pixels is None:
                    pixels = make(before.frame, stream.sample_aspect_ratio)
                yield Picture(pixels, float(time_s), bool(before.frame.key_frame))
                is_given = True
                time_s = next(wanted, None)
            if time_s is None or time_s >= over_s:
                return
        if shown is None and not is_given and before is not None:
            raise _past_the_end(path, time_s, before.end_s)
        before = shown


def _sought(path: str, times_s: list[Fraction], *, size: Size | None, threads: int) -> list[Picture] | None:
    """The pictures at these times, decoded from the key frame before the first; None if that cannot be trusted."""
    with open_video(path, threads=1) as (container, stream):
        known = facts(container, stream)
        if may_jump(container) or (known.duration_s is None and known.container_duration_s is None):
            return None
        tick_s = stream.time_base
        first = next(_decoded(path, container, stream), None)
        zero_s = None if first is None or tick_s is None or first.pts is None else _stamp_s(first, tick_s)
    if zero_s is None or tick_s is None:
        return None
    with open_video(path, threads=threads) as (container, stream):
        try:
            container.seek(int((zero_s + times_s[0] - SEEK_MARGIN_S) / tick_s), stream=stream)
        except av.FFmpegError:
            return None
        frames = _shown_frames(path, container, stream, zero_s)
        landed = next(frames, None)
        if landed is None or landed.start_s > times_s[0]:
            return None
        chained = itertools.chain([landed], frames)
        return list(_on_screen(path, stream, chained, times_s, math.inf, PictureMaker(size)))


def _exact(time_s: float) -> Fraction:
    # 1.12 as a float lies a little after the picture at 28/25 s that is meant.
    return Fraction(time_s).limit_denominator(1_000_000)


def _exact_end(end_s: float | None) -> Fraction | float:
    return math.inf if end_s is None or end_s == math.inf else _exact(end_s)


def _past_the_end(path: str, time_s: float | Fraction | None, end_s: Fraction) -> DecodeError:
    asked_s = float(time_s or 0)
    return DecodeError(f"{printable(path)}: no picture at {asked_s:.2f} s; the video ends at {float(end_s):.2f} s")


def _shown_frames(
    path: str, container: InputContainer, stream: VideoStream, zero_s: Fraction | None = None
) -> Iterator[_Shown]:
    """Decoded frames with their times from the first picture, in display order; at least one, or DecodeError.

    `zero_s` is the first picture's stamp if the container was sought to a later place: then from the first key
    frame there (what is displayed before it may lean on pictures that were not decoded), and maybe none.
    """
    known = facts(container, stream)
    announced_s = max((s for s in (known.duration_s, known.container_duration_s) if s), default=None)
    clock = Clock(usual_length_s(stream), may_jump=may_jump(container), announced_s=announced_s)
    tick_s = stream.time_base or Fraction(0)
    frames = _decoded(path, container, stream)
    if zero_s is not None:
        clock.start_s(zero_s)
        frames = itertools.dropwhile(lambda frame: not frame.key_frame, frames)
    is_empty = zero_s is None
    for frame, following in _with_following(frames):
        next_stamp_s = None if following is None else _stamp_s(following, tick_s)
        start_s = clock.start_s(_stamp_s(frame, tick_s), next_stamp_s)
        yield _Shown(frame, start_s, clock.end_s(frame.duration * tick_s if frame.duration else None))
        is_empty = False
    if is_empty:
        raise DecodeError(
            f"{printable(path)}: no picture can be decoded; the file is damaged or ends before its first picture"
        )


def _with_following(frames: Iterator[DecodedFrame]) -> Iterator[tuple[DecodedFrame, DecodedFrame | None]]:
    frame = next(frames, None)
    while frame is not None:
        following = next(frames, None)
        yield frame, following
        frame = following


def _stamp_s(frame: DecodedFrame, tick_s: Fraction) -> Fraction | None:
    # AVI has only decoding stamps; the decoder hands them to its frames in display order.
    stamp = frame.dts if frame.pts is None else frame.pts
    return None if stamp is None else stamp * tick_s


def _decoded(path: str, container: InputContainer, stream: VideoStream) -> Iterator[DecodedFrame]:
    """All decodable frames; damaged packets are passed over, as a player does."""
    decoder = decoder_of(stream)
    for packet in itertools.chain(_packets(container, stream), [None]):
        # Asked of the container: a decoder now and then takes encrypted data for a picture.
        if packet is not None and packet.has_sidedata("encryption_info"):
            raise DecodeError(f"{printable(path)}: the video is encrypted; ingest a copy without protection")
        try:
            yield from decoder.decode(packet)
        except av.EOFError:
            return
        except av.FFmpegError:
            continue


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """All packets as far as the file goes, less one that it breaks off in: that one only costs others.

    (A decoder with several threads that meets the fault when it gives out its last frames stops there.)
    """
    broken: Packet[VideoStream] | None = None
    with suppress(av.FFmpegError):  # the container breaks off; what the decoder still holds belongs to the video
        for packet in container.demux(stream):
            if broken is not None and packet.size:
                yield broken
            broken = packet if packet.is_corrupt else None
            if broken is None:
                yield packet
