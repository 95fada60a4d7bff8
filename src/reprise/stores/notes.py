"""The Milvus collection `notes`: small facts that a library keeps beside its videos, for every machine that uses it.

Made by the first note, so that libraries without any are as they were.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reprise.stores.milvus import Milvus

NOTES = "notes"
CLAIM, HEART = "claim", "heart"  # kinds of which notes are of running processes, and nothing that a library knows
PASSING = frozenset({CLAIM, HEART})
FEW = 2000  # of up to 60 KB, mostly of half a KB
_INDEX = {"index_type": "FLAT", "metric_type": "IP", "params": {}}


class NoteStore:
    """Notes of several kinds, each an object under a key that is its kind's own."""

    def __init__(self, milvus: Milvus) -> None:
        self._milvus = milvus
        self._is_there = milvus.has(NOTES)
        if self._is_there:
            milvus.load(NOTES, _INDEX)

    def put(self, kind: str, key: str, note: Mapping[str, Any]) -> None:
        """Writes a note, JSON of up to 60 KB, over the one of this kind and key."""
        self.put_all(kind, {key: note})

    def put_all(self, kind: str, notes: Mapping[str, Mapping[str, Any]]) -> None:
        """Writes notes by their keys, as `put`."""
        self._make()
        rows = [
            # Milvus wants a vector in every collection; nothing searches by this one.
            {"id": _id(kind, key), "kind": kind, "note": {"key": key, "note": dict(note)}, "embedding": [1.0, 0.0]}
            for key, note in notes.items()
        ]
        self._milvus.insert(NOTES, rows, replace=True)

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The note of this kind and key; None where there is none."""
        found = self._milvus.get(NOTES, [_id(kind, key)], ["note"]) if self._look() else []
        return dict(found[0]["note"]["note"]) if found else None

    def all(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """(key, note) of all notes of a kind, in no particular order."""
        return [(key, note) for _, key, note in self.of_kinds(kind)]

    def of_kinds(self, *kinds: str, at_once: bool = False) -> list[tuple[str, str, dict[str, Any]]]:
        """(kind, key, note) of all notes of these kinds, in no particular order.

        With `at_once` as far as a server knows them at this moment, without what was written just now.
        """
        if not self._look():
            return []
        wanted = " or ".join(f'kind == "{kind}"' for kind in kinds)
        # Of most kinds there are few, which come in one answer; for pages a server has to be asked more than once.
        rows = self._milvus.few(NOTES, ["kind", "note"], wanted, at_once=at_once, limit=FEW)
        if len(rows) >= FEW:
            rows = list(self._milvus.rows(NOTES, ["kind", "note"], wanted))
        return [(row["kind"], row["note"]["key"], dict(row["note"]["note"])) for row in rows]

    def every(self) -> Iterator[dict[str, Any]]:
        """All notes but those of running processes, each as the arguments of `put`."""
        for row in self._milvus.rows(NOTES, ["kind", "note"]) if self._look() else ():
            if row["kind"] not in PASSING:
                yield {"kind": row["kind"], "key": row["note"]["key"], "note": dict(row["note"]["note"])}

    def kinds(self) -> Counter[str]:
        """How many notes there are of each kind, but for those of running processes."""
        found = Counter(row["kind"] for row in self._milvus.rows(NOTES, ["kind"])) if self._look() else Counter[str]()
        return Counter({kind: count for kind, count in found.items() if kind not in PASSING})

    def delete(self, kind: str, keys: Iterable[str]) -> None:
        """Removes notes; nothing happens where one is not there."""
        if self._look():
            for key in keys:
                self._milvus.delete(NOTES, f'id == "{_id(kind, key)}"')

    def _look(self) -> bool:
        # On a server another process may have written the first note since.
        if not self._is_there and not self._milvus.embedded and self._milvus.has(NOTES):
            self._milvus.load(NOTES)
            self._is_there = True
        return self._is_there

    def _make(self) -> None:
        if self._look():
            return
        self._milvus.create(
            NOTES,
            [
                {"field_name": "id", "datatype": "VARCHAR", "max_length": 64, "is_primary": True},
                {"field_name": "kind", "datatype": "VARCHAR", "max_length": 32},
                {"field_name": "note", "datatype": "JSON"},
                {"field_name": "embedding", "datatype": "FLOAT_VECTOR", "dim": 2},
            ],
            properties={},
            index=_INDEX,
        )
        self._milvus.load(NOTES)
        self._is_there = True


def _id(kind: str, key: str) -> str:
    # Milvus Lite reads no quotation mark in an expression, and keys may be paths.
    return f"{kind}/{hashlib.sha256(key.encode()).hexdigest()[:24]}"
