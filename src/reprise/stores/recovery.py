"""Finishing, or taking back, what a killed process began.

A write goes into LevelDB first, whole and at once, with a mark; then into Milvus, the row last; then the mark goes.
So a mark that is found says of its video: the copy in LevelDB is what was meant, Milvus may have any part of it. On a
server the mark says besides whether Milvus had all of it once: what is another there by now, others have done since.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from reprise.errors import StoreError
from reprise.stores import copies
from reprise.stores.copies import VideoCopy
from reprise.stores.leveldb import LevelDb, close_leveldb, open_leveldb
from reprise.stores.moving import finish_moves
from reprise.stores.settling import doubtful, settle_all
from reprise.stores.slots import left_slots
from reprise.stores.unfinished import remove_finished
from reprise.stores.videos import VideoRow

_log = logging.getLogger(__name__)

if TYPE_CHECKING:  # what is recovered recovers itself with this module
    from reprise.stores.library import LibraryStores


def recover_all(stores: LibraryStores) -> list[str]:
    """`recover` for this process' LevelDB and those that ended processes left on this machine, and their moves."""
    has_died = bool(stores.matrices.marks())
    taken_back = recover(stores, stores.matrices)
    finish_moves(stores, stores.matrices)
    if stores.place.embedded:
        return taken_back
    for first in stores.first_slots:
        with left_slots(first, stores.place.matrices) as slots:
            for slot in slots:
                try:
                    matrices = open_leveldb(slot.matrices)
                    marks = matrices.marks()
                except StoreError as error:
                    close_leveldb(slot.matrices)
                    _log.warning("%s", error)  # a copy, which keeps nobody from the library
                    continue
                try:
                    has_died = has_died or bool(marks)
                    taken_back += recover(stores, matrices)
                    finish_moves(stores, matrices)
                finally:
                    close_leveldb(slot.matrices)
                if stores.place.keeps_matrices == (first == stores.place.beside):  # it had no matrices to keep
                    remove_finished(slot.matrices)
    if has_died:
        settle_all(stores)
    return taken_back


def recover(stores: LibraryStores, matrices: LevelDb) -> list[str]:
    """Finishes what was begun and can be finished, takes the rest back; returns the ids of the videos taken back.

    `matrices` is the LevelDB that has the marks.
    """
    marks = matrices.marks()
    if not marks:
        return []
    # What another process is writing at this moment is its own; the mark is looked at again the next time.
    ours = list(marks) if stores.claims is None else sorted(stores.claims.take(list(marks)))
    try:
        return _recover(stores, matrices, {video_id: marks[video_id] for video_id in ours})
    finally:
        if stores.claims is not None:
            stores.claims.release(ours)


def _recover(stores: LibraryStores, matrices: LevelDb, marks: dict[str, bytes]) -> list[str]:
    rows = stores.videos.get(list(marks))
    # Most were written whole and only not flushed: on a server they are counted together.
    whole = set() if stores.claims is None else rows.keys() - set(doubtful(stores, rows))
    taken_back = [
        video_id
        for video_id, mark in marks.items()
        if not _settled(stores, matrices, video_id, mark, rows.get(video_id), is_counted=video_id in whole)
    ]
    for video_id in taken_back:
        stores.erase_in_milvus(video_id)
        matrices.delete(video_id)
    matrices.clear_pending(list(marks))
    return taken_back


def _settled(
    stores: LibraryStores, matrices: LevelDb, video_id: str, mark: bytes, row: VideoRow | None, *, is_counted: bool
) -> bool:
    """Whether the video is whole in both stores after all; `is_counted`: its frames are as many as `row` says."""
    copy = copies.read_whole(matrices, video_id) if mark else None
    if mark in {copies.WRITTEN, copies.TO_FOLLOW}:
        _follow(stores, matrices, copy, row, is_counted=is_counted)
        return True
    if copy is None:
        # A removal, which goes through once its row is gone; or a write of an earlier version.
        return _is_whole(stores, matrices, video_id, row)
    if row is not None and _is_newer(row, copy.row):
        # Another machine has stored the video since: this machine's copy is of no use any more.
        matrices.delete(video_id)
        return True
    finish(stores, copy, row, is_counted=is_counted)
    return True


def _follow(
    stores: LibraryStores, matrices: LevelDb, copy: VideoCopy | None, row: VideoRow | None, *, is_counted: bool
) -> None:
    """Brings this machine's copy to what the server has of the video; none there: it was removed."""
    if copy is None or row is None:
        return  # `sweep` takes such a copy away, when it is sure
    if (row.content_hash, row.ingested_at) != (copy.row.content_hash, copy.row.ingested_at):
        matrices.delete(copy.row.id)
        return
    if row != copy.row:
        copies.rewrite_row(matrices, row, mark=None)
    if not is_counted:
        finish(stores, replace(copy, row=row), row)


def finish(stores: LibraryStores, copy: VideoCopy, row: VideoRow | None, *, is_counted: bool = False) -> None:
    """Brings Milvus, which has this row of the video, to what LevelDB has of it.

    `is_counted`: it is known that Milvus has as many frames as the row says.
    """
    is_same = row is not None and (row.content_hash, row.ingested_at) == (copy.row.content_hash, copy.row.ingested_at)
    if not is_same or not (is_counted or stores.frames.count(copy.row.id) == copy.row.frame_count):
        stores.fill(copy)
    elif row != copy.row:
        stores.videos.put(copy.row, copy.pooled)


def _is_newer(row: VideoRow, than: VideoRow) -> bool:
    return row.content_hash != than.content_hash and row.ingested_at > than.ingested_at


def _is_whole(stores: LibraryStores, matrices: LevelDb, video_id: str, row: VideoRow | None) -> bool:
    if row is None or stores.frames.count(video_id) != row.frame_count:
        return False
    if not stores.place.embedded:
        return True  # the matrix is a copy, which is looked at before it is used
    try:
        matrix = matrices.get_array(video_id)
    except StoreError:
        return False
    return matrix is not None and len(matrix) == row.frame_count
