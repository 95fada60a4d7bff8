"""Searching and counting in Milvus Lite without passes in Python over all ids.

Milvus Lite 3.2 goes over every id of a collection, some 1 us each and several times, before it searches or describes
an index, and makes whole rows, vectors and all, of every hit. In a library of 300 000 frames that was half of a
query's search and half of what comes before the first one. What is put in its place here gives the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
KNOWN = "3.2."  # versions whose insides are known


def quicken() -> None:
    """Puts the quick ways into Milvus Lite, once; another version than `KNOWN` is left as it is."""
    if not version("milvus-lite").startswith(KNOWN):
        return
    from milvus_lite.engine import collection
    from milvus_lite.search import bitmap, executor

    if isinstance(collection.execute_search_with_index, _Search):
        return
    valid_mask.usual = bitmap.build_valid_mask  # type: ignore[attr-defined]
    bitmap.build_valid_mask = executor.build_valid_mask = valid_mask
    collection.execute_search_with_index = _Search(collection.execute_search_with_index)


def valid_mask(
    all_pks: Sequence[Any],
    all_seqs: NDArray[np.uint64],
    delta_index: Any,
    filter_mask: Mask | None = None,
    memtable: Any = None,
) -> Mask:
    """[N]: of N rows with their ids and sequence numbers, the latest of each id that is not deleted since.

    Arguments and result of Milvus Lite's `build_valid_mask`.
    """
    seqs = np.asarray(all_seqs)
    if len(set(all_pks)) == len(all_pks):
        mask = np.ones(len(all_pks), bool)
    else:
        rising = np.argsort(seqs, kind="stable")
        latest = dict(zip([all_pks[row] for row in rising.tolist()], seqs[rising].tolist(), strict=True))
        mask = seqs == np.fromiter((latest[pk] for pk in all_pks), seqs.dtype, len(all_pks))
    deleted = {pk: entry[0] for pk, entry in ({} if memtable is None else memtable.delete_index_snapshot()).items()}
    for pk, seq in delta_index._map.items():
        deleted[pk] = max(seq, deleted.get(pk, seq))
    if deleted:
        for row, pk in enumerate(all_pks):
            if pk in deleted and deleted[pk] > seqs[row]:
                mask[row] = False
    return mask if filter_mask is None else mask & np.asarray(filter_mask, bool)


class _Search:
    """Milvus Lite's `execute_search_with_index`, with a quick way for what a query asks."""

    def __init__(self, usual: Callable[..., list[list[dict[str, Any]]]]) -> None:
        self.usual = usual

    def __call__(self, **asked: Any) -> list[list[dict[str, Any]]]:
        asked["segments"] = [segment for segment in asked["segments"] if segment.num_rows]
        # Once: in the background they come and go.
        indexes = [segment.indexes.get(asked["vector_field"]) for segment in asked["segments"]]
        return _quick(indexes, **asked) if _is_plain(asked, indexes) else self.usual(**asked)


def _is_plain(asked: dict[str, Any], indexes: list[Any]) -> bool:
    """Whether all rows are flushed and indexed and have vectors, and no filter is set."""
    field, segments = asked["vector_field"], asked["segments"]
    return (
        bool(segments)
        and asked["output_fields"] is not None
        and not asked["partition_names"]
        and asked["compiled_filter"] is None
        and asked["memtable"].size() == len(asked["memtable"].delete_index_snapshot())
        and asked["top_k"] > 0
        and None not in indexes
        and all(
            segment.vector_data(field)[1] is None and "$meta" not in segment.table.schema.names
            for segment in segments
        )
    )


def _quick(
    indexes: list[Any],
    *,
    query_vectors: NDArray[np.float32],
    segments: list[Any],
    memtable: Any,
    delta_index: Any,
    top_k: int,
    pk_field: str,
    output_fields: Sequence[str],
    project_record_fn: Callable[[dict[str, Any]], dict[str, Any]],
    search_params: dict[str, Any] | None,
    **_: Any,
) -> list[list[dict[str, Any]]]:
    pks = [pk for segment in segments for pk in segment.pks]
    valid = valid_mask(pks, np.concatenate([segment.seqs for segment in segments]), delta_index, None, memtable)
    ends = np.cumsum([segment.num_rows for segment in segments])
    rows, distances = [], []
    for index, segment, end in zip(indexes, segments, ends.tolist(), strict=True):
        part = valid[end - segment.num_rows : end]
        found, apart = index.search(
            query_vectors, top_k, valid_mask=None if part.all() else part, params=search_params
        )
        rows.append(np.where(found < 0, len(pks), found + end - segment.num_rows))
        distances.append(np.where(found < 0, np.inf, apart))
    row, distance = np.concatenate(rows, axis=1), np.concatenate(distances, axis=1)
    # Ties as Milvus Lite breaks them, by segment and place in it.
    order = np.lexsort((row, distance))[:, :top_k]
    row, distance = np.take_along_axis(row, order, 1), np.take_along_axis(distance, order, 1)
    records = _records(segments, ends, np.unique(row[row < len(pks)]), {pk_field, *output_fields})
    return [
        [
            {"id": pks[number], "distance": apart, "entity": project_record_fn(records[number])}
            for number, apart in zip(numbers, distances_of, strict=True)
            if number < len(pks)
        ]
        for numbers, distances_of in zip(row.tolist(), distance.tolist(), strict=True)
    ]


def _records(
    segments: list[Any], ends: NDArray[np.int64], rows: NDArray[np.int64], fields: set[str]
) -> dict[int, dict[str, Any]]:
    """The `fields` of the rows, numbered through all segments, by number."""
    records: dict[int, dict[str, Any]] = {}
    for segment, end in zip(segments, ends.tolist(), strict=True):
        start = end - segment.num_rows
        here = rows[(rows >= start) & (rows < end)]
        columns = {
            name: segment.table.column(name).take(here - start).to_pylist()
            for name in segment.table.schema.names
            if name in fields
        }
        records |= {
            number: {name: values[place] for name, values in columns.items()}
            for place, number in enumerate(here.tolist())
        }
    return records
