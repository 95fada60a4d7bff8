"""Connections to Milvus, embedded (Milvus Lite) or a server, and the few calls that stores and operators make."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import LibraryInUseError, StoreError, printable

# Milvus takes messages of up to 64 MB; 4096 rows of 2048 dimensions are half of that.
INSERT_ROWS = 4096
READ_ROWS = 8192
TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 10.0

# Asked for by pymilvus, not offered by Milvus Lite, and harmless: without this every command prints a traceback.
logging.getLogger("grpc._server").setLevel(logging.CRITICAL + 1)


class Milvus:
    """One Milvus: a server's URI, or the path of a Milvus Lite folder, which ends in ".db"."""

    def __init__(self, uri: str, token: str = "") -> None:
        """Connects; use `connect`, which shares connections. Raises StoreError or LibraryInUseError."""
        self.uri = uri
        self.embedded = "://" not in uri
        self.shown = printable(uri)
        with _no_garbage_collection():
            from pymilvus import MilvusClient  # half a second that `--help` need not spend

        # pymilvus logs every error with a traceback beside raising it; importing it sets its level anew.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)

        try:
            with _no_garbage_collection():  # the first embedded one imports Milvus Lite
                self._client = MilvusClient(uri=uri, token=token, timeout=CONNECT_TIMEOUT_S)
        except Exception as error:
            if self.embedded:
                raise LibraryInUseError(
                    f"{self.shown}: Milvus Lite cannot open it ({_first_line(error)}); does another process use it?"
                ) from error
            raise StoreError(
                f"{self.shown}: no Milvus server answers there ({_first_line(error)}); start it, or mend the address"
            ) from error

    def has(self, collection: str) -> bool:
        """Whether `collection` exists."""
        with self._speaking():
            return bool(self._client.has_collection(collection, timeout=TIMEOUT_S))

    def create(
        self,
        collection: str,
        fields: Sequence[Mapping[str, Any]],
        *,
        properties: Mapping[str, str],
        index: Mapping[str, Any],
    ) -> None:
        """Makes a collection with one index, on "embedding"; what is there already is left as it is.

        `fields` are arguments of pymilvus' `add_field`, with `datatype` by name.
        """
        from pymilvus import DataType

        schema = self._client.create_schema(auto_id=False)
        for field in fields:
            schema.add_field(**{**field, "datatype": DataType[field["datatype"]]})
        with self._speaking():
            if not self._client.has_collection(collection, timeout=TIMEOUT_S):
                self._client.create_collection(
                    collection,
                    schema=schema,
                    properties=dict(properties),
                    # A video that was just ingested must be found by the next query.
                    consistency_level="Strong",
                    timeout=TIMEOUT_S,
                )
            if not self._client.list_indexes(collection, field_name="embedding"):
                # Not waited for: there is nothing to index yet, and the wait sleeps half a second.
                self._client.create_index(collection, self._index(index), timeout=TIMEOUT_S, sync=False)

    def properties(self, collection: str) -> dict[str, str]:
        """The properties that `create` was given, and Milvus' own."""
        with self._speaking():
            description = self._client.describe_collection(collection, timeout=TIMEOUT_S)
        return dict(description.get("properties", {}))

    def input_fields(self, collection: str) -> list[tuple[str, bool]]:
        """(name, is it a vector) of the fields that an insert must give, in the schema's order."""
        from pymilvus import DataType

        with self._speaking():
            fields = self._client.describe_collection(collection, timeout=TIMEOUT_S)["fields"]
        vectors = {DataType.FLOAT_VECTOR, DataType.BINARY_VECTOR, DataType.FLOAT16_VECTOR}
        return [(f["name"], f["type"] in vectors) for f in fields if not f.get("auto_id", False)]

    def load(self, collection: str) -> None:
        """Makes `collection` searchable."""
        with self._speaking():
            self._client.load_collection(collection, timeout=TIMEOUT_S)

    def insert(self, collection: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Adds rows (field name to value); returns how many."""
        with self._speaking():
            for start in range(0, len(rows), INSERT_ROWS):
                part = [dict(row) for row in rows[start : start + INSERT_ROWS]]
                self._client.insert(collection, part, timeout=TIMEOUT_S)
        return len(rows)

    def upsert(self, collection: str, row: Mapping[str, Any]) -> None:
        """Puts one row, over the one with its id if there is one."""
        with self._speaking():
            self._client.upsert(collection, [dict(row)], timeout=TIMEOUT_S)

    def delete(self, collection: str, where: str) -> None:
        """Removes the rows that the Milvus expression `where` names."""
        with self._speaking():
            self._client.delete(collection, filter=where, timeout=TIMEOUT_S)

    def count(self, collection: str, where: str = "") -> int:
        """How many rows the Milvus expression `where` names; all without it."""
        with self._speaking():
            answer = self._client.query(collection, filter=where, output_fields=["count(*)"], timeout=TIMEOUT_S)
        return int(answer[0]["count(*)"])

    def rows(self, collection: str, fields: Sequence[str], where: str = "") -> Iterator[dict[str, Any]]:
        """All rows that `where` names, however many, with their `fields`."""
        with self._speaking():
            pages = self._client.query_iterator(
                collection, filter=where, batch_size=READ_ROWS, output_fields=list(fields), timeout=TIMEOUT_S
            )
            try:
                while page := pages.next():
                    yield from (dict(row) for row in page)
            finally:
                pages.close()

    def get(self, collection: str, ids: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        """The rows with these ids that exist, in no particular order."""
        found: list[dict[str, Any]] = []
        with self._speaking():
            for start in range(0, len(ids), READ_ROWS):
                part = list(ids[start : start + READ_ROWS])
                answer = self._client.get(collection, ids=part, output_fields=list(fields), timeout=TIMEOUT_S)
                found += [dict(row) for row in answer]
        return found

    def search(
        self,
        collection: str,
        vectors: NDArray[np.float32],
        *,
        limit: int,
        metric: str,
        fields: Sequence[str] = (),
        params: Mapping[str, Any] | None = None,
        where: str = "",
    ) -> list[list[list[Any]]]:
        """The `limit` nearest rows to each of the [queries, dim] vectors, in one call, of those that `where` names.

        For each query its hits, best first, each `[id, score, *fields]`.
        """
        with self._speaking():
            answer = self._client.search(
                collection,
                data=list(np.asarray(vectors, dtype=np.float32)),
                limit=limit,
                filter=where,
                output_fields=list(fields),
                search_params={"metric_type": metric, "params": dict(params or {})},
                timeout=TIMEOUT_S,
            )
        # The primary key comes back under "id" or under its own name, by pymilvus' version and the server's.
        return [
            [[hit.get("id"), float(hit["distance"]), *(hit["entity"].get(f) for f in fields)] for hit in hits]
            for hits in answer
        ]

    def flush(self, collection: str) -> None:
        """Writes what was inserted into its final, indexed form.

        Milvus Lite searches rows that are not flushed one by one: 30 times slower at 100 000 frames.
        """
        with self._speaking():
            self._client.flush(collection, timeout=TIMEOUT_S)

    def index_type(self, collection: str) -> str:
        """The type of the index on "embedding", e.g. "FLAT"."""
        with self._speaking():
            return str(self._client.describe_index(collection, "embedding", timeout=TIMEOUT_S)["index_type"])

    def rebuild_index(self, collection: str, index: Mapping[str, Any]) -> None:
        """Replaces the index on "embedding" and waits until it serves. Takes seconds to minutes."""
        with self._speaking():
            self._client.release_collection(collection)
            self._client.drop_index(collection, "embedding")
            self._client.create_index(collection, self._index(index))
            self._client.load_collection(collection)

    def drop(self, collection: str) -> None:
        """Removes `collection` and all its rows."""
        with self._speaking():
            self._client.drop_collection(collection, timeout=TIMEOUT_S)

    def close(self) -> None:
        """Ends the connection; an embedded Milvus stops and gives its folder back."""
        self._client.close()
        if self.embedded:
            from milvus_lite.server_manager import server_manager_instance

            server_manager_instance.release_server(self.uri)

    def _index(self, index: Mapping[str, Any]) -> Any:
        params = self._client.prepare_index_params()
        params.add_index(field_name="embedding", **index)
        return params

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        # Milvus' exceptions are long and name its internals: here they become one line with the address.
        from pymilvus.exceptions import MilvusException

        try:
            yield
        except MilvusException as error:
            raise StoreError(f"{self.shown}: Milvus refused: {_first_line(error)}") from error


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


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    # What an import makes stays: looking through pandas and the like for garbage took a tenth of a second.
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _first_line(error: Exception) -> str:
    message = str(getattr(error, "message", None) or error)
    return message.strip().splitlines()[0] if message.strip() else type(error).__name__
