"""Pictures inside a page: thumbnails of frames and similarity maps, as data URIs."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from reprise.decoding.guarded import sample_span
from reprise.decoding.limits import DEFAULT_LIMITS
from reprise.errors import InputError

THUMBNAIL_SIDE = 120  # pixels of the shorter side
JPEG_QUALITY = 5  # of 2 (best) to 31


def thumbnails(path: str, times_s: Sequence[float]) -> list[str | None]:
    """The pictures of a video at these times as data URIs of JPEG files; None for each that cannot be had."""
    return [_thumbnail(path, time_s) for time_s in times_s]


def _thumbnail(path: str, time_s: float) -> str | None:
    # A picture that cannot be shown costs no more than itself: what was found is told all the same.
    try:
        (picture,) = sample_span(
            path,
            limits=DEFAULT_LIMITS,
            fps=2,
            start_s=time_s,
            end_s=time_s + 0.5,
            size=THUMBNAIL_SIDE,
            threads=1,
        )[:1]
    except InputError:
        return None
    return data_uri("image/jpeg", jpeg(picture.pixels))


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    """An RGB picture [height, width, 3] as a JPEG file."""
    height, width = picture.shape[:2]
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height = width, height
    codec.pix_fmt, codec.time_base = "yuvj420p", Fraction(1, 25)
    codec.options = {"qmin": str(JPEG_QUALITY), "qmax": str(JPEG_QUALITY)}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def grey_png(similarity: NDArray[np.float32]) -> bytes:
    """A similarity map [rows, columns] as a PNG file of one byte a cell: 0 stands for similarities up to 0."""
    cells = np.round(np.clip(similarity, 0, 1) * 255).astype(np.uint8)
    height, width = cells.shape
    lines = np.zeros((height, width + 1), np.uint8)  # each begins with its filter, 0: none
    lines[:, 1:] = cells
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def data_uri(kind: str, content: bytes) -> str:
    """A file's content as a URI of MIME type `kind`."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
