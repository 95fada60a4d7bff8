"""The connections of this process to Milvus, one for each address, whoever uses it."""

from __future__ import annotations

import os
import threading
from collections import Counter

from reprise.stores.milvus import Milvus


def address(uri: str | None, host: str | None, port: str | int | None) -> str:
    """The URI that a Towhee operator's `host` and `port`, or our `uri`, name."""
    return uri if uri is not None else f"http://{host or '127.0.0.1'}:{port or 19530}"


# Towhee builds operators from plain arguments: operators, pipelines and the library that uses them share a
# connection through this table. Milvus Lite, which serves a folder to one owner, could not work otherwise.
_connected: dict[str, Milvus] = {}
_connecting = threading.Lock()


def connect(uri: str, *, user: str | None = None, password: str | None = None) -> Milvus:
    """The process's connection to `uri`. The token of a server that asks for one is in REPRISE_MILVUS_TOKEN,
    unless `user` and `password` are given. Raises StoreError, or LibraryInUseError for a folder that is held.
    """
    token = f"{user}:{password}" if user else os.environ.get("REPRISE_MILVUS_TOKEN", "")
    with _connecting:
        if uri not in _connected:
            _connected[uri] = Milvus(uri, token)
        return _connected[uri]


def disconnect(uri: str) -> None:
    """Closes the process's connection to `uri`, if there is one."""
    with _connecting:
        milvus = _connected.pop(uri, None)
    if milvus is not None:
        milvus.close()


# A process may have a server's library open twice: the connection is closed with the last.
_keepers: Counter[str] = Counter()


def keep(uri: str) -> None:
    """Notes that the connection to `uri` is to be kept open until `part` is called as often as this."""
    with _connecting:
        _keepers[uri] += 1


def part(uri: str) -> None:
    """Undoes one `keep`; the last one closes the connection."""
    with _connecting:
        _keepers[uri] -= 1
        is_last = _keepers[uri] <= 0
    if is_last:
        disconnect(uri)
