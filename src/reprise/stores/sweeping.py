"""Looking through a library on a server while others write to it: what they do is not what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reprise.errors import StoreError
from reprise.stores import copies
from reprise.stores.present import fits
from reprise.stores.strays import is_current, told
from reprise.stores.verifying import is_same_content
from reprise.stores.videos import VideoRow

if TYPE_CHECKING:
    from reprise.stores.library import LibraryStores

ROWS_AT_A_TIME = 1000


def lasting_problems(stores: LibraryStores) -> list[str]:
    """As `LibraryStores.problems`; on a server without what is being written, and what is gone at a second look."""
    if stores.claims is None:
        return stores.problems()
    missing, names = told(stores)
    sweep(stores)
    problems = stores.problems()
    if problems:
        seen_again = set(stores.problems())
        problems = [problem for problem in problems if problem in seen_again]
    busy = {row.path for row in stores.videos.get(list(stores.claims.others())).values()} | {*stores.claims.others()}
    return missing + [
        problem for problem in problems if not any(problem.startswith(f"{name}: ") for name in busy | names)
    ]


def sweep(stores: LibraryStores) -> None:
    """Brings this machine's copies, in this process's slot, up to what other processes and machines did since.

    Copies of videos that were removed or replaced go, and rows that were changed are taken over. What is not of their
    doing stays, for `verify` to tell; so does all that is of another incarnation of the library.
    """
    keys = list(stores.matrices.keys())
    for start in range(0, len(keys), ROWS_AT_A_TIME):
        part = keys[start : start + ROWS_AT_A_TIME]
        present = stores.videos.pooled(part)
        absent = [key for key in part if key not in present and stores.frames.count(key) == 0]
        # Last: a server that lost its data meanwhile has another id.
        if not is_current(stores, stores.matrices):
            return
        for key, (row, pooled) in present.items():
            _follow(stores, key, row, pooled)
        for key in absent:
            stores.matrices.delete(key)


def _follow(stores: LibraryStores, video_id: str, row: VideoRow, pooled: NDArray[np.float32]) -> None:
    try:
        copy = copies.read(stores.matrices, video_id)
        matrix = stores.matrices.get_array(video_id)
    except StoreError:
        return  # damaged, which is a problem
    if copy is None:
        # Of an earlier version, which kept no row to tell by.
        if matrix is not None and not fits(np.asarray(matrix, np.float32), row, pooled):
            stores.matrices.delete(video_id)
    elif not is_same_content(copy.row, row):
        stores.matrices.delete(video_id)
    elif copy.row != row:
        copies.rewrite_row(stores.matrices, row, mark=None)
