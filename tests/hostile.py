"""Files made to do harm: small to write, and large, endless or reaching for others when they are read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
from clips import number_in

from reprise.decoding import guarded
from reprise.decoding.limits import DecodeLimits


def still_in_video(path: Path, png: bytes, *, size: tuple[int, int]) -> Path:
    """A video whose one picture is the PNG file `png`, and whose header announces pictures of `size`."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        packet = av.Packet(png)
        packet.stream, packet.pts, packet.dts = stream, 0, 0
        packet.is_keyframe = True
        container.mux(packet)
    content = bytearray(path.read_bytes())
    if path.suffix == ".avi":
        place = content.index(b"strf") + 12
        content[place : place + 8] = struct.pack("<II", *size)
    else:
        place = content.index(b"png ", content.index(b"stsd")) + 28
        content[place : place + 4] = struct.pack(">HH", *size)
    path.write_bytes(content)
    return path


def white_png(width: int, height: int) -> bytes:
    """A PNG file of one bit a pixel: a thousand times smaller than its pixels are in memory, and more."""
    line = b"\0" + b"\xff" * ((width + 7) // 8)
    pack = zlib.compressobj(9)
    packed = b"".join(pack.compress(line) for _ in range(height)) + pack.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def huge_h264(width: int, height: int) -> bytes:
    """The settings (SPS, PPS) of an H.264 stream of such pictures, and the beginning of one; ITU-T H.264 7.3.2."""
    sps = _Bits()
    sps.fixed(66, 8)  # baseline
    sps.fixed(0, 8)
    sps.fixed(62, 8)  # level
    # Its number, frame numbers, order by decoding, references, no gaps.
    for number in (0, 0, 2, 1):
        sps.golomb(number)
    sps.fixed(0, 1)
    sps.golomb(width // 16 - 1)
    sps.golomb(height // 16 - 1)
    sps.fixed(0b1100, 4)  # frames only, direct 8x8, no cropping, no more about it
    pps = _Bits()
    for number in (0, 0):
        pps.golomb(number)
    pps.fixed(0, 2)
    for number in (0, 0, 0):
        pps.golomb(number)
    pps.fixed(0, 3)
    for number in (0, 0, 0):
        pps.golomb(number)
    pps.fixed(0, 3)
    picture = _Bits()
    for number in (0, 7, 0):  # from the first block on, of blocks that lean on no other, by those settings
        picture.golomb(number)
    picture.fixed(0, 64)
    start = b"\0\0\0\1"
    stream = start + b"\x67" + sps.content() + start + b"\x68" + pps.content()
    return stream + (start + b"\x65" + picture.content() + b"\x80" * 200) * 30


class _Bits:
    def __init__(self) -> None:
        self._bits = ""

    def fixed(self, number: int, length: int) -> None:
        self._bits += f"{number:0{length}b}"

    def golomb(self, number: int) -> None:
        code = f"{number + 1:b}"
        self._bits += "0" * (len(code) - 1) + code

    def content(self) -> bytes:
        bits = self._bits + "1"
        bits += "0" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big")


def with_box(content: bytes, path: tuple[bytes, ...], change: Callable[[bytes], bytes]) -> bytes:
    """The MP4 file with what is in the box at `path` changed; the boxes around it grow or shrink with it."""
    out, place = b"", 0
    while place + 8 <= len(content):
        size, name = struct.unpack(">I4s", content[place : place + 8])
        size = size or len(content) - place
        inside = content[place + 8 : place + size]
        if name == path[0]:
            inside = change(inside) if len(path) == 1 else with_box(inside, path[1:], change)
        out += struct.pack(">I4s", len(inside) + 8, name) + inside
        place += size
    return out


def elsewhere(path: Path) -> bytes:
    """What a QuickTime `dref` box holds that says: the pictures are in the file `path` (an alias record)."""
    name = str(path).encode()
    alias = bytes(10) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(12)
    alias += bytes([len(path.name)]) + path.name.encode().ljust(63, b"\0") + bytes(16) + struct.pack(">hh", 1, 1)
    alias += bytes(16)
    for kind, text in ((2, name), (18, name)):  # the path, in the old writing and as Unix has it
        alias += struct.pack(">hH", kind, len(text)) + text + bytes(len(text) % 2)
    alias += struct.pack(">hH", -1, 0)
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    return struct.pack(">II", 0, 1) + entry


def counting(samples: int) -> Callable[[bytes], bytes]:
    """A change of a `stsz` box: so many samples, of a byte each."""
    return lambda _: struct.pack(">III", 0, 1, samples)


def lasting(samples: int) -> Callable[[bytes], bytes]:
    """A change of a `stts` box: so many samples, each as long as the first was."""
    return lambda before: struct.pack(">II", 0, 1) + struct.pack(">I", samples) + before[12:16]


def numbers(path: Path, *assignments: str, fps: float = 1) -> list[int]:
    """The numbers in the pictures of a second each, decoded as commands do it."""
    pictures = guarded.sample(str(path), limits=DecodeLimits.parse(assignments), fps=fps)
    return [number_in(picture.pixels) for picture in pictures]
