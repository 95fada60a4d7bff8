"""All frames of a picture track, decoded in full, and when each of them is on the screen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame as DecodedFrame
from av.video.stream import VideoStream

from reprise.decoding.clock import Clock
from reprise.decoding.container import decoder_of, facts, may_jump, open_video, usual_length_s
from reprise.decoding.demuxing import demuxed
from reprise.decoding.limits import Meter
from reprise.decoding.refused_size import refused_size
from reprise.errors import DecodeError, printable


class Shown(NamedTuple):
    frame: DecodedFrame
    start_s: Fraction  # from the first picture
    end_s: Fraction  # as far as the file says; the next picture decides


def shown_frames(
    path: str,
    container: InputContainer,
    stream: VideoStream,
    zero_s: Fraction | None = None,
    meter: Meter | None = None,
) -> Iterator[Shown]:
    """Decoded frames with their times from the first picture, in display order; at least one, or DecodeError.

    `zero_s` is the first picture's stamp if the container was sought to a later place: then from the first key
    frame there (what is displayed before it may lean on pictures that were not decoded), and maybe none.
    """
    meter = meter or Meter(path)
    frames = decoded(path, container, stream, meter)
    if zero_s is not None:
        frames = itertools.dropwhile(lambda frame: not frame.key_frame, frames)
    is_empty = zero_s is None
    for shown in timed(frames, container, stream, zero_s, meter):
        yield shown
        is_empty = False
    if is_empty:
        with open_video(path, meter=meter) as again:
            meter.met_size(refused_size(*again))
        raise DecodeError(
            f"{printable(path)}: no picture can be decoded; the file is damaged or ends before its first picture"
        )


def timed(
    frames: Iterator[DecodedFrame],
    container: InputContainer,
    stream: VideoStream,
    zero_s: Fraction | None = None,
    meter: Meter | None = None,
) -> Iterator[Shown]:
    """The frames, given in display order, with their times; `zero_s` as for `shown_frames`."""
    clock = Clock(usual_length_s(stream), may_jump=may_jump(container), announced_s=announced_s(container, stream))
    tick_s = stream.time_base or Fraction(0)
    if zero_s is not None:
        clock.start_s(zero_s)
    for frame, following in _with_following(frames):
        next_stamp_s = None if following is None else stamp_s(following, tick_s)
        start_s = clock.start_s(stamp_s(frame, tick_s), next_stamp_s)
        if meter is not None:
            meter.reached(start_s)
        yield Shown(frame, start_s, clock.end_s(frame.duration * tick_s if frame.duration else None))


def announced_s(container: InputContainer, stream: VideoStream) -> float | None:
    """The length that the file announces for its longest track; None where it does not."""
    known = facts(container, stream)
    return max((s for s in (known.duration_s, known.container_duration_s) if s), default=None)


def stamp_s(frame: DecodedFrame, tick_s: Fraction) -> Fraction | None:
    """The frame's time stamp in seconds; None if it has none."""
    # AVI has only decoding stamps; the decoder hands them to its frames in display order.
    stamp = frame.dts if frame.pts is None else frame.pts
    return None if stamp is None else stamp * tick_s


def decoded(
    path: str, container: InputContainer, stream: VideoStream, meter: Meter | None = None
) -> Iterator[DecodedFrame]:
    """All decodable frames; damaged packets are passed over, as a player does."""
    meter = meter or Meter(path)
    decoder = decoder_of(stream)
    for packet in itertools.chain(packets(container, stream, meter), [None]):
        # Asked of the container: a decoder now and then takes encrypted data for a picture.
        if packet is not None and packet.has_sidedata("encryption_info"):
            raise DecodeError(f"{printable(path)}: the video is encrypted; ingest a copy without protection")
        try:
            for frame in decoder.decode(packet):
                meter.frame()
                yield frame
        except av.EOFError:
            return
        except MemoryError:
            raise  # FFmpeg's is one of its errors, too
        except av.FFmpegError:
            continue


def packets(container: InputContainer, stream: VideoStream, meter: Meter) -> Iterator[Packet[VideoStream]]:
    """All packets as far as the file goes, less one that it breaks off in: that one only costs others.

    (A decoder with several threads that meets the fault when it gives out its last frames stops there.)
    """
    broken: Packet[VideoStream] | None = None
    try:
        for packet in demuxed(container, stream, meter=meter):
            meter.packet(packet.size)
            if broken is not None and packet.size:
                yield broken
            broken = packet if packet.is_corrupt else None
            if broken is None:
                yield packet
    except MemoryError:
        raise
    except av.FFmpegError:
        return  # the container breaks off; what the decoder still holds belongs to the video


def _with_following(frames: Iterator[DecodedFrame]) -> Iterator[tuple[DecodedFrame, DecodedFrame | None]]:
    frame = next(frames, None)
    while frame is not None:
        following = next(frames, None)
        yield frame, following
        frame = following
