"""The Milvus collection `videos`: one row a video; a video is in the library when its row is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.stores.milvus import Milvus

VIDEOS = "videos"
_INDEX = {"index_type": "FLAT", "metric_type": "IP", "params": {}}
PATH_BYTES = 16_384  # four times what Linux allows a path, so that escaped names fit
MEMBERS = 1000  # of a list in one expression


@dataclass(frozen=True, slots=True)
class VideoRow:
    """What the library knows of one video."""

    id: str
    path: str  # as it was ingested, made printable
    content_hash: str  # SHA-256 of the file
    file_size: int
    modified_ns: int
    duration_s: float
    frame_count: int
    fps: float
    model: str
    ingested_at: str  # ISO 8601, UTC
    warning: str  # empty, or e.g. that the file is truncated
    tags: list[str]
    width: int = 0  # of its pictures in pixels; 0 where it is not known
    height: int = 0
    codec: str = ""  # as FFmpeg names it
    real_path: str = ""  # of the file, absolute, which `id` is made of; empty where it is not known or no Unicode
    audio: str = ""  # what its sound's fingerprint is made with; "none": it has no sound; empty: none was asked for

    def to_json(self) -> dict[str, Any]:
        """The object that `reprise list --json` prints."""
        return {
            "path": self.path,
            "id": self.id,
            "duration": round(self.duration_s, 3),
            "frames": self.frame_count,
            "fps": self.fps,
            "model": self.model,
            "ingested_at": self.ingested_at,
            "content_hash": self.content_hash,
            "file_size": self.file_size,
            "tags": self.tags,
            **({"width": self.width, "height": self.height} if self.width else {}),
            **({"codec": self.codec} if self.codec else {}),
            **({"audio": self.audio} if self.audio else {}),
            **({"warning": self.warning} if self.warning else {}),
        }


# Kept together in the field "tags", which holds an object: what is added to it needs no new collection.
_DETAILS = ("tags", "width", "height", "codec", "real_path", "audio")
_FIELDS = [field.name for field in fields(VideoRow) if field.name == "tags" or field.name not in _DETAILS]


class VideoStore:
    """The videos of a library."""

    def __init__(
        self, milvus: Milvus, around_update: Callable[[VideoRow], AbstractContextManager[None]] | None = None
    ) -> None:
        """`around_update` is entered with the new row of a video that is in the library while it is written."""
        self._milvus = milvus
        self._around_update = around_update or (lambda _: nullcontext())

    def exists(self) -> bool:
        """Whether the collection is there."""
        return self._milvus.has(VIDEOS)

    def create(self, dimension: int) -> None:
        """Makes the collection where it is not there; `dimension` is that of the frames' vectors."""
        text, number = "VARCHAR", "INT64"
        self._milvus.create(
            VIDEOS,
            [
                {"field_name": "id", "datatype": text, "max_length": 32, "is_primary": True},
                {"field_name": "path", "datatype": text, "max_length": PATH_BYTES},
                {"field_name": "content_hash", "datatype": text, "max_length": 64},
                {"field_name": "file_size", "datatype": number},
                {"field_name": "modified_ns", "datatype": number},
                {"field_name": "duration_s", "datatype": "DOUBLE"},
                {"field_name": "frame_count", "datatype": number},
                {"field_name": "fps", "datatype": "DOUBLE"},
                {"field_name": "model", "datatype": text, "max_length": 128},
                {"field_name": "ingested_at", "datatype": text, "max_length": 40},
                {"field_name": "warning", "datatype": text, "max_length": 1024},
                {"field_name": "tags", "datatype": "JSON"},
                {"field_name": "embedding", "datatype": "FLOAT_VECTOR", "dim": dimension},
            ],
            properties={},
            index=_INDEX,
        )

    def load(self) -> None:
        """Makes the rows readable."""
        self._milvus.load(VIDEOS, _INDEX)

    def put(self, row: VideoRow, embedding: NDArray[np.float32]) -> None:
        """Writes the row with its pooled embedding [dim]: from now on the video is in the library."""
        self._milvus.upsert(VIDEOS, {**_values(row), "embedding": embedding})

    def update(self, video_id: str, **changes: Any) -> None:
        """Writes the row of a video that is in the library again, with `changes` to its fields.

        For who has the video alone: what another process writes between reading and writing would be lost.
        """
        for values in self._milvus.get(VIDEOS, [video_id], [*_FIELDS, "embedding"]):
            row = replace(_row(values), **changes)
            with self._around_update(row):
                self._milvus.upsert(VIDEOS, {**_values(row), "embedding": values["embedding"]})

    def get(self, ids: Sequence[str]) -> dict[str, VideoRow]:
        """The rows of these ids that are in the library, by id."""
        rows = (_row(values) for values in self._milvus.get(VIDEOS, list(ids), _FIELDS)) if ids else ()
        return {row.id: row for row in rows}

    def catch_up(self) -> None:
        """Returns when a server has seen all that was written here before; reading at once sees it from then on."""
        self._milvus.few(VIDEOS, ["id"], 'id == ""', limit=1)

    def pooled(self, ids: Sequence[str], *, at_once: bool = False) -> dict[str, tuple[VideoRow, NDArray[np.float32]]]:
        """(row, pooled embedding [dim]) of these ids that are in the library, by id.

        With `at_once` as far as a server knows at this moment (see `catch_up`).
        """
        found = self._milvus.get(VIDEOS, list(ids), [*_FIELDS, "embedding"], at_once=at_once) if ids else []
        return {values["id"]: (_row(values), np.asarray(values["embedding"], np.float32)) for values in found}

    def all(self) -> Iterator[VideoRow]:
        """Every video, in no particular order."""
        return (_row(values) for values in self._milvus.rows(VIDEOS, _FIELDS))

    def with_embeddings(self) -> Iterator[tuple[VideoRow, NDArray[np.float32]]]:
        """Every video with its pooled embedding [dim], in the order of their ids."""
        for values in self._milvus.rows(VIDEOS, [*_FIELDS, "embedding"]):
            yield _row(values), np.asarray(values["embedding"], np.float32)

    def by_path(self, path: str) -> list[VideoRow]:
        """The videos that were ingested under exactly this (printable) path."""
        quoted = path.replace("\\", "\\\\").replace('"', '\\"')
        return [_row(values) for values in self._milvus.rows(VIDEOS, _FIELDS, f'path == "{quoted}"')]

    def with_content(self, content_hash: str) -> list[VideoRow]:
        """The videos whose files had exactly this content (SHA-256, hexadecimal)."""
        return [_row(values) for values in self._milvus.rows(VIDEOS, _FIELDS, f'content_hash == "{content_hash}"')]

    def nearest(self, pooled: NDArray[np.float32], limit: int) -> list[tuple[str, float]]:
        """(id, cosine) of the `limit` videos with the pooled embeddings [dim] most like `pooled`, best first."""
        (hits,) = self._milvus.search(VIDEOS, pooled[None], limit=limit, metric="IP")
        return [(str(video_id), score) for video_id, score in hits]

    def embeddings(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """(id, pooled embedding [dim]) of every video, in no particular order."""
        for values in self._milvus.rows(VIDEOS, ["id", "embedding"]):
            yield values["id"], np.asarray(values["embedding"], np.float32)

    def tagged(self, tags: Sequence[str]) -> list[VideoRow]:
        """The videos with any of these tags."""
        wanted = json.dumps(list(tags), ensure_ascii=False)
        return [
            _row(values)
            for values in self._milvus.rows(VIDEOS, _FIELDS, f'json_contains_any(tags["tags"], {wanted})')
        ]

    def of_size(self, sizes: Iterable[int]) -> list[VideoRow]:
        """The videos whose files have one of these sizes in bytes."""
        wanted = sorted(set(sizes))
        parts = [wanted[start : start + MEMBERS] for start in range(0, len(wanted), MEMBERS)]
        return [
            _row(values) for part in parts for values in self._milvus.rows(VIDEOS, _FIELDS, f"file_size in {part}")
        ]

    def count(self) -> int:
        """How many videos are in the library."""
        return self._milvus.count(VIDEOS)

    def delete(self, video_id: str) -> None:
        """Removes the row: from now on the video is not in the library."""
        self._milvus.delete(VIDEOS, f'id == "{video_id}"')

    def flush(self) -> None:
        """Brings what was written into its final form."""
        # On a server a flush took three seconds, and rows can be read without it.
        if self._milvus.embedded:
            self._milvus.flush(VIDEOS)


def _values(row: VideoRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _FIELDS}
    # A Milvus server of the 2.3 line takes objects alone as JSON.
    return {**values, "tags": {name: getattr(row, name) for name in _DETAILS}}


def _row(values: dict[str, Any]) -> VideoRow:
    kept = {name: values[name] for name in _FIELDS}
    details = {name: value for name, value in kept.pop("tags").items() if name in _DETAILS}
    return VideoRow(**kept, **{**details, "tags": list(details["tags"])})
