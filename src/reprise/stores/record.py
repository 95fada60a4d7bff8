"""A video matrix as bytes: a small versioned header, then the raw numbers."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

# magic, version, dtype code, number of axes, spare byte; then one uint32 an axis; then the CRC-32 of the numbers.
_HEADER = struct.Struct("<4sBBBx")
_MAGIC = b"RPVM"
_VERSION = 1
_DTYPES: dict[int, np.dtype[Any]] = {
    0: np.dtype("<f4"),
    1: np.dtype("<f2"),
    2: np.dtype("<f8"),
    3: np.dtype("u1"),
    4: np.dtype("<i8"),
    5: np.dtype("<u4"),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}


def pack(array: NDArray[np.generic]) -> bytes:
    """The array, of float16, float32, float64, uint8, uint32 or int64, as one record. Raises ValueError otherwise."""
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _CODES:
        raise ValueError(f"an array of {array.dtype} cannot be stored; use float32")
    body = np.ascontiguousarray(array, dtype=dtype).tobytes()
    axes = struct.pack(f"<{array.ndim}I", *array.shape)
    return _HEADER.pack(_MAGIC, _VERSION, _CODES[dtype], array.ndim) + axes + crc(body) + body


def unpack(record: bytes) -> NDArray[np.generic]:
    """The array of a record, read-only. Raises ValueError saying what is wrong with a damaged record."""
    if len(record) < _HEADER.size or record[:4] != _MAGIC:
        raise ValueError("it is not a matrix record")
    _, version, code, ndim = _HEADER.unpack_from(record)
    if version != _VERSION or code not in _DTYPES:
        raise ValueError(f"it has record version {version}, this program knows {_VERSION}")
    start = _HEADER.size + 4 * ndim
    shape = struct.unpack_from(f"<{ndim}I", record, _HEADER.size)
    body = memoryview(record)[start + 4 :]
    if len(body) != int(np.prod(shape, dtype=np.int64)) * _DTYPES[code].itemsize:
        raise ValueError("it is cut short")
    if crc(body) != record[start : start + 4]:
        raise ValueError("its checksum does not fit")
    return np.frombuffer(body, dtype=_DTYPES[code]).reshape(shape)


def crc(body: bytes | memoryview) -> bytes:
    """The CRC-32 of `body`, four bytes."""
    return struct.pack("<I", zlib.crc32(body))
