"""A video under another id: its frames and matrix are stored anew, with nothing decoded, and the old ones removed.

A move is noted first, then the video is written under its new id, as any video is, and only when that is whole goes
what is under the old one. At every moment one of the two is whole; the next command that writes removes the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reprise.errors import StoreError
from reprise.stores import copies
from reprise.stores.sharing import in_turns
from reprise.stores.verifying import is_same_content

if TYPE_CHECKING:
    from reprise.stores.leveldb import LevelDb
    from reprise.stores.library import LibraryStores
    from reprise.stores.videos import VideoRow


def move_videos(stores: LibraryStores, moves: Sequence[tuple[VideoRow, VideoRow]]) -> list[VideoRow]:
    """Stores each video of the first rows, which are in the library, under the second rows, with other ids.

    Returns the second rows of those that were moved: what is not whole in the library stays as it is. Raises
    StoreError where the stores fail; then, too, each video is there once, or will be after the next recovery.
    """
    from reprise.embedding import EmbeddedVideo  # and FFmpeg's libraries, which opening a library does not need

    moved: list[VideoRow] = []
    if moves:
        stores.sounds.mirror()  # what is kept beside a video is taken from this machine
    to_do = {after.id: (before, after) for before, after in moves}
    for ids in in_turns(stores.claims, to_do):
        there = stores.videos.get(ids)
        for before, after in (to_do[video_id] for video_id in ids):
            matrix = stores.matrix_of(before)
            if matrix is None or len(matrix) != before.frame_count:
                continue
            stores.matrices.mark_moving(before.id, after.id)
            times_s = _times_s(stores, before)
            video = EmbeddedVideo(times_s, matrix, before.duration_s, before.warning, before.content_hash)
            companions = stores.matrices.companions(before.id)
            stores.add(after, video, companions=companions, is_there=after.id in there)
            moved.append(after)
    if moved:
        # Before anything is removed: what a crash of the machine takes must not be the only copy.
        stores.flush()
        finish_moves(stores, stores.matrices)
    return moved


def _times_s(stores: LibraryStores, row: VideoRow) -> NDArray[np.float64]:
    with suppress(StoreError):
        copy = copies.read(stores.matrices, row.id)
        if copy is not None and copy.is_consistent and is_same_content(copy.row, row):
            return copy.times_s
    times_s = stores.frames.times_s(row.id)
    return times_s if len(times_s) == row.frame_count else np.arange(row.frame_count) / row.fps  # as it was decoded


def finish_moves(stores: LibraryStores, matrices: LevelDb) -> None:
    """Removes what was moved where it is whole under its new id, and forgets the moves that came to nothing.

    `matrices` is the LevelDB in which the moves are noted.
    """
    moving = matrices.moving()
    arrived = stores.videos.get(list(moving.values()))
    stores.remove(*(old for old, new in moving.items() if new in arrived), progress=matrices.clear_moving)
    for old, new in moving.items():
        if new not in arrived:
            matrices.clear_moving(old)
