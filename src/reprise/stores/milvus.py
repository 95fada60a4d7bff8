"""Connections to Milvus, embedded (Milvus Lite) or a server, and the few calls that stores and operators make."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import StoreError, printable, with_remedy
from reprise.stores import lite, lite_search
from reprise.stores.garbage import no_garbage_collection
from reprise.stores.no_pandas import without_pandas
from reprise.stores.patience import PatientClient, first_line
from reprise.stores.uninterrupted import uninterrupted

# Milvus takes messages of up to 64 MB; 4096 rows of 2048 dimensions are half of that.
INSERT_ROWS = 4096
READ_ROWS = 8192
MOST_IN_ANSWER = 16384  # more Milvus does not give at once
# Vectors in one search call. An hour's query has 8000 views: in one call Milvus Lite would hold each one's similarity
# with each frame in memory, take more than TIMEOUT_S, and not hear of an interrupt; a call costs it 2 microseconds a
# frame of the library beside. A server waits up to 0.2 s before each call, so it gets more at once.
SEARCHED_AT_ONCE, SEARCHED_AT_ONCE_ON_SERVER = 768, 2048
TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 10.0
# Without a step forward: of a server that builds an index; of one that loads what it has built, at least.
BUILT_WITHIN_S, LOADED_WITHIN_S = 900.0, 60.0
LOADED_FRAMES_A_S = 10_000
ASK_AGAIN_S = 1.0

_log = logging.getLogger(__name__)

# Asked for by pymilvus, not offered by Milvus Lite, and harmless: without this every command prints a traceback.
logging.getLogger("grpc._server").setLevel(logging.CRITICAL + 1)
# What Milvus Lite logs with a traceback it also answers with, and that is told in one line.
logging.getLogger("milvus_lite").setLevel(logging.CRITICAL + 1)


class Milvus:
    """One Milvus: a server's URI, or the path of a Milvus Lite folder, which ends in ".db"."""

    def __init__(self, uri: str, token: str = "") -> None:
        """Connects; use `connect`, which shares connections. Raises StoreError or LibraryInUseError."""
        self.uri = uri
        self.embedded = "://" not in uri
        self.shown = printable(uri)
        # Milvus Lite takes an idle connection's pings amiss; gRPC connects anew, but would tell of it on the screen.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        with no_garbage_collection(), without_pandas(with_pyarrow=self.embedded):
            from pymilvus import MilvusClient  # a third of a second that `--help` need not spend

        # pymilvus logs every error with a traceback beside raising it; importing it sets its level anew.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)

        if self.embedded:
            lite.tidy(uri)
        # The first embedded one imports Milvus Lite.
        with lite.overheard() as heard, no_garbage_collection():
            try:
                client = MilvusClient(uri=uri, token=token, timeout=CONNECT_TIMEOUT_S)
            except Exception as error:
                if not self.embedded:
                    raise StoreError(
                        f"{self.shown}: no Milvus server answers there ({first_line(error)}); start it, or mend the "
                        "address"
                    ) from error
                raise lite.cannot_open(self.shown, heard.error or error) from error
        if self.embedded:
            lite.silence_training()
            lite_search.quicken()
        self._client: Any = client if self.embedded else PatientClient(client, self.shown)

    def version(self) -> str:
        """As the server tells it, e.g. "v2.3.5"."""
        with self._speaking():
            return str(self._client.get_server_version(timeout=TIMEOUT_S))

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
            self._make_index(collection, index)

    def _make_index(self, collection: str, index: Mapping[str, Any]) -> None:
        if not self._client.list_indexes(collection, field_name="embedding"):
            # Not waited for: there is nothing to index yet, and the wait sleeps half a second.
            self._client.create_index(collection, self._index(index), timeout=TIMEOUT_S, sync=False)

    def properties(self, collection: str) -> dict[str, str]:
        """The properties that `create` was given, and Milvus' own."""
        with self._speaking():
            description = self._client.describe_collection(collection, timeout=TIMEOUT_S)
        return dict(description.get("properties", {}))

    def set_property(self, collection: str, name: str, value: str) -> None:
        """Writes one of the properties that `create` was given."""
        with self._speaking():
            self._client.alter_collection_properties(collection, {name: value}, timeout=TIMEOUT_S)

    def input_fields(self, collection: str) -> list[tuple[str, bool]]:
        """(name, is it a vector) of the fields that an insert must give, in the schema's order."""
        from pymilvus import DataType

        with self._speaking():
            fields = self._client.describe_collection(collection, timeout=TIMEOUT_S)["fields"]
        vectors = {DataType.FLOAT_VECTOR, DataType.BINARY_VECTOR, DataType.FLOAT16_VECTOR}
        return [(f["name"], f["type"] in vectors) for f in fields if not f.get("auto_id", False)]

    def load(self, collection: str, index: Mapping[str, Any] | None = None) -> None:
        """Makes `collection` searchable; one that lost its index, within `rebuild_index`, gets `index`.

        A server that is building an index, or loading, is waited for as long as it gets on with it; one that cannot
        load the index that it has gets it anew.
        """
        with self._speaking():
            if index is not None:
                self._make_index(collection, index)
        try:
            self._load(collection)
        except StoreError:
            if not self.embedded:
                self._load_late(collection)
            elif lite.drop_index_files(self.uri, collection):
                self._load(collection)
            else:
                raise

    def _load(self, collection: str) -> None:
        with self._speaking():
            self._client.load_collection(collection, timeout=TIMEOUT_S)

    def _load_late(self, collection: str) -> None:
        # While an index is built this takes minutes. Where it is built and loading does not get on, a process was
        # killed while it replaced the index, and Milvus 2.3 tries for ever to load files that it cannot read.
        _log.warning("%s: waiting for the server, which is loading %s", self.shown, collection)
        least, most, since_s = sys.maxsize, -1, time.monotonic()
        while True:
            index = self._description(collection)
            pending = int(index.get("pending_index_rows", 0))
            loaded_within_s = max(LOADED_WITHIN_S, int(index.get("total_rows", 0)) / LOADED_FRAMES_A_S)
            try:
                self._load(collection)
            except StoreError:
                percent, now_s = self._loaded_percent(collection), time.monotonic()
                if pending < least or percent > most:
                    least, most, since_s = min(pending, least), max(percent, most), now_s
                elif pending and now_s - since_s > BUILT_WITHIN_S:
                    raise
                elif not pending and now_s - since_s > loaded_within_s:
                    break
                time.sleep(ASK_AGAIN_S)  # between two tries, which may be refused at once; the bounds end them
            else:
                return
        params = {"nlist": int(index["nlist"])} if "nlist" in index else {}
        self.rebuild_index(
            collection, {"index_type": index["index_type"], "metric_type": index["metric_type"], "params": params}
        )

    def _loaded_percent(self, collection: str) -> int:
        with self._speaking():
            return int(self._client.get_load_state(collection, timeout=TIMEOUT_S).get("progress", 0))

    def insert(self, collection: str, rows: Sequence[Mapping[str, Any]], *, replace: bool = False) -> int:
        """Adds rows (field name to value); returns how many. With `replace`, over those with their ids.

        Milvus does not look for ids that are there already: a row inserted twice is counted twice. Without `replace`,
        raises StoreAwayError as soon as a server goes away: some of the rows may be there then, some not.
        """
        with self._speaking():
            for start in range(0, len(rows), INSERT_ROWS):
                part = [dict(row) for row in rows[start : start + INSERT_ROWS]]
                (self._client.upsert if replace else self._client.insert)(collection, part, timeout=TIMEOUT_S)
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
        with self._naming_errors():
            pages = self._client.query_iterator(
                collection, filter=where, batch_size=READ_ROWS, output_fields=list(fields), timeout=TIMEOUT_S
            )
            try:
                while page := pages.next():
                    yield from (dict(row) for row in page)
            finally:
                pages.close()

    def few(
        self,
        collection: str,
        fields: Sequence[str],
        where: str,
        *,
        at_once: bool = False,
        limit: int = MOST_IN_ANSWER,
    ) -> list[dict[str, Any]]:
        """The rows that `where` names, up to `limit`, in one answer: three times quicker than `rows`.

        A server answers a read when it has seen all that was written before, which takes it 0.2 s; with `at_once`
        it tells what it knows.
        """
        with self._speaking():
            answer = self._client.query(
                collection,
                filter=where,
                output_fields=list(fields),
                limit=limit,
                timeout=TIMEOUT_S,
                **_consistency(at_once),
            )
        return [dict(row) for row in answer]

    def get(
        self, collection: str, ids: Sequence[str], fields: Sequence[str], *, at_once: bool = False
    ) -> list[dict[str, Any]]:
        """The rows with these ids that exist, in no particular order; `at_once` as for `few`."""
        found: list[dict[str, Any]] = []
        with self._speaking():
            for start in range(0, len(ids), READ_ROWS):
                part = list(ids[start : start + READ_ROWS])
                answer = self._client.get(
                    collection, ids=part, output_fields=list(fields), timeout=TIMEOUT_S, **_consistency(at_once)
                )
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
        """The `limit` nearest rows to each of the [queries, dim] vectors, of those that `where` names.

        For each query its hits, best first, each `[id, score, *fields]`. Many vectors are searched block by block; by
        inner product, a vector of zeros has no hits.
        """
        at_once = SEARCHED_AT_ONCE if self.embedded else SEARCHED_AT_ONCE_ON_SERVER
        found: list[list[list[Any]]] = [[] for _ in vectors]
        # Zeros stand for what is not to be looked at, and are as like one row as the next.
        sought = np.flatnonzero(np.any(vectors, axis=1)) if metric == "IP" else np.arange(len(vectors))
        for start in range(0, len(sought), at_once):
            block = sought[start : start + at_once]
            with self._speaking():
                answer = self._client.search(
                    collection,
                    data=list(np.asarray(vectors[block], dtype=np.float32)),
                    limit=limit,
                    filter=where,
                    output_fields=list(fields),
                    search_params={"metric_type": metric, "params": dict(params or {})},
                    timeout=TIMEOUT_S,
                )
            # The primary key comes back under "id" or under its own name, by pymilvus' version and the server's.
            for vector, hits in zip(block, answer, strict=True):
                found[vector] = [
                    [hit.get("id"), float(hit["distance"]), *(hit["entity"].get(f) for f in fields)] for hit in hits
                ]
        return found

    def flush(self, collection: str) -> None:
        """Writes what was inserted into its final, indexed form.

        Milvus Lite searches rows that are not flushed one by one: 30 times slower at 100 000 frames.
        """
        with self._speaking():
            self._client.flush(collection, timeout=TIMEOUT_S)

    def index_type(self, collection: str) -> str:
        """The type of the index on "embedding", e.g. "FLAT"."""
        return str(self._description(collection)["index_type"])

    def has_index(self, collection: str, index: Mapping[str, Any]) -> bool:
        """Whether the index on "embedding" is of this type; an embedded one, also of these parameters."""
        have = self._description(collection)
        if have["index_type"] != index["index_type"]:
            return False
        told = have.get("params") or {}
        return not self.embedded or dict(json.loads(told) if isinstance(told, str) else told) == dict(index["params"])

    def _description(self, collection: str) -> dict[str, Any]:
        with self._speaking():
            return dict(self._client.describe_index(collection, "embedding", timeout=TIMEOUT_S))

    def rebuild_index(self, collection: str, index: Mapping[str, Any]) -> None:
        """Replaces the index on "embedding" and waits until it serves. Takes seconds to minutes."""
        with self._speaking():
            self._client.release_collection(collection)
            self._client.drop_index(collection, "embedding")
            self._client.create_index(collection, self._index(index))
            self._client.load_collection(collection)

    def rename(self, collection: str, name: str) -> None:
        """Gives `collection` another name, which is free."""
        with self._speaking():
            self._client.rename_collection(collection, name, timeout=TIMEOUT_S)

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
        # pymilvus sends each parameter by itself, as servers want them; Milvus Lite looks for them in one, "params".
        given = {"params": index["params"]} if self.embedded and index["params"] else index["params"]
        params.add_index(field_name="embedding", **{**index, "params": given})
        return params

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """For one call of the client."""
        with self._naming_errors(), uninterrupted() if self.embedded else nullcontext():
            yield

    @contextmanager
    def _naming_errors(self) -> Iterator[None]:
        # Milvus' exceptions are long and name its internals: here they become one line with the address.
        from pymilvus.exceptions import MilvusException

        try:
            yield
        except MilvusException as error:
            raise StoreError(f"{self.shown}: Milvus refused: {with_remedy(first_line(error))}") from error


def _consistency(at_once: bool) -> dict[str, str]:
    return {"consistency_level": "Eventually"} if at_once else {}
