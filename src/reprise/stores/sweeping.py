"""Looking through a library on a server while others write to it: what they do is not what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reprise.errors import StoreError
from reprise.stores.present import fits

if TYPE_CHECKING:
    from reprise.stores.library import LibraryStores

ROWS_AT_A_TIME = 1000


def lasting_problems(stores: LibraryStores) -> list[str]:
    """As `LibraryStores.problems`; on a server without what is being written, and what is gone at a second look."""
    if stores.claims is None:
        return stores.problems()
    sweep(stores)
    problems = stores.problems()
    if problems:
        seen_again = set(stores.problems())
        problems = [problem for problem in problems if problem in seen_again]
    busy = {row.path for row in stores.videos.get(list(stores.claims.others())).values()} | {*stores.claims.others()}
    return [problem for problem in problems if not any(problem.startswith(f"{name}: ") for name in busy)]


def sweep(stores: LibraryStores) -> None:
    """Drops this machine's copies of matrices, in this process's slot, that are of no video or of an older one."""
    keys = list(stores.matrices.keys())
    for start in range(0, len(keys), ROWS_AT_A_TIME):
        part = keys[start : start + ROWS_AT_A_TIME]
        present = stores.videos.pooled(part)
        for key in part:
            try:
                matrix = stores.matrices.get_array(key)
            except StoreError:
                continue  # damaged, which is a problem
            if matrix is not None and (key not in present or not fits(np.asarray(matrix, np.float32), *present[key])):
                stores.matrices.delete(key)
