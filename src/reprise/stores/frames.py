"""The Milvus collection `frames`: one row a frame, searched by embedding."""

from __future__ import annotations

import json
import math
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import LibraryMismatchError, StoreError
from reprise.models.catalogue import is_known
from reprise.stores.milvus import MOST_IN_ANSWER, Milvus
from reprise.stores.server_version import keeps_vectors

FRAMES = "frames"
# Of the whole library: raised when an older program could no longer read or write it.
# 1: matrices alone in LevelDB.  2: every video's row and times beside its matrix, so that each store can be made anew
# from the other; libraries of format 1 are read and written as they are, and `reprise verify --repair` raises them.
FORMAT = 2
# Beside the facts, which earlier programs read and know no more of.
INCARNATION_PROPERTY = "reprise_incarnation"
METRIC = "IP"
DELETE_ROWS = 5000  # by id in one request: 250 kB
_ALL_FIELDS = ["id", "video_id", "frame_index", "time_s", "embedding"]
FACTS_PROPERTY = "reprise"  # Milvus Lite keeps no description of a collection, but its properties

# On Milvus Lite exact search beat a graph at 100 000 vectors; well beyond, clusters are searched in part.
FLAT_UP_TO = 200_000
# Milvus Lite indexes every 50 000 to 100 000 frames by themselves, however many there are.
EMBEDDED_NLIST = 1024
# A server indexes every half to whole million frames by themselves. Learning the clusters is most of that: with 2048
# it is 0.4 to 0.6 ms of CPU a frame, and grows with them.
MOST_NLIST = 2048
NPROBE = 64


@dataclass(frozen=True, slots=True)
class LibraryFacts:
    """What a library is made with; kept in a property of its `frames` collection."""

    model: str
    dimension: int
    fps: float
    format: int = FORMAT

    def check_model(self, name: str, wanted: str | None, shown: str) -> None:
        """Raises LibraryMismatchError if the model `name` is not `wanted` (None: whichever) or not one there is."""
        if wanted is not None and wanted != name:
            raise LibraryMismatchError(
                f"{shown}: this library was made with model {name}, not with {wanted}; leave --model out, or ingest "
                "into a new library"
            )
        if not is_known(name):
            raise LibraryMismatchError(
                f"{shown}: this library was made with model {self.model}, which this program does not have; use the "
                "version of Reprise that made it"
            )

    def check(self, wanted: LibraryFacts, shown: str) -> None:
        """Raises LibraryMismatchError if vectors made as `wanted` do not belong in this library."""
        if self.format > wanted.format:
            raise LibraryMismatchError(
                f"{shown}: this library has format {self.format}, this program knows formats up to {wanted.format}; "
                "use the version of Reprise that made it, or a newer one"
            )
        if (self.model, self.dimension) != (wanted.model, wanted.dimension):
            given = "this program has" if "@" not in self.model else "the weights given are"
            remedy = "" if "@" not in self.model else "give those with --weights, or "
            raise LibraryMismatchError(
                f"{shown}: this library was made with {self.model}, {given} {wanted.model}, whose vectors "
                f"are others; {remedy}ingest its videos again into a new library"
            )
        if not math.isclose(self.fps, wanted.fps):
            raise LibraryMismatchError(
                f"{shown}: this library was made at {self.fps:g} frames a second, not {wanted.fps:g}; "
                f"give --fps {self.fps:g}, or ingest again into a new library"
            )


class FrameStore:
    """The frames of a library."""

    def __init__(self, milvus: Milvus) -> None:
        self._milvus = milvus

    def exists(self) -> bool:
        """Whether the collection is there."""
        return self._milvus.has(FRAMES)

    def create(self, facts: LibraryFacts) -> None:
        """Makes the collection for vectors of these facts, where it is not there."""
        self._milvus.create(
            FRAMES,
            [
                {
                    "field_name": "id",
                    "datatype": "VARCHAR",
                    "max_length": 48,
                    "is_primary": True,
                },
                {"field_name": "video_id", "datatype": "VARCHAR", "max_length": 32},
                {"field_name": "frame_index", "datatype": "INT64"},
                {"field_name": "time_s", "datatype": "DOUBLE"},
                {"field_name": "embedding", "datatype": "FLOAT_VECTOR", "dim": facts.dimension},
            ],
            properties={FACTS_PROPERTY: json.dumps(asdict(facts)), INCARNATION_PROPERTY: uuid.uuid4().hex},
            index=index_for(0),
        )

    def load(self) -> None:
        """Makes the frames searchable."""
        # A process that was killed while it replaced the index leaves none; the next flush takes the one that fits.
        self._milvus.load(FRAMES, index_for(0))

    def index_type(self) -> str:
        """The type of the index that serves searches."""
        return self._milvus.index_type(FRAMES)

    def facts(self) -> LibraryFacts:
        """What the library was made with. Raises LibraryMismatchError if the collection is not Reprise's."""
        try:
            return LibraryFacts(**json.loads(self._milvus.properties(FRAMES)[FACTS_PROPERTY]))
        except (KeyError, ValueError, TypeError) as error:
            raise LibraryMismatchError(
                f"{self._milvus.shown}: its collection 'frames' was not made by Reprise; use another database"
            ) from error

    def incarnation(self) -> str | None:
        """The random id of the library since it was made, or made anew; None where an earlier version made it."""
        return self._milvus.properties(FRAMES).get(INCARNATION_PROPERTY)

    def renew_incarnation(self) -> None:
        """Gives the library a new random id, as `create` does."""
        self._milvus.set_property(FRAMES, INCARNATION_PROPERTY, uuid.uuid4().hex)

    def set_facts(self, facts: LibraryFacts) -> None:
        """Writes what the library is made with anew."""
        self._milvus.set_property(FRAMES, FACTS_PROPERTY, json.dumps(asdict(facts)))

    def count(self, *video_ids: str) -> int:
        """How many frames are stored, in all or of these videos."""
        return self._milvus.count(FRAMES, f"video_id in {json.dumps(video_ids)}" if video_ids else "")

    def counts(self) -> Counter[str]:
        """How many frames are stored of each video id; reads the whole collection."""
        return Counter(row["video_id"] for row in self._milvus.rows(FRAMES, ["video_id"]))

    def matrix(self, video_id: str) -> NDArray[np.float32] | None:
        """The video matrix [frames, dim] put together from the rows; None where there are none."""
        rows = sorted(
            self._milvus.rows(FRAMES, ["frame_index", "embedding"], _of(video_id)),
            key=lambda row: int(row["frame_index"]),
        )
        return np.array([row["embedding"] for row in rows], dtype=np.float32) if rows else None

    def times_s(self, video_id: str) -> NDArray[np.float64]:
        """The times [frames] of a video's frames; none where it is not there."""
        rows = self._milvus.rows(FRAMES, ["frame_index", "time_s"], _of(video_id))
        return np.array([row["time_s"] for row in sorted(rows, key=lambda row: int(row["frame_index"]))], np.float64)

    def matrices(self, lengths: Mapping[str, int]) -> dict[str, NDArray[np.float32]]:
        """The video matrices [frames, dim] of several ids with their numbers of frames, as far as a server knows
        them at this moment: for one that was just written some frames may be missing, or be those of before.
        """
        parts: dict[str, list[tuple[int, Any]]] = {}
        for ids in _batches(lengths):
            where = f"video_id in {json.dumps(ids)}"
            for row in self._milvus.few(FRAMES, ["video_id", "frame_index", "embedding"], where, at_once=True):
                parts.setdefault(row["video_id"], []).append((int(row["frame_index"]), row["embedding"]))
        return {
            video_id: np.array([vector for _, vector in sorted(rows, key=lambda row: row[0])], dtype=np.float32)
            for video_id, rows in parts.items()
        }

    def by_video(self) -> Iterator[FrameRows]:
        """The rows of every video, in the order of their ids; one video is in memory at a time."""
        rows = self._milvus.rows(FRAMES, _ALL_FIELDS)
        for video_id, group in groupby(_rising(rows), key=lambda row: str(row["video_id"])):
            yield _frame_rows(video_id, list(group))

    def of_video(self, video_id: str) -> FrameRows | None:
        """The rows of one video; None where there are none."""
        rows = list(self._milvus.rows(FRAMES, _ALL_FIELDS, _of(video_id)))
        return _frame_rows(video_id, rows) if rows else None

    def delete(self, video_id: str, *, start: int = 0, known: int = 0) -> None:
        """Removes all frames of the video, from the index `start` on; `known` is how many it is known to have."""
        # A server reads which rows an expression means before it removes them, and a busy one was seen to miss those
        # of a whole video. Ids need no reading.
        if not self._milvus.embedded:
            ids = frame_ids(video_id, known)[0][start:]
            for top in range(0, len(ids), DELETE_ROWS):
                self._milvus.delete(FRAMES, f"id in {json.dumps(ids[top : top + DELETE_ROWS])}")
        self._milvus.delete(FRAMES, _of(video_id) + (f" and frame_index >= {start}" if start else ""))

    def flush(self) -> None:
        """Brings what was inserted into its final form."""
        self._milvus.flush(FRAMES)

    def wants_index(self) -> bool:
        """Whether the library has outgrown its index, or shrunk."""
        return not self._milvus.has_index(FRAMES, self._wanted_index())

    def reindex(self) -> None:
        """Replaces the index by the one that the size wants."""
        self._milvus.rebuild_index(FRAMES, self._wanted_index())

    def _wanted_index(self) -> dict[str, Any]:
        embedded = self._milvus.embedded
        return index_for(self.count(), embedded=embedded, in_bytes=embedded or keeps_vectors(self._milvus.version()))


@dataclass(frozen=True, slots=True)
class FrameRows:
    """The rows of one video, in the order of their indices."""

    video_id: str
    indices: NDArray[np.int64]  # [rows]; of a whole video 0, 1, 2, ...
    times_s: NDArray[np.float64]  # [rows]
    matrix: NDArray[np.float32]  # [rows, dim]


def _frame_rows(video_id: str, rows: list[dict[str, Any]]) -> FrameRows:
    rows = sorted(rows, key=lambda row: int(row["frame_index"]))
    return FrameRows(
        video_id,
        np.array([row["frame_index"] for row in rows], np.int64),
        np.array([row["time_s"] for row in rows], np.float64),
        np.array([row["embedding"] for row in rows], np.float32),
    )


def _rising(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    # Milvus pages by the primary key, which begins with the video's id: were it not so, videos would come in parts.
    last = ""
    for row in rows:
        if str(row["id"]) < last:
            raise StoreError(f"frame {row['id']}: Milvus gave its rows out of order; please report it")
        last = str(row["id"])
        yield row


def frame_ids(video_id: str, frames: int) -> tuple[list[str], list[int]]:
    """Primary keys and frame indices of a video's rows: the same for every ingest of the video."""
    indices = list(range(frames))
    return [f"{video_id}-{index:08d}" for index in indices], indices


def index_for(frames: int, *, embedded: bool = True, in_bytes: bool = True) -> dict[str, Any]:
    """The index for a library of this many frames, as arguments of pymilvus' `add_index`.

    `in_bytes`: whether it may hold numbers in a byte each, and not the whole vectors (see `server_version`).
    """
    if frames <= FLAT_UP_TO:
        return {"index_type": "FLAT", "metric_type": METRIC, "params": {}}
    # On Milvus Lite a graph over 20 000 vectors took 3.9 s to build and clusters 0.7 s; searches took the same time.
    # A server of two cores never ended with one (docs/scaling.md).
    # A byte a number found the same copies as four (benchmarks/index_size.py), in a quarter of the memory.
    nlist = EMBEDDED_NLIST if embedded else min(2 ** round(math.log2(4 * math.sqrt(frames))), MOST_NLIST)
    return {
        "index_type": "IVF_SQ8" if in_bytes else "IVF_FLAT",
        "metric_type": METRIC,
        "params": {"nlist": nlist},
    }


def search_params(index_type: str, limit: int, *, widely: bool = False) -> dict[str, int]:
    """How widely an index of this type searches for `limit` hits; nothing to set for the exact one.

    `widely` for a single vector, for which looking through half of the clusters costs little.
    """
    if index_type.startswith("IVF_"):
        return {"nprobe": EMBEDDED_NLIST // 2 if widely else NPROBE}
    # Libraries that were made when large ones had a graph.
    return {"ef": max(128, 2 * limit)} if index_type == "HNSW" else {}


def _batches(lengths: Mapping[str, int]) -> Iterator[list[str]]:
    """The ids in groups that fit into one answer; what is longer than one by itself is left out."""
    batch: list[str] = []
    room = MOST_IN_ANSWER
    for video_id, length in lengths.items():
        if length > MOST_IN_ANSWER:
            continue
        if length > room:
            yield batch
            batch, room = [], MOST_IN_ANSWER
        batch.append(video_id)
        room -= length
    if batch:
        yield batch


def _of(video_id: str) -> str:
    return f'video_id == "{video_id}"'
