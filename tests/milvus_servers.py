"""Emptying a Milvus server between tests."""

from __future__ import annotations

from reprise.stores.connections import disconnect
from reprise.stores.milvus import Milvus


def cleared(uri: str, *, keep_collections: bool) -> None:
    """Takes all rows, or whole collections, off the server."""
    disconnect(uri)
    server = Milvus(uri)
    for collection in ("frames", "videos", "notes", "ignored", "audio"):
        if server.has(collection):
            if keep_collections and server.index_type(collection) == "FLAT":
                server.delete(collection, 'id != ""')
            else:
                server.drop(collection)
    server.close()
