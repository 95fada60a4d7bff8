"""Which picture is on the screen at a given time: sampling a video at 1 fps, or at any list of times."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame as DecodedFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from reprise.decoding.container import VideoFacts, facts, open_video
from reprise.decoding.picture import PictureMaker
from reprise.errors import DecodeError, SettingsError, printable

# A container that allows time stamps to jump (MPEG-TS cut together) is read as one running clock, as ffmpeg does.
JUMP_S = 10
JUMPING_FORMATS = frozenset({"mpegts", "mpeg", "hls", "rtp", "flv", "live_flv"})


class Picture(NamedTuple):
    """A picture and the time it was asked for, in seconds from the video's first picture."""

    pixels: NDArray[np.uint8]  # [height, width, 3] RGB
    time_s: float
    is_key_frame: bool


class _Shown(NamedTuple):
    frame: DecodedFrame
    start_s: Fraction  # from the first picture
    length_s: Fraction  # as far as the file says; the next picture decides


def video_facts(path: str) -> VideoFacts:
    """What the file says of its pictures without decoding any. Raises as `open_video`."""
    with open_video(path) as (container, stream):
        return facts(container, stream)


def sample(
    path: str,
    *,
    fps: float = 1.0,
    start_s: float = 0.0,
    end_s: float | None = None,
    size: tuple[int, int] | None = None,
    threads: int = 0,
) -> Iterator[Picture]:
    """The picture on the screen at start_s, start_s + 1/fps, … up to but not including end_s.

    Times count from the first picture, whatever its own time stamp; at time t the picture is the last one
    with a time stamp at or before t (what `ffmpeg -vf fps=1:round=up` gives), so a picture that stays on
    for three seconds is given three times. `size` is (width, height), None for the display size.
    Pictures are yielded in time order while decoding goes on; memory does not grow with the length.
    Raises SettingsError, or as `open_video`; DecodeError if no picture at all can be decoded.
    """
    if not 0 < fps <= 1000:
        raise SettingsError(f"fps must be above 0 and at most 1000, not {fps}")
    step_s = 1 / Fraction(fps).limit_denominator(100_000)
    times = (Fraction(start_s).limit_denominator(1_000_000) + k * step_s for k in itertools.count())
    return pictures_at(path, times, end_s=end_s, size=size, threads=threads)


def pictures_at(
    path: str,
    times_s: Iterable[Fraction],
    *,
    end_s: float | None = None,
    size: tuple[int, int] | None = None,
    threads: int = 0,
) -> Iterator[Picture]:
    """The picture on the screen at each of the ascending `times_s`, until the video or `end_s` is over.

    Raises as `sample`.
    """
    wanted = iter(times_s)
    time_s = next(wanted, None)
    with open_video(path, threads=threads) as (container, stream):
        make = PictureMaker(size)
        before: _Shown | None = None
        for shown in itertools.chain(_shown_frames(container, stream), [None]):
            if before is not None:
                until_s = shown.start_s if shown is not None else before.start_s + before.length_s
                pixels = None
                while time_s is not None and time_s < until_s and (end_s is None or time_s < end_s):
                    if pixels is None:
                        pixels = make(before.frame, stream.sample_aspect_ratio)
                    yield Picture(pixels, float(time_s), bool(before.frame.key_frame))
                    time_s = next(wanted, None)
                if time_s is None or (end_s is not None and time_s >= end_s):
                    return
            elif shown is None:
                raise DecodeError(
                    f"{printable(path)}: no picture can be decoded; the file is damaged or ends before its first"
                    " picture"
                )
            before = shown


def every_picture(
    path: str, *, start_s: float = 0.0, end_s: float | None = None, threads: int = 0
) -> Iterator[Picture]:
    """Each picture of the video once, at its own time; parameters and errors as `sample`."""
    with open_video(path, threads=threads) as (container, stream):
        make = PictureMaker()
        nothing = True
        for shown in _shown_frames(container, stream):
            nothing = False
            if end_s is not None and shown.start_s >= end_s:
                return
            if shown.start_s >= start_s:
                pixels = make(shown.frame, stream.sample_aspect_ratio)
                yield Picture(pixels, float(shown.start_s), bool(shown.frame.key_frame))
        if nothing:
            raise DecodeError(f"{printable(path)}: no picture can be decoded; the file is damaged")


def _shown_frames(container: InputContainer, stream: VideoStream) -> Iterator[_Shown]:
    """Decoded frames with their start and length in seconds from the first picture, in display order."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    usual_s = 1 / Fraction(rate)
    may_jump = any(name in JUMPING_FORMATS for name in container.format.name.split(","))
    first_s: Fraction | None = None
    last_s = Fraction(0)
    for frame in _decoded(container, stream):
        if frame.pts is None or frame.time_base is None:
            start_s = last_s + usual_s if first_s is not None else Fraction(0)
            first_s = start_s if first_s is None else first_s
        else:
            stamp_s = frame.pts * frame.time_base
            if first_s is None:
                first_s = stamp_s
            start_s = stamp_s - first_s
            if may_jump and abs(start_s - last_s) > JUMP_S:
                first_s = stamp_s - (last_s + usual_s)
                start_s = last_s + usual_s
        # A damaged file may step back: its pictures keep their order.
        start_s = max(start_s, last_s)
        length_s = usual_s
        if frame.duration and frame.time_base:
            length_s = frame.duration * frame.time_base
        yield _Shown(frame, start_s, length_s)
        last_s = start_s


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[DecodedFrame]:
    """All decodable frames; damaged packets are passed over, as a player does."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError:
            # The container breaks off here; what the decoder still holds belongs to the video.
            packet = None
        try:
            frames = stream.codec_context.decode(packet)
        except av.EOFError:
            return
        except av.FFmpegError:
            frames = []
        yield from frames
        if packet is None:
            return
