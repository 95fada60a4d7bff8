"""Videos that a LevelDB on this machine has of a library on a server which lost its data and was filled again since.

The library has a random id, its incarnation, from when it is made and a new one from when it is made anew after a
loss; each LevelDB keeps the one that its copies are of. Under the server's own, a copy of which the server knows
nothing is of a video that was removed. Under another it may be all that is left of the video: it stays until the
server has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reprise.stores import copies
from reprise.stores.leveldb import LevelDb
from reprise.stores.slots import opened_slots
from reprise.stores.verifying import is_same_content
from reprise.stores.videos import VideoRow

if TYPE_CHECKING:
    from reprise.stores.library import LibraryStores

ROWS_AT_A_TIME = 1000
CLAIMED_AT_ONCE = 16  # videos; who wants to write one of them waits until all are there


def is_current(stores: LibraryStores, matrices: LevelDb) -> bool:
    """Whether the copies are of the library that is on the server at this moment; always in a folder."""
    return stores.claims is None or copies.kept_incarnation(matrices) == stores.frames.incarnation()


def told(stores: LibraryStores) -> tuple[list[str], set[str]]:
    """The line that says how many videos of this machine the server lacks, none where it has all; names and ids.

    A LevelDB of which the server lacks nothing is from then on one of the library that is there.
    """
    lacking: dict[str, str] = {}  # name by id
    with _of_other_incarnations(stores) as (kept, incarnation):
        busy = stores.claims.others() if kept and stores.claims is not None else {}
        for matrices in kept:
            found = list(_strays(stores, matrices))
            lacking |= {one: row.path for one, row in found if row is not None and one not in busy}
            if not found:
                copies.keep_incarnation(matrices, incarnation)
    if not lacking:
        return [], set()
    number = "1 video is" if len(lacking) == 1 else f"{len(lacking)} videos are"
    line = (
        f"{stores.place.shown}: the server was filled anew, and {number} on this machine alone; "
        "`reprise verify --repair` puts them back"
    )
    return [line], {*lacking, *lacking.values()}


def put_back(stores: LibraryStores, *, own_alone: bool = False) -> tuple[list[str], list[str]]:
    """Fills the server with what it lacks of the videos on this machine, or with `own_alone` in this process' slot.

    Gives the names of the videos that it has again, and of those of which no copy here is whole, which go. A video
    of several ingests comes back as of the last. What another process is at is left for the next time.
    """
    back: list[str] = []
    broken: list[tuple[LevelDb, str]] = []
    settled: list[LevelDb] = []
    with _of_other_incarnations(stores) as (kept, incarnation):
        for matrices in kept:
            if own_alone and matrices is not stores.matrices:
                continue
            found = list(_strays(stores, matrices))
            whole = [video_id for video_id, row in found if row is not None]
            broken += [(matrices, video_id) for video_id, row in found if row is None]
            names, is_all = _put_back(stores, matrices, whole)
            back += names
            if is_all:
                settled.append(matrices)
        if back:
            stores.flush()  # from then on the server needs no help to keep them
        have = stores.videos.get([video_id for _, video_id in broken])
        gone = [(matrices, video_id) for matrices, video_id in broken if video_id not in have]
        for matrices, video_id in gone:
            matrices.delete(video_id)
        for matrices in settled:
            copies.keep_incarnation(matrices, incarnation)
    return list(dict.fromkeys(back)), sorted({video_id for _, video_id in gone})


def _put_back(stores: LibraryStores, matrices: LevelDb, video_ids: list[str]) -> tuple[list[str], bool]:
    """The names of the videos that were put back, and whether no other process was at any of them."""
    names: list[str] = []
    is_all = True
    assert stores.claims is not None
    for start in range(0, len(video_ids), CLAIMED_AT_ONCE):
        part = video_ids[start : start + CLAIMED_AT_ONCE]
        with stores.claims.free(part) as ours:
            is_all = is_all and len(ours) == len(part)
            rows = stores.videos.get(sorted(ours))
            for video_id in sorted(ours):
                copy = copies.read_whole(matrices, video_id)
                if copy is not None and _is_lacking(rows.get(video_id), copy.row):
                    stores.fill(copy, replacing=video_id in rows)
                    stores.note_unflushed(copy.row)
                    names.append(copy.row.path)
    return names, is_all


@contextmanager
def _of_other_incarnations(stores: LibraryStores) -> Iterator[tuple[list[LevelDb], str | None]]:
    """Of this process' LevelDB, and those on this machine that no process has, the ones that are not current; and the
    server's incarnation, as it is before anything is compared: it may lose its data meanwhile.
    """
    if stores.claims is None:
        yield [], None
        return
    with opened_slots(stores.first_slots, stores.place.matrices) as left:
        incarnation = stores.frames.incarnation()
        yield [each for each in (stores.matrices, *left) if copies.kept_incarnation(each) != incarnation], incarnation


def _strays(stores: LibraryStores, matrices: LevelDb) -> Iterator[tuple[str, VideoRow | None]]:
    """(id, row) of the videos that the server lacks, or has of an earlier ingest; of a broken copy no row."""
    keys = list(matrices.keys())
    for start in range(0, len(keys), ROWS_AT_A_TIME):
        part = keys[start : start + ROWS_AT_A_TIME]
        present = stores.videos.get(part)
        for video_id in part:
            copy = copies.read_whole(matrices, video_id)
            if copy is None and video_id not in present:
                yield video_id, None
            elif copy is not None and _is_lacking(present.get(video_id), copy.row):
                yield video_id, copy.row


def _is_lacking(present: VideoRow | None, kept: VideoRow) -> bool:
    """Whether the server, with the row `present`, lacks what a copy with the row `kept` has."""
    return present is None or (present.ingested_at < kept.ingested_at and not is_same_content(present, kept))
