"""What a process that keeps no matrices on its machine leaves there: nothing, unless it was killed.

With `$REPRISE_MATRICES` "milvus" the matrices are read from Milvus by video id, and LevelDB on this machine has no
more than a crash needs: each video that is being written, whole, until Milvus has flushed it. A process removes its
slot when it ends with nothing unfinished; what a killed one left is finished by the next, whether that keeps matrices
or not, and then removed too.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from reprise.stores import copies
from reprise.stores.leveldb import close_leveldb, is_leveldb, open_leveldb


def remove_finished(slot: Path) -> None:
    """Closes a slot, for who has its lock, and removes it unless a write in it is unfinished."""
    if not is_leveldb(slot):
        return
    try:
        matrices = open_leveldb(slot)
        being_filled = [matrices.fact(fact) for fact in (copies.REBUILDING, copies.RESTORING)]
        is_needed = bool(matrices.marks() or matrices.moving()) or being_filled != [None, None]
        del matrices  # the handle is closed with its last owner
    finally:
        close_leveldb(slot)
    if not is_needed:
        shutil.rmtree(slot, ignore_errors=True)
