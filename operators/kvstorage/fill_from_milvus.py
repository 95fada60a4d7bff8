"""`ops.kvstorage.fill_from_milvus`: matrices that this machine's LevelDB lacks, from the frame rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.stores.connections import connect
from reprise.stores.frames import FrameStore


@register(name="kvstorage/fill_from_milvus")
class FillFromMilvus:
    """(video ids, matrices) to matrices, each None replaced by the rows of `frames` if Milvus has them.

    On a server's library LevelDB is a copy near the processor: a video that was ingested on another machine
    is not in it. `uri` is a server's URI or a Milvus Lite folder.
    """

    def __init__(self, uri: str) -> None:
        self._frames = FrameStore(connect(uri))

    def __call__(
        self, video_ids: Sequence[str], matrices: Sequence[NDArray[np.float32] | None]
    ) -> list[NDArray[np.float32] | None]:
        return [
            self._frames.matrix(video_id) if matrix is None else matrix
            for video_id, matrix in zip(video_ids, matrices, strict=True)
        ]
