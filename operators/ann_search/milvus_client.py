"""`ops.ann_search.milvus_client`: nearest neighbours in a Milvus collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.errors import SettingsError
from reprise.stores.connections import address, connect


@register(name="ann_search/milvus_client")
class MilvusClient:
    """The nearest rows of a collection to one vector, or to each of a batch.

    host, port, collection_name, limit, output_fields, metric_type, user, password   as Towhee's Hub operator;
                    further named arguments are Milvus search parameters, e.g. nprobe=64
    expr            Milvus' own filter expression: only rows that it names are searched; empty for all
    uri             instead of host and port: a server's URI or a Milvus Lite folder

    A vector [dim] gives a list of hits, best first, each `[id, score, *output_fields]`; a batch
    [queries, dim] gives a list of such lists from one call (one call a frame costs fifty times more on
    Milvus Lite).
    """

    def __init__(
        self,
        host: str | None = None,
        port: str | int | None = None,
        collection_name: str | None = None,
        limit: int = 10,
        output_fields: Sequence[str] | None = None,
        metric_type: str = "L2",
        user: str | None = None,
        password: str | None = None,
        *,
        expr: str = "",
        uri: str | None = None,
        **search_params: Any,
    ) -> None:
        if collection_name is None:
            raise SettingsError("ann_search.milvus_client: collection_name is missing")
        self._collection = collection_name
        self._limit = limit
        self._fields = tuple(output_fields or ())
        self._metric = metric_type
        self._where = expr
        self._params = search_params
        self._milvus = connect(address(uri, host, port), user=user, password=password)
        self._milvus.load(collection_name)

    def __call__(self, vectors: NDArray[np.float32]) -> list[list[Any]] | list[list[list[Any]]]:
        batch = np.atleast_2d(vectors)
        hits = self._milvus.search(
            self._collection,
            batch,
            limit=self._limit,
            metric=self._metric,
            fields=self._fields,
            params=self._params,
            where=self._where,
        )
        return hits[0] if np.ndim(vectors) == 1 else hits
