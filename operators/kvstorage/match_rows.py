"""`ops.kvstorage.match_rows`: the rows of videos and the matrices that belong to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.stores.connections import connect
from reprise.stores.present import PresentVideos
from reprise.stores.videos import VideoRow


@register(name="kvstorage/match_rows")
class MatchRows:
    """(video ids, matrices) to (matrices, rows by id) as they are in the library at this moment.

    A matrix that is None, or is that of another version of the video, is replaced by the frames that Milvus has.
    A video that is not in the library any more, or not yet, has no matrix and no row.

    uri       a server's URI or a Milvus Lite folder
    at_once   a server need not see first what was written just now: for who has waited for that (VideoStore.catch_up)
    """

    def __init__(self, uri: str, *, at_once: bool = False) -> None:
        self._present, self._at_once = PresentVideos(connect(uri)), at_once

    def __call__(
        self, video_ids: Sequence[str], matrices: Sequence[NDArray[np.float32] | None]
    ) -> tuple[list[NDArray[np.float32] | None], dict[str, VideoRow]]:
        return self._present.read(video_ids, matrices, at_once=self._at_once)
