"""The Milvus collection `ignored`: the frames of clips that must not count as copies, for every machine.

Made by the first such clip, so that libraries without any are as they were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from reprise.stores.milvus import Milvus

IGNORED = "ignored"  # the collection, and the kind of the notes that list the clips


class IgnoredStore:
    """The frames of ignored clips by the clip's id; nothing is asked of Milvus before it is needed."""

    def __init__(self, milvus: Milvus) -> None:
        self._milvus = milvus
        self._is_open = False

    def put(self, clip_id: str, matrix: NDArray[np.float32]) -> None:
        """Stores the frames [frames, dim] of a clip."""
        self._open(create=matrix.shape[1])
        self._milvus.insert(
            IGNORED,
            [
                {"id": f"{clip_id}-{index:06d}", "clip_id": clip_id, "frame_index": index, "embedding": embedding}
                for index, embedding in enumerate(matrix)
            ],
        )

    def matrix(self, clip_ids: Collection[str], dimension: int) -> NDArray[np.float32]:
        """The frames of these clips [frames, dim], one clip after the other; [0, dim] for none."""
        kept = self.every() if clip_ids else {}
        found = [kept[clip_id] for clip_id in clip_ids if clip_id in kept]
        return np.concatenate([np.zeros((0, dimension), np.float32), *found])

    def every(self) -> dict[str, NDArray[np.float32]]:
        """The frames [frames, dim] of every clip, by its id."""
        rows: dict[str, list[tuple[int, list[float]]]] = defaultdict(list)
        if self._open():
            for row in self._milvus.rows(IGNORED, ["clip_id", "frame_index", "embedding"]):
                rows[row["clip_id"]].append((int(row["frame_index"]), row["embedding"]))
        return {
            clip_id: np.array([embedding for _, embedding in sorted(found, key=lambda row: row[0])], np.float32)
            for clip_id, found in rows.items()
        }

    def delete(self, clip_id: str) -> None:
        """Removes the frames of a clip; nothing happens where there are none."""
        if self._open():
            self._milvus.delete(IGNORED, f'clip_id == "{clip_id}"')

    def _open(self, *, create: int | None = None) -> bool:
        """Whether the collection is there; `create` is the dimension with which it is made if it is not."""
        if not self._is_open and (create is not None or self._milvus.has(IGNORED)):
            if create is not None:
                self._milvus.create(
                    IGNORED,
                    [
                        {"field_name": "id", "datatype": "VARCHAR", "max_length": 48, "is_primary": True},
                        {"field_name": "clip_id", "datatype": "VARCHAR", "max_length": 32},
                        {"field_name": "frame_index", "datatype": "INT64"},
                        {"field_name": "embedding", "datatype": "FLOAT_VECTOR", "dim": create},
                    ],
                    properties={},
                    index={"index_type": "FLAT", "metric_type": "IP", "params": {}},
                )
            self._milvus.load(IGNORED)
            self._is_open = True
        return self._is_open
