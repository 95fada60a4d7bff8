"""What the decoding of other packets owes to a packet, read off its first bytes with nothing decoded.

Headers as in ITU-T H.264 and H.265 section 7.3.1, ISO/IEC 14496-2 section 6.2, RFC 6386 section 9.1, and sections 6.2
and 5.9 of the VP9 and the AV1 bitstream specifications; in the containers' framing, not that of raw streams.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Final

from av.video.stream import VideoStream


class Role:
    """What a packet is to the packets after it, in the order of decoding: bits of a number.

    No `enum.IntFlag`: its operators took a twentieth of the time that decoding small videos takes.
    """

    RESTART: Final = 1  # neither its picture nor any packet after it leans on a packet before it
    DISPOSABLE: Final = 2  # no other picture leans on its picture
    SETTINGS: Final = 4  # carries settings, or what is not understood, that any later packet may need
    HIDDEN: Final = 8  # shows no picture
    LAYERED: Final = 16  # belongs to a layer above others, which may lean on what those call disposable


class UnreadableError(Exception):
    """The packet is not built as its codec has it, or in a way that is not told apart here."""


Reader = Callable[[bytes], int]
NONE = 0

# H.264: slices of a picture and of one where decoding can start; what carries nothing that outlives its picture
# (supplemental information, delimiter, filler).
H264_SLICE, H264_RESTART = 1, 5
H264_PASSING = frozenset({6, 9, 12})
# H.265: even numbers below 10 are pictures on which none of their own layer leans; IDR pictures; others.
HEVC_DISPOSABLE = frozenset({0, 2, 4, 6, 8})
HEVC_RESTART = frozenset({19, 20})
HEVC_FIRST_SETTINGS = 32
HEVC_PASSING = frozenset({35, 38, 39, 40})
PART2_PICTURE, PART2_GROUP = b"\x00\x00\x01\xb6", b"\x00\x00\x01\xb3"
PART2_INTRA, PART2_BIDIRECTIONAL = 0, 2
AV1_SEQUENCE, AV1_FRAME_HEADERS, AV1_KEY_FRAME = 1, frozenset({3, 6}), 0


def reader_of(stream: VideoStream) -> Reader | None:
    """A function that gives the role of one of the track's packets or raises UnreadableError.

    None for a codec, or a framing of it, that is not read here.
    """
    decoder = stream.codec_context
    settings = decoder.extradata or b""
    codec = decoder.codec.canonical_name
    if codec == "h264" and len(settings) > 6 and settings[0] == 1:
        return functools.partial(_h264, length_bytes=(settings[4] & 3) + 1)
    if codec == "hevc" and len(settings) > 22 and settings[0] == 1:
        return functools.partial(_hevc, length_bytes=(settings[21] & 3) + 1)
    return {"mpeg4": _part2, "vp8": _vp8, "vp9": _vp9, "av1": _av1}.get(codec)


def _units(packet: bytes, length_bytes: int) -> Iterator[int]:
    """Where each unit of an H.264 or H.265 packet starts; its length stands before it."""
    start = 0
    while start < len(packet):
        first = start + length_bytes
        start = first + int.from_bytes(packet[start:first], "big")
        if start < first + 2 or start > len(packet) or packet[first] & 0x80:
            raise UnreadableError
        yield first


def _h264(packet: bytes, length_bytes: int) -> int:
    role: int = Role.DISPOSABLE
    kinds, pictures = set(), 0
    for start in _units(packet, length_bytes):
        kind = packet[start] & 31
        if kind in (H264_SLICE, H264_RESTART):
            kinds.add(kind)
            pictures += packet[start + 1] >> 7  # its first block is number 0, in a code of variable length
            if packet[start] & 0x60:
                role &= ~Role.DISPOSABLE
        elif kind not in H264_PASSING:
            role |= Role.SETTINGS
    if len(kinds) != 1 or pictures != 1:  # of two, fields of an interlaced picture
        raise UnreadableError
    return role | Role.RESTART if H264_RESTART in kinds else role


def _hevc(packet: bytes, length_bytes: int) -> int:
    role = NONE
    kinds, pictures = set(), 0
    for start in _units(packet, length_bytes):
        kind, layer = packet[start] >> 1 & 63, (packet[start] & 1) << 5 | packet[start + 1] >> 3
        if layer:
            raise UnreadableError
        if kind < HEVC_FIRST_SETTINGS:
            kinds.add(kind)
            pictures += packet[start + 2 : start + 3] >= b"\x80"
            if packet[start + 1] & 7 != 1:
                role |= Role.LAYERED
        elif kind not in HEVC_PASSING:
            role |= Role.SETTINGS
    if len(kinds) != 1 or pictures != 1:
        raise UnreadableError
    if kinds <= HEVC_RESTART:
        return role | Role.RESTART
    return role | Role.DISPOSABLE if kinds <= HEVC_DISPOSABLE else role


def _part2(packet: bytes) -> int:
    start = packet.find(PART2_PICTURE)
    # More than one: "packed" by an encoder for AVI, whose second picture is shown with another packet.
    if start < 0 or start + 4 >= len(packet) or packet.find(PART2_PICTURE, start + 4) >= 0:
        raise UnreadableError
    role = Role.SETTINGS if start and not packet.startswith(PART2_GROUP) else NONE
    kind = packet[start + 4] >> 6
    if kind == PART2_INTRA:
        return role | Role.RESTART
    return role | Role.DISPOSABLE if kind == PART2_BIDIRECTIONAL else role


def _vp8(packet: bytes) -> int:
    if len(packet) < 3:
        raise UnreadableError
    role = NONE if packet[0] & 1 else Role.RESTART
    return role if packet[0] & 16 else role | Role.HIDDEN


def _vp9(packet: bytes) -> int:
    if len(packet) < 2 or packet[0] >> 6 != 2:
        raise UnreadableError
    # The bits after the profile: of profile 3 one more is reserved.
    flags = packet[0] >> (0 if packet[0] & 0x30 == 0x30 else 1) & 7
    is_again, is_inter, is_shown = flags >> 2 & 1, flags >> 1 & 1, flags & 1
    is_joined = packet[-1] & 0xE0 == 0xC0  # of several frames, the last of which is shown
    if is_joined or is_again:
        return NONE
    role = NONE if is_inter else Role.RESTART
    return role if is_shown else role | Role.HIDDEN


def _av1(packet: bytes) -> int:
    role = NONE
    start = 0
    while start < len(packet):
        kind, has_extension, has_length = packet[start] >> 3 & 15, packet[start] & 4, packet[start] & 2
        if packet[start] & 0x80 or has_extension or not has_length:
            raise UnreadableError
        start, length = _leb128(packet, start + 1)
        if start + length > len(packet):
            raise UnreadableError
        if kind == AV1_SEQUENCE:
            role |= Role.SETTINGS
        elif kind in AV1_FRAME_HEADERS and length:
            is_again, frame_kind, is_shown = packet[start] >> 7, packet[start] >> 5 & 3, packet[start] >> 4 & 1
            is_restart = not is_again and frame_kind == AV1_KEY_FRAME and is_shown
            return role | Role.RESTART if is_restart else role
        start += length
    raise UnreadableError


def _leb128(packet: bytes, start: int) -> tuple[int, int]:
    """The place after a number of the form that AV1 uses for lengths, and the number."""
    number = 0
    for position, byte in enumerate(packet[start : start + 8]):
        number |= (byte & 127) << 7 * position
        if byte < 128:
            return start + position + 1, number
    raise UnreadableError
