"""Fingerprints of the videos' sound: in LevelDB under a key of ours, and on a Milvus server for other machines too.

On a server the rows of the collection `audio` are what counts, and LevelDB mirrors them; the collection is made by
the first fingerprint, so that libraries without any are as they were. Milvus' JSON and VARCHAR hold up to 64 KB: a
fingerprint is stored in parts of 25 minutes.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.audio import FORMAT, NO_SOUND
from reprise.errors import StoreError
from reprise.stores import copies
from reprise.stores.frames import FrameStore
from reprise.stores.leveldb import LevelDb
from reprise.stores.milvus import Milvus
from reprise.stores.record import pack, unpack
from reprise.stores.videos import VideoRow

AUDIO = "audio"
_KEY = "\x00audio/"  # no video id starts with a zero byte
PART_CODES = 12_000  # 48 KB, as base64 64 000 characters of the 65 535 that a VARCHAR holds
READ_PARTS = 64  # at a time: 4 MB

Codes = NDArray[np.uint32]


class SoundStore:
    """The fingerprints [codes] uint32 of a library's videos, by video id."""

    def __init__(self, matrices: LevelDb, milvus: Milvus) -> None:
        self._matrices = matrices
        self._server = None if milvus.embedded else milvus
        self._is_there = self._server is not None and milvus.has(AUDIO)
        if self._is_there:
            milvus.load(AUDIO)
        self.changes = 0  # how often this process has written

    def put(self, video_id: str, codes: Codes) -> None:
        """Stores the fingerprint of a video, over the one that was there."""
        self.changes += 1
        if self._server is not None:
            self._put_on_server(self._server, video_id, codes)
        self._matrices.put(_KEY + video_id, codes)

    def get(self, video_id: str) -> Codes | None:
        """The fingerprint of a video as this machine has it; None where there is none. Raises StoreError."""
        record = self._matrices.get(_KEY + video_id)
        return None if record is None else _codes(record, video_id)

    def all(self) -> Iterator[tuple[str, Codes]]:
        """(video id, fingerprint) of all; on a server as it has them now, less the damaged."""
        there = None if self._server is None else self._mirror(self._server)
        for key, record in self._matrices.under(_KEY):
            if there is not None and key not in there:
                continue
            try:
                yield key, _codes(record, key)
            except StoreError:
                continue  # `verify` tells of it

    def mirror(self) -> None:
        """Brings the fingerprints here that a server has from other machines; nothing happens in a folder."""
        if self._server is not None:
            self._mirror(self._server)

    def ids(self) -> set[str]:
        """The videos that have a fingerprint."""
        if self._server is not None:
            return {str(video_id) for video_id, _ in self._on_server(self._server)}
        return {key for key, _ in self._matrices.under(_KEY)}

    def any(self) -> bool:
        """Whether there is any fingerprint at all."""
        if self._server is not None:
            return self._is_there and self._server.count(AUDIO) > 0
        return next(self._matrices.under(_KEY), None) is not None

    def delete(self, video_id: str) -> None:
        """Removes the fingerprint of a video; nothing happens where there is none."""
        self.changes += 1
        if self._server is not None and self._is_there:
            self._server.delete(AUDIO, f'video_id == "{video_id}"')
        self._matrices.delete(_KEY + video_id)

    def store(self, video_id: str, record: bytes | None, *, replacing: bool = True) -> None:
        """Brings the server to the record of a fingerprint that LevelDB has; None: there is no sound.

        `replacing` where there may be any part of another fingerprint of the video.
        """
        self.changes += 1
        if self._server is not None and record is not None:
            self._put_on_server(self._server, video_id, _codes(record, video_id), replacing=replacing)
        elif self._server is not None and replacing:
            self.delete_on_server(video_id)

    def delete_on_server(self, video_id: str) -> None:
        """Removes the fingerprint of a video from a server; LevelDB removes its own beside the matrix."""
        self.changes += 1
        if self._server is not None and self._is_there:
            self._server.delete(AUDIO, f'video_id == "{video_id}"')

    def problems(self, rows: Iterable[VideoRow]) -> list[str]:
        """One line for every fingerprint that is missing, damaged or nobody's; `rows` are all videos' rows."""
        found, heard = [], self.ids()
        paths = {row.id: row.path for row in rows if row.audio == FORMAT}
        again = "`reprise ingest --audio` makes it again"
        for video_id, path in sorted(paths.items(), key=lambda item: item[1]):
            if video_id not in heard:
                found.append(f"{path}: the fingerprint of its sound is missing; {again}")
        for video_id in sorted(heard):
            if video_id not in paths:
                found.append(f"{video_id}: a fingerprint of sound belongs to no video")
                continue
            try:
                self.get(video_id)
            except StoreError as error:
                found.append(f"{paths[video_id]}: {error}; {again}")
        return found

    def _put_on_server(self, server: Milvus, video_id: str, codes: Codes, *, replacing: bool = True) -> None:
        self._make(server)
        if replacing:
            server.delete(AUDIO, f'video_id == "{video_id}"')
        parts = [codes[start : start + PART_CODES] for start in range(0, max(1, len(codes)), PART_CODES)]
        for number, part in enumerate(parts):
            row: dict[str, Any] = {
                "id": f"{video_id}/{number}",
                "video_id": video_id,
                "part": number,
                "parts": len(parts),
                "checksum": _checksum(codes),
                "codes": base64.b64encode(part.astype("<u4").tobytes()).decode(),
                # Milvus wants a vector in every collection; nothing searches by this one.
                "embedding": [1.0, 0.0],
            }
            server.upsert(AUDIO, row)

    def _on_server(self, server: Milvus) -> dict[tuple[str, int], list[str]]:
        """The ids of the parts of every fingerprint that is whole there, by video id and checksum."""
        if not self._is_there:
            self._is_there = server.has(AUDIO)  # another machine may have made it meanwhile
            if not self._is_there:
                return {}
            server.load(AUDIO)
        parts: dict[tuple[str, int], list[str]] = {}
        wanted: dict[tuple[str, int], int] = {}
        for row in server.rows(AUDIO, ["id", "video_id", "parts", "checksum"]):
            fingerprint = str(row["video_id"]), int(row["checksum"])
            parts.setdefault(fingerprint, []).append(str(row["id"]))
            wanted[fingerprint] = int(row["parts"])
        return {key: ids for key, ids in parts.items() if len(ids) == wanted[key]}

    def _mirror(self, server: Milvus) -> set[str]:
        """Makes LevelDB here what the server has; gives the ids of the videos."""
        there = self._on_server(server)
        here = {}
        for video_id, record in self._matrices.under(_KEY):
            try:
                here[video_id] = _checksum(_codes(record, video_id))
            except StoreError:
                here[video_id] = -1
        ids = {video_id for video_id, _ in there}
        gone = here.keys() - ids
        # Of another incarnation they may be the only ones that there are (see `reprise.stores.strays`).
        if gone and copies.kept_incarnation(self._matrices) == FrameStore(server).incarnation():
            for video_id in gone:
                self._matrices.delete(_KEY + video_id)
        for (video_id, checksum), parts in there.items():
            if here.get(video_id) != checksum:
                self._matrices.put(_KEY + video_id, self._fetched(server, parts))
        return ids

    def _fetched(self, server: Milvus, ids: list[str]) -> Codes:
        parts: dict[int, bytes] = {}
        for start in range(0, len(ids), READ_PARTS):
            for row in server.get(AUDIO, ids[start : start + READ_PARTS], ["part", "codes"]):
                parts[int(row["part"])] = base64.b64decode(row["codes"])
        return np.frombuffer(b"".join(parts[number] for number in sorted(parts)), "<u4")

    def _make(self, server: Milvus) -> None:
        if self._is_there:
            return
        number: dict[str, Any] = {"datatype": "INT64"}
        server.create(
            AUDIO,
            [
                {"field_name": "id", "datatype": "VARCHAR", "max_length": 48, "is_primary": True},
                {"field_name": "video_id", "datatype": "VARCHAR", "max_length": 32},
                {"field_name": "part", **number},
                {"field_name": "parts", **number},
                {"field_name": "checksum", **number},
                {"field_name": "codes", "datatype": "VARCHAR", "max_length": 65_535},
                {"field_name": "embedding", "datatype": "FLOAT_VECTOR", "dim": 2},
            ],
            properties={},
            index={"index_type": "FLAT", "metric_type": "IP", "params": {}},
        )
        server.load(AUDIO)
        self._is_there = True


def audio_of(codes: Codes | None) -> str:
    """What a video's row says of its sound, by its fingerprint: None where none was asked for."""
    if codes is None:
        return ""
    return FORMAT if len(codes) else NO_SOUND


def _codes(record: bytes, video_id: str) -> Codes:
    try:
        return np.asarray(unpack(record), np.uint32)
    except ValueError as error:
        raise StoreError(f"the fingerprint of the sound of {video_id!r} in LevelDB is damaged: {error}") from error


def _checksum(codes: Codes) -> int:
    return zlib.crc32(pack(codes))
