"""Decoding only the frames that are asked for and those that they lean on: bit for bit what full decoding gives.

All packets are looked at first and nothing is decoded. Where any of them, or the file, gives a reason to doubt that
what is left out leaves the rest as it is, there is no plan, and the caller decodes in full; so too from where
decoding meets an error or a frame that was not expected. What cannot be seen is damage inside of a packet that is not
decoded: where full decoding would have let it spoil other pictures, here they are whole.
"""

from __future__ import annotations

import itertools
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet, PktSideDataT
from av.video.frame import VideoFrame as DecodedFrame
from av.video.stream import VideoStream

from reprise.decoding.clock import ANNOUNCED_TIMES, JUMP_S, LONGEST_STILL_S
from reprise.decoding.container import REMOTE_PREFIXES, decoder_of, may_jump, open_video
from reprise.decoding.frames import announced_s
from reprise.decoding.limits import Meter
from reprise.decoding.packet_roles import Reader, Role, UnreadableError, reader_of

MAX_REORDERED = 16  # the most pictures that H.264 and H.265 let a decoder hold back
LONGEST_STEP = 1.5  # of the usual one; that of a Matroska file of 240 pictures a second is 4 or 5 ms
# Side data that changes how packets after it are decoded, or that they cannot be decoded at all.
TELLING_SIDE_DATA: tuple[PktSideDataT, ...] = (
    "encryption_info",
    "encryption_init_info",
    "new_extradata",
    "param_change",
)


class OtherwiseError(Exception):
    """Decoding went another way than planned; what was given out until then is right all the same."""


@dataclass(frozen=True, slots=True)
class PacketList:
    """The packets of a picture track in the order of decoding; 21 bytes for each."""

    tick_s: Fraction
    stamps: array[int]  # when its picture is shown, in ticks
    sizes: array[int]  # bytes
    roles: bytearray
    shown: array[int]  # the stamps of those that show a picture, ascending


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a video is decoded for some times."""

    packets: PacketList
    is_sent: bytearray  # for each packet, 1 if the decoder needs it
    wanted: array[int]  # stamps, ascending, of the frames that must come out


def list_packets(path: str, meter: Meter | None = None) -> PacketList | None:
    """The packets of the video, read once through; None where all of it had better be decoded.

    None for what cannot be read twice, codecs that `reader_of` does not know, stamps that are missing, doubled or
    such that `Clock` might not take them as they are, gaps between them where packets may be lost, transparency,
    encryption, settings that change on the way outside of the packets, and any sign of damage. Raises as
    `open_video`.
    """
    if path.startswith(REMOTE_PREFIXES):
        return None
    meter = meter or Meter(path)
    with open_video(path, threads=1, meter=meter) as (container, stream):
        reader = reader_of(stream)
        if reader is None or may_jump(container) or decoder_of(stream) is not stream.codec_context:
            return None
        try:
            packet_list = _listed(container, stream, reader, meter)
        except (UnreadableError, IndexError, av.FFmpegError):
            return None
        return None if _is_doubtful(packet_list, container, stream) else packet_list


def _listed(container: InputContainer, stream: VideoStream, reader: Reader, meter: Meter) -> PacketList:
    """All packets of the track; UnreadableError or FFmpegError where one of them is out of the ordinary."""
    stamps, sizes, roles = array("q"), array("I"), bytearray()
    for packet in container.demux(stream):
        if packet.pts is None and packet.dts is None and not packet.size:
            continue  # PyAV's sign that the file is over
        meter.packet(packet.size)
        if packet.pts is None or packet.is_corrupt or _has_telling_side_data(packet):
            raise UnreadableError
        role = reader(bytes(packet))
        if role & Role.RESTART and not packet.is_keyframe:
            raise UnreadableError  # the container knows better: the packet's first bytes are damaged
        stamps.append(packet.pts)
        sizes.append(packet.size)
        roles.append(role | Role.HIDDEN if packet.is_discard else role)  # outside of the edit list
    shown = array("q", sorted(stamp for stamp, role in zip(stamps, roles, strict=True) if not role & Role.HIDDEN))
    return PacketList(stream.time_base or Fraction(0), stamps, sizes, _trusted(stamps, roles), shown)


def _has_telling_side_data(packet: Packet[VideoStream]) -> bool:
    # Hardly any has side data at all, and asking for each kind is slow.
    if next(packet.iter_sidedata(), None) is None:
        return False
    return any(packet.has_sidedata(kind) for kind in TELLING_SIDE_DATA)


def _is_doubtful(packet_list: PacketList, container: InputContainer, stream: VideoStream) -> bool:
    """Whether the times that full decoding gives might be other than those of the stamps, or packets are missing."""
    shown, tick_s = packet_list.shown, packet_list.tick_s
    if not shown or not tick_s or any(one == other for one, other in itertools.pairwise(shown)):
        return True
    known_s = announced_s(container, stream)
    longest_s = LONGEST_STILL_S if known_s is None else ANNOUNCED_TIMES * known_s + JUMP_S
    if (shown[-1] - shown[0]) * tick_s > longest_s:
        return True  # to `Clock`, a damaged stamp
    has_index = "mov" in container.format.name and stream.frames > 0  # none in an MP4 made of fragments
    if not has_index and _has_gap(shown):
        return True
    # Stamps and pictures are in different orders, or the decoder will drop pictures that come too late.
    return _reordered(packet_list.stamps, packet_list.roles) > stream.codec_context.reorder_depth


def _has_gap(shown: array[int]) -> bool:
    """Whether a picture stays longer than most, as before packets that were lost.

    Readers of formats without an index that tells each packet's place go on after damage with what they recognise
    next, and decoders that miss a picture make up for it with whatever they have decoded of late.
    """
    steps = sorted(later - stamp for stamp, later in itertools.pairwise(shown))
    return bool(steps) and steps[-1] > LONGEST_STEP * steps[len(steps) // 2]


def _reordered(stamps: array[int], roles: bytearray) -> int:
    """The most packets that come before another one and are shown after it."""
    latest: list[int] = []  # the stamps up to here that may still be shown after another, ascending
    most = 0
    for stamp, role in zip(stamps, roles, strict=True):
        if not role & Role.HIDDEN:
            most = max(most, len(latest) - bisect_right(latest, stamp))
            insort(latest, stamp)
            del latest[: -MAX_REORDERED - 1]
    return most


def _trusted(stamps: array[int], roles: bytearray) -> bytearray:
    """The roles less those that the packets after them give the lie to."""
    has_layers = any(role & Role.LAYERED for role in roles)
    restart: int | None = None
    for index, role in enumerate(roles):
        if has_layers:
            roles[index] &= ~Role.DISPOSABLE
        if role & Role.RESTART:
            restart = index
        elif restart is not None and stamps[index] < stamps[restart]:
            # Shown before the picture where decoding could start: it may lean on what was before that.
            roles[restart] &= ~Role.RESTART
    return roles


def until_last(packet_list: PacketList, times_s: Iterable[Fraction]) -> Iterator[Fraction]:
    """Of ascending times those that decide what is decoded: up to the first at which no other picture can follow."""
    length_s = (packet_list.shown[-1] - packet_list.shown[0]) * packet_list.tick_s
    for time_s in times_s:
        yield time_s
        if time_s >= length_s:
            return


def plan(packet_list: PacketList, times_s: Iterable[Fraction]) -> Plan:
    """What to decode for the frames on the screen at the times.

    The first frame is among what is wanted, as times count from it, and the one after the last of them, which ends
    that one's stay.
    """
    shown = packet_list.shown
    places, place = {0}, 0
    for time_s in times_s:
        place = bisect_right(shown, shown[0] + int(max(time_s, Fraction(0)) // packet_list.tick_s)) - 1
        places.add(place)
    places.add(min(place + 1, len(shown) - 1))
    wanted = array("q", (shown[place] for place in sorted(places)))
    return Plan(packet_list, _sent(packet_list, wanted), wanted)


def _sent(packet_list: PacketList, wanted: array[int]) -> bytearray:
    is_sent = bytearray(len(packet_list.roles))
    is_leant_on = False  # by a packet that is sent, later in the order of decoding
    for index in reversed(range(len(is_sent))):
        role, stamp = packet_list.roles[index], packet_list.stamps[index]
        is_wanted = not role & Role.HIDDEN and _is_in(stamp, wanted)
        if is_wanted or role & Role.SETTINGS:
            is_sent[index] = is_leant_on = True
        elif not role & Role.DISPOSABLE:
            is_sent[index] = is_leant_on
        if role & Role.RESTART:
            is_leant_on = False
    return is_sent


def planned_frames(
    plan: Plan, container: InputContainer, stream: VideoStream, meter: Meter
) -> Iterator[DecodedFrame]:
    """The wanted frames, in display order; OtherwiseError before the first that full decoding might not give."""
    # What is passed over in full decoding is a reason to begin just that.
    stream.codec_context.options |= {"err_detect": "explode"}
    missing = iter(plan.wanted)
    next_wanted, last = next(missing), None
    for frame in _decoded(plan, container, stream, meter):
        stamp = frame.pts
        if stamp is None or frame.is_corrupt or frame.interlaced_frame or (last is not None and stamp <= last):
            raise OtherwiseError
        if stamp > next_wanted or not _is_in(stamp, plan.packets.shown):
            raise OtherwiseError
        last = stamp
        if stamp == next_wanted:
            yield frame
            following = next(missing, None)
            if following is None:
                return
            next_wanted = following
    raise OtherwiseError


def _decoded(plan: Plan, container: InputContainer, stream: VideoStream, meter: Meter) -> Iterator[DecodedFrame]:
    try:
        for packet in itertools.chain(_sent_packets(plan, container, stream, meter), [None]):
            for frame in stream.codec_context.decode(packet):
                meter.frame()
                yield frame
    except av.EOFError:
        return
    except av.FFmpegError as error:
        raise OtherwiseError from error


def _sent_packets(
    plan: Plan, container: InputContainer, stream: VideoStream, meter: Meter
) -> Iterator[Packet[VideoStream]]:
    last = plan.is_sent.rindex(1)
    for index, packet in enumerate(itertools.islice(container.demux(stream), last + 1)):
        meter.packet(packet.size)
        if packet.pts != plan.packets.stamps[index] or packet.size != plan.packets.sizes[index]:
            raise OtherwiseError  # the file is another by now
        if plan.is_sent[index]:
            yield packet


def _is_in(stamp: int, stamps: array[int]) -> bool:
    place = bisect_left(stamps, stamp)
    return place < len(stamps) and stamps[place] == stamp
