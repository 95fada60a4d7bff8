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
from av.video.stream import VideoStream
from numpy.typing import NDArray

from reprise.decoding.container import VideoFacts, facts, may_jump, open_video
from reprise.decoding.frames import Shown, decoded, shown_frames, stamp_s, timed
from reprise.decoding.limits import Meter
from reprise.decoding.needed import OtherwiseError, Plan, list_packets, plan, planned_frames, until_last
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


def video_facts(path: str, *, meter: Meter | None = None) -> VideoFacts:
    """What the file says of its pictures without decoding any. Raises as `open_video`."""
    with open_video(path, meter=meter) as (container, stream):
        return facts(container, stream)


def sample(
    path: str,
    *,
    fps: float | Fraction = 1,
    start_s: float = 0.0,
    end_s: float | None = None,
    size: Size | None = None,
    threads: int = 0,
    meter: Meter | None = None,
) -> Iterator[Picture]:
    """The picture on the screen at start_s, start_s + 1/fps, … up to but not including end_s.

    Times count from the first picture, whatever its own time stamp; at time t the picture is the last one
    with a time stamp at or before t (what `ffmpeg -vf fps=1:round=up` gives), so a picture that stays on
    for three seconds is given three times. `Clock` says what becomes of damaged time stamps.
    `size` is (width, height) or the length of the shorter side, None for the display size, which may change within
    a video. `meter` knows the limits of the video, None for none.
    Pictures are yielded in time order while decoding goes on; memory does not grow with the length, but for some 20
    bytes a frame of the video.
    Raises SettingsError, or as `open_video`; DecodeError if no picture at all can be decoded, or none lies
    at start_s or later, LimitError past a limit of `meter`.
    """
    check_fps(fps)
    check_span(start_s, end_s)
    return pictures_at(path, _steps(fps, start_s), end_s=end_s, size=size, threads=threads, meter=meter)


def pictures_at(
    path: str,
    times_s: Iterable[Fraction],
    *,
    end_s: float | None = None,
    size: Size | None = None,
    threads: int = 0,
    meter: Meter | None = None,
) -> Iterator[Picture]:
    """The picture on the screen at each of the ascending `times_s`, until the video or `end_s` is over.

    Only what these pictures need is decoded where the file allows it (`reprise.decoding.needed` tells when it does);
    the pictures are those of `pictures_decoded_in_full`, bit for bit. Raises as `sample`.
    """
    meter = meter or Meter(path)
    times = iter(times_s)
    read_s: list[Fraction] = []
    given = 0
    chosen = _chosen(path, _remembered(times, read_s), _exact_end(end_s), meter)
    if chosen is not None:
        with suppress(OtherwiseError), open_video(path, threads=threads, meter=meter) as (container, stream):
            frames = timed(planned_frames(chosen, container, stream, meter), container, stream, meter=meter)
            asked_s = itertools.chain(read_s, times)
            for picture in _on_screen(path, stream, frames, asked_s, _exact_end(end_s), PictureMaker(size)):
                yield picture
                given += 1
            return
    asked_s = itertools.chain(read_s, times)
    in_full = pictures_decoded_in_full(path, asked_s, end_s=end_s, size=size, threads=threads, meter=meter)
    yield from itertools.islice(in_full, given, None)


def pictures_decoded_in_full(
    path: str,
    times_s: Iterable[Fraction],
    *,
    end_s: float | None = None,
    size: Size | None = None,
    threads: int = 0,
    meter: Meter | None = None,
) -> Iterator[Picture]:
    """What `pictures_at` gives, with all frames of the video decoded: slower, and asks nothing of the file."""
    with open_video(path, threads=threads, meter=meter) as (container, stream):
        frames = shown_frames(path, container, stream, meter=meter)
        yield from _on_screen(path, stream, frames, times_s, _exact_end(end_s), PictureMaker(size))


def _chosen(path: str, times_s: Iterator[Fraction], over_s: Fraction | float, meter: Meter) -> Plan | None:
    """What to decode for the times, of which no more are read than decide that; None for all of the video."""
    packet_list = list_packets(path, meter)
    if packet_list is None:
        return None
    before_end_s = itertools.takewhile(lambda time_s: time_s < over_s, times_s)
    pictures = len(packet_list.shown)
    deciding_s = list(itertools.islice(until_last(packet_list, before_end_s), pictures))
    # As many times as pictures, or none: nothing to gain.
    return plan(packet_list, deciding_s) if 0 < len(deciding_s) < pictures else None


def _remembered(times_s: Iterator[Fraction], read_s: list[Fraction]) -> Iterator[Fraction]:
    for time_s in times_s:
        read_s.append(time_s)
        yield time_s


def sample_span(
    path: str,
    *,
    fps: float | Fraction,
    start_s: float,
    end_s: float,
    size: Size | None = None,
    threads: int = 0,
    meter: Meter | None = None,
) -> list[Picture]:
    """The pictures of `sample`, for a short span of a video that may be long: decoded from the key frame before it.

    All is decoded from the start where seeking could not be trusted to give the same pictures: in streams that
    are made to be joined, and where the file gives no length or no time stamps. Raises as `sample`.
    """
    check_fps(fps)
    check_span(start_s, end_s)
    times_s = list(itertools.takewhile(lambda time_s: time_s < _exact_end(end_s), _steps(fps, start_s)))
    if start_s > SEEK_MARGIN_S:
        pictures = _sought(path, times_s, size=size, threads=threads, meter=meter)
        if pictures is not None:
            return pictures
    return list(pictures_at(path, times_s, end_s=end_s, size=size, threads=threads, meter=meter))


def evenly_spaced(
    path: str,
    count: int,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    size: Size | None = None,
    threads: int = 0,
    meter: Meter | None = None,
) -> Iterator[Picture]:
    """`count` pictures at even distances: the first at start_s, the last the last one that starts before end_s.

    A video with fewer pictures gives some of them several times. The video is decoded twice: what a file says
    of its own length is too often wrong. Raises as `sample`.
    """
    check_span(start_s, end_s)
    last_s, over_s = Fraction(0), _exact_end(end_s)
    with open_video(path, threads=threads, meter=meter) as (container, stream):
        for shown in shown_frames(path, container, stream, meter=meter):
            if shown.start_s >= over_s:
                break
            last_s = shown.start_s
    first_s = _exact(start_s)
    # A picture that is on the screen at start_s may have started before it, and may be the last.
    step_s = max(last_s - first_s, Fraction(0)) / max(count - 1, 1)
    yield from pictures_at(
        path, [first_s + k * step_s for k in range(count)], size=size, threads=threads, meter=meter
    )


def every_picture(
    path: str,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    size: Size | None = None,
    threads: int = 0,
    meter: Meter | None = None,
) -> Iterator[Picture]:
    """Each picture that starts in the span once, at its own time; parameters and errors as `sample`."""
    check_span(start_s, end_s)
    first_s, over_s = _exact(start_s), _exact_end(end_s)
    with open_video(path, threads=threads, meter=meter) as (container, stream):
        make = PictureMaker(size)
        is_given = False
        for shown in shown_frames(path, container, stream, meter=meter):
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
    frames: Iterator[Shown],
    times_s: Iterable[Fraction],
    over_s: Fraction | float,
    make: PictureMaker,
) -> Iterator[Picture]:
    """Of `frames` the one on the screen at each of the times; DecodeError if there is none for any of them."""
    wanted = iter(times_s)
    time_s = next(wanted, None)
    is_given = False
    before: Shown | None = None
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


def _sought(
    path: str, times_s: list[Fraction], *, size: Size | None, threads: int, meter: Meter | None
) -> list[Picture] | None:
    """The pictures at these times, decoded from the key frame before the first; None if that cannot be trusted."""
    with open_video(path, threads=1, meter=meter) as (container, stream):
        known = facts(container, stream)
        if may_jump(container) or (known.duration_s is None and known.container_duration_s is None):
            return None
        tick_s = stream.time_base
        first = next(decoded(path, container, stream, meter), None)
        zero_s = None if first is None or tick_s is None or first.pts is None else stamp_s(first, tick_s)
    if zero_s is None or tick_s is None:
        return None
    with open_video(path, threads=threads, meter=meter) as (container, stream):
        try:
            container.seek(int((zero_s + times_s[0] - SEEK_MARGIN_S) / tick_s), stream=stream)
        except av.FFmpegError:
            return None
        frames = shown_frames(path, container, stream, zero_s, meter)
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
