"""Looking after what a server shows of the videos that were just written, many at a time.

Replacing the index takes the frames out of the server's memory and back. A busy server (Milvus 2.3.5) was then seen
to show rows again that had been removed a moment before: frames of a removed video, or of a replaced one beside its
new ones. And a video that is new is written without asking the server, each time, whether a machine that died for
good has left frames of another version of it there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reprise.errors import StoreError
from reprise.stores import copies

if TYPE_CHECKING:  # a library settles itself with this module
    from reprise.stores.library import LibraryStores

INDEX = "the index"  # what is claimed beside videos
LOOKED_AT_ONCE = 200  # videos
MOST_SETTLED = 20_000  # videos, whose rows take some seconds to read
MOST_BESIDE_OTHERS = 2_000


def settle(stores: LibraryStores, video_ids: Iterable[str]) -> list[str]:
    """Mends those of the videos whose frames are not as many as their rows say, none without a row; gives their ids.

    For videos that this process wrote or removed, as far as no other is at them.
    """
    mended: list[str] = []
    for video_id in doubtful(stores, video_ids):
        with stores.alone_with(video_id):
            if _settle(stores, video_id):
                mended.append(video_id)
    return mended


def settle_all(stores: LibraryStores) -> list[str]:
    """`settle` for all videos, after a process died: what it had removed may be shown again.

    Where the library has more than `MOST_SETTLED` videos, or many and others are at work, `reprise verify` has to be
    asked for it; as for frames that belong to no video.
    """
    if stores.claims is None or stores.videos.count() > MOST_SETTLED:
        return []
    if (others := stores.claims.others()) and stores.videos.count() > MOST_BESIDE_OTHERS:
        return []  # what they write is counted differently at every look
    frames = {row.id: row.frame_count for row in stores.videos.all()}
    if stores.frames.count() == sum(frames.values()):
        return []
    return settle(stores, frames.keys() - others.keys())


def renew_index(stores: LibraryStores) -> None:
    """Replaces the index of the frames if the library has outgrown it, or shrunk."""
    # Two processes must not both replace it; the one that comes later leaves it to the other.
    if not stores.frames.wants_index() or not (stores.claims is None or stores.claims.take([INDEX])):
        return
    try:
        stores.frames.reindex()
        settle_all(stores)  # all frames were loaded anew
    finally:
        if stores.claims is not None:
            stores.claims.release([INDEX])


def doubtful(stores: LibraryStores, video_ids: Iterable[str]) -> list[str]:
    """Those of the videos whose frames a server counts otherwise than their rows say, none without a row."""
    ids = list(dict.fromkeys(video_ids))
    groups = (ids[top : top + LOOKED_AT_ONCE] for top in range(0, len(ids), LOOKED_AT_ONCE))
    return [video_id for group in groups for video_id in _doubtful(stores, group)]


def _doubtful(stores: LibraryStores, group: list[str]) -> list[str]:
    rows = stores.videos.get(group)
    if stores.frames.count(*group) == sum(row.frame_count for row in rows.values()):
        return []
    if len(group) == 1:
        return group
    middle = len(group) // 2
    return _doubtful(stores, group[:middle]) + _doubtful(stores, group[middle:])


def _settle(stores: LibraryStores, video_id: str) -> bool:
    row = stores.videos.get([video_id]).get(video_id)
    counted = stores.frames.count(video_id)
    if counted == (0 if row is None else row.frame_count):
        return False
    if row is None:
        stores.frames.delete(video_id, known=counted)
        return True
    if counted > row.frame_count:
        stores.frames.delete(video_id, start=row.frame_count, known=counted)
        if stores.frames.count(video_id) == row.frame_count:
            return True
    try:
        copy = copies.read(stores.matrices, video_id)
    except StoreError:
        copy = None
    if copy is None or copy.row.content_hash != row.content_hash:
        return False  # another machine's since; `reprise verify` tells
    stores.fill(copy)
    return True
