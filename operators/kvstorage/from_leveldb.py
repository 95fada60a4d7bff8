"""`ops.kvstorage.from_leveldb`: values out of LevelDB."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.stores.leveldb import open_leveldb


@register(name="kvstorage/from_leveldb")
class FromLeveldb:
    """The value under a key of the LevelDB folder `path`, or a list of values for a list of keys.

    With `is_ndarray` values are arrays (read-only), else bytes. A key that is not there gives None.
    """

    def __init__(self, path: str, is_ndarray: bool = False) -> None:
        self._store = open_leveldb(path)
        self._is_ndarray = is_ndarray

    def __call__(
        self, key: str | Sequence[str]
    ) -> NDArray[np.generic] | bytes | list[NDArray[np.generic] | bytes | None] | None:
        if isinstance(key, str):
            return self._value(key)
        return [self._value(one) for one in key]

    def _value(self, key: str) -> NDArray[np.generic] | bytes | None:
        return self._store.get_array(key) if self._is_ndarray else self._store.get(key)
