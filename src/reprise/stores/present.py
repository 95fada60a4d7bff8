"""Videos as they are at this moment on a Milvus server, to which other processes may be writing.

A matrix is taken only if it is that of the video's row: as long, and its mean the row's pooled embedding. This
machine's LevelDB may have the one of before, as another machine replaced the video; and while a video is being
replaced the frames on the server are of both.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reprise.pooling import is_pooled
from reprise.stores.claims import claimed
from reprise.stores.frames import FrameStore
from reprise.stores.milvus import Milvus
from reprise.stores.notes import NoteStore
from reprise.stores.videos import VideoRow, VideoStore

Matrix = NDArray[np.float32]

WRITTEN_WITHIN_S = 10.0  # a video of an hour takes a second, on a machine with nothing else to do
# At a video that nobody writes: its row, its frames and the claims are not read at the same moment. One whose row was
# missing may have been written, and given back, before the claims were read.
LOOKS = 3  # in a row


class PresentVideos:
    """Reads rows and the matrices that belong to them."""

    def __init__(self, milvus: Milvus) -> None:
        self._embedded = milvus.embedded
        self._videos, self._frames, self._notes = VideoStore(milvus), FrameStore(milvus), NoteStore(milvus)

    def read(
        self, ids: Sequence[str], near: Sequence[Matrix | None], *, at_once: bool = False
    ) -> tuple[list[Matrix | None], dict[str, VideoRow]]:
        """The matrices [frames, dim] of these ids and, by id, their rows; `near` are those that are at hand.

        None, and no row, for a video that is not in the library. One that is being replaced is waited for. With
        `at_once` a server's first look is not at all that was written before it, but at what `VideoStore.catch_up`
        waited for.
        """
        if self._embedded:  # nobody else writes to it
            rows = self._videos.get(ids)
            whole = [
                self._frames.matrix(one) if matrix is None else matrix for one, matrix in zip(ids, near, strict=True)
            ]
            return whole, rows
        at_hand = {one: matrix for one, matrix in zip(ids, near, strict=True) if matrix is not None}
        found: dict[str, tuple[VideoRow, Matrix | None]] = {}
        unsure = list(dict.fromkeys(ids))
        give_up_s = time.monotonic() + WRITTEN_WITHIN_S
        calm_looks: dict[str, int] = {}
        while unsure:
            rows_then = self._videos.pooled(unsure, at_once=at_once)
            at_once = False
            found |= self._whole(rows_then, at_hand)
            unsure = [one for one in unsure if one not in found]
            if not unsure:
                break
            busy = claimed(self._notes)
            is_late = time.monotonic() > give_up_s
            calm_looks = {one: 0 if one in busy else calm_looks.get(one, 0) + 1 for one in unsure}
            for one in [one for one, looks in calm_looks.items() if is_late or looks >= LOOKS]:
                unsure.remove(one)
                if one in rows_then:  # else removed, or never there
                    # Damaged, which `reprise verify` tells: what there is of it may still show a copy.
                    found[one] = (rows_then[one][0], self._frames.matrix(one))
        rows = {one: row for one, (row, _) in found.items()}
        return [found[one][1] if one in found else None for one in ids], rows

    def _whole(
        self, rows: dict[str, tuple[VideoRow, Matrix]], at_hand: dict[str, Matrix]
    ) -> dict[str, tuple[VideoRow, Matrix | None]]:
        """The videos of which a whole matrix was found: at hand, or on the server at once or on a second look."""
        whole: dict[str, tuple[VideoRow, Matrix | None]] = {}

        def keep_fitting(matrices: dict[str, Matrix]) -> None:
            for one, matrix in matrices.items():
                if one in rows and one not in whole and fits(matrix, *rows[one]):
                    whole[one] = (rows[one][0], matrix)

        keep_fitting(at_hand)
        keep_fitting(self._frames.matrices({one: rows[one][0].frame_count for one in rows if one not in whole}))
        for one in [one for one in rows if one not in whole]:
            matrix = self._frames.matrix(one)
            keep_fitting({} if matrix is None else {one: matrix})
        return whole


def fits(matrix: Matrix, row: VideoRow, embedding: NDArray[np.float32]) -> bool:
    """Whether the matrix [frames, dim] is that of the row with this pooled embedding [dim]."""
    return len(matrix) == row.frame_count and is_pooled(matrix, embedding)
