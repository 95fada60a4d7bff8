"""What people said of a library's answers: which clips are ignored, and which matches are none.

A Milvus server answers a read when it has seen all that was written before, which takes it 0.2 to 0.4 s. A query on
one goes on meanwhile with what was known, and is asked again in the rare case that something else is ignored by now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reprise import ignoring, rejections
from reprise.meanwhile import meanwhile
from reprise.rejections import Rejection
from reprise.stores.library import LibraryStores


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks of a library at one moment."""

    ignored: frozenset[str]  # ids of clips
    rejected: tuple[Rejection, ...]


class MarkReader:
    """Reads the marks of an opened library."""

    def __init__(self, stores: LibraryStores) -> None:
        self._stores = stores
        self._last: Marks | None = None

    def now(self) -> Marks:
        """The marks, with all that was written before. Raises StoreError."""
        self._last = self._read()
        return self._last

    def begin(self) -> tuple[Marks, Callable[[], Marks]]:
        """The marks as they very likely are, and what gives, or waits for, those that `now` gives at this moment."""
        if self._stores.place.embedded:
            marks = self.now()
            return marks, lambda: marks
        reading = meanwhile(self.now)
        return self._last or self._read(at_once=True), reading

    def _read(self, *, at_once: bool = False) -> Marks:
        notes = self._stores.notes.of_kinds(ignoring.KIND, rejections.KIND, at_once=at_once)
        return Marks(
            frozenset(key for kind, key, _ in notes if kind == ignoring.KIND),
            tuple(Rejection.of(note) for kind, _, note in notes if kind == rejections.KIND),
        )
