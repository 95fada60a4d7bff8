"""`ops.kvstorage.insert_leveldb`: values into LevelDB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.stores.leveldb import open_leveldb


@register(name="kvstorage/insert_leveldb")
class InsertLeveldb:
    """Puts a value (array, bytes or text) under a key into the LevelDB folder `path`; returns the key.

    Arrays are stored with a small versioned header and a checksum, never pickled.
    """

    def __init__(self, path: str) -> None:
        self._store = open_leveldb(path)

    def __call__(self, key: str, value: NDArray[np.generic] | bytes | str) -> str:
        self._store.put(key, value)
        return key
