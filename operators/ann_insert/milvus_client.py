"""`ops.ann_insert.milvus_client`: rows into a Milvus collection."""

from __future__ import annotations

from typing import Any

import numpy as np
from towhee import register

from reprise.errors import SettingsError
from reprise.stores.connections import address, connect


@register(name="ann_insert/milvus_client")
class MilvusClient:
    """Inserts one row, or a batch of rows, into a collection; returns how many.

    host, port, collection_name, user, password   as Towhee's Hub operator
    uri                                           instead of host and port: a server's URI or a Milvus Lite folder
    replace                                       rows with these ids that are there already are written over

    It is called with the row's values in the order of the collection's fields, less an automatic id. Where
    the vector is [rows, dim] it is a batch: every other value is then a sequence of as many, or one value that
    holds for all rows.
    """

    def __init__(
        self,
        host: str | None = None,
        port: str | int | None = None,
        collection_name: str | None = None,
        user: str | None = None,
        password: str | None = None,
        *,
        uri: str | None = None,
        replace: bool = False,
    ) -> None:
        if collection_name is None:
            raise SettingsError("ann_insert.milvus_client: collection_name is missing")
        self._collection, self._replace = collection_name, replace
        self._milvus = connect(address(uri, host, port), user=user, password=password)
        self._fields = self._milvus.input_fields(collection_name)

    def __call__(self, *values: Any) -> int:
        if len(values) != len(self._fields):
            names = ", ".join(name for name, _ in self._fields)
            raise SettingsError(
                f"ann_insert.milvus_client: collection {self._collection} takes {names}; got {len(values)} values"
            )
        return self._milvus.insert(self._collection, self._rows(values), replace=self._replace)

    def _rows(self, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        names = [name for name, _ in self._fields]
        vectors = next(np.asarray(v) for (_, is_vector), v in zip(self._fields, values, strict=True) if is_vector)
        if vectors.ndim == 1:
            return [dict(zip(names, values, strict=True))]
        columns = [self._column(value, len(vectors)) for value in values]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    @staticmethod
    def _column(value: Any, rows: int) -> Any:
        if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
            return [value] * rows
        # numpy's numbers are no Python numbers, which pymilvus insists on for plain fields.
        return value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else value
