"""What a person marked as no copy: kept with the library by the contents of both videos, and left out of answers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from reprise.errors import InputError, MissingVideoError, SettingsError, printable
from reprise.scanning import content_hash
from reprise.segment import Segment
from reprise.stores.library import LibraryStores
from reprise.stores.notes import NoteStore
from reprise.stores.videos import VideoRow

KIND = "rejected"
# A segment counts as the marked one if at least so much of it lies in the marked stretches of both videos: its ends
# may be told a little differently next time.
SHARE = 0.5

Box = tuple[float, float, float, float]  # q_start, r_start, q_end, r_end, seconds


@dataclass(frozen=True, slots=True)
class Rejection:
    """A match, or a segment of one, that is not a copy."""

    query: str  # the path as it was given, made printable
    reference: str  # the path as it was ingested
    query_hash: str  # SHA-256 of the file
    reference_hash: str
    segment: Box | None  # None: whatever is found between the two
    marked_at: str  # ISO 8601, UTC

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> Rejection:
        """The rejection that a note keeps."""
        segment = note["segment"]
        return cls(**{**note, "segment": None if segment is None else tuple(map(float, segment))})

    @property
    def key(self) -> str:
        """What its note is kept under."""
        stretch = "" if self.segment is None else ",".join(f"{time_s:.3f}" for time_s in self.segment)
        return f"{self.query_hash}/{self.reference_hash}/{stretch}"

    def rejects(self, segment: Segment) -> bool:
        """Whether a segment between the two videos is what was marked."""
        if self.segment is None:
            return True
        q_start, r_start, q_end, r_end = self.segment
        return (
            _share(segment.query_start_s, segment.query_end_s, q_start, q_end) >= SHARE
            and _share(segment.reference_start_s, segment.reference_end_s, r_start, r_end) >= SHARE
        )

    def to_json(self) -> dict[str, Any]:
        """The object that `reprise reject list --json` prints."""
        return {
            "query": self.query,
            "reference": self.reference,
            **({} if self.segment is None else {"segment": list(self.segment)}),
            "query_hash": self.query_hash,
            "reference_hash": self.reference_hash,
            "marked_at": self.marked_at,
        }


class Rejections:
    """The rejections of a library, to hold answers about one query video against."""

    def __init__(self, rejected: Iterable[Rejection], query_path: str) -> None:
        self._query_path = query_path
        self._query_hash: str | None = None
        self._by_reference: dict[str, list[Rejection]] = {}
        for rejection in rejected:
            self._by_reference.setdefault(rejection.reference_hash, []).append(rejection)

    def kept(self, reference: VideoRow, segments: Sequence[Segment]) -> list[Segment]:
        """Those of the segments found in `reference` that were not marked as no copies."""
        marked = self._by_reference.get(reference.content_hash, [])
        # The query's file is read only where there is a mark on one of its matches.
        marked = [rejection for rejection in marked if rejection.query_hash == self._hash_of_query()]
        return [segment for segment in segments if not any(rejection.rejects(segment) for rejection in marked)]

    def _hash_of_query(self) -> str:
        if self._query_hash is None:
            try:
                self._query_hash = content_hash(self._query_path)
            except InputError:  # it is gone since it was embedded: nothing can be said of it
                self._query_hash = ""
        return self._query_hash


def reject(
    stores: LibraryStores, query: str | os.PathLike[str], reference: VideoRow, segment: Box | None
) -> Rejection:
    """Marks what is found between the two videos, or one segment of it, as no copy.

    Raises MissingVideoError if the query's file cannot be read, SettingsError for a segment that is none.
    """
    if segment is not None:
        check_segment(segment)
    rejection = Rejection(
        query=printable(query),
        reference=reference.path,
        query_hash=content_hash(query),
        reference_hash=reference.content_hash,
        segment=segment,
        marked_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    stores.notes.put(KIND, rejection.key, asdict(rejection))
    return rejection


def take_back(
    stores: LibraryStores, query: str | os.PathLike[str], reference: str | None = None, segment: Box | None = None
) -> list[Rejection]:
    """Removes the marks on the query, or those of them on `reference` and with `segment`; returns what they were.

    query: its file, or, where that is gone, its path as `all_rejections` has it or its hash. reference: its path as
    it was ingested, or its hash. Raises MissingVideoError if there is no such mark.
    """
    shown = printable(query)
    try:
        digest = content_hash(query)
    except InputError:
        digest = shown
    taken = [
        rejection
        for rejection in all_rejections(stores.notes)
        if (rejection.query_hash == digest or rejection.query == shown)
        and (reference is None or printable(reference) in (rejection.reference, rejection.reference_hash))
        and (segment is None or rejection.segment == segment)
    ]
    if not taken:
        raise MissingVideoError(f"{shown}: nothing of it is marked as no copy; `reprise reject list` shows what is")
    stores.notes.delete(KIND, [rejection.key for rejection in taken])
    return taken


def all_rejections(notes: NoteStore) -> list[Rejection]:
    """All marks, sorted by query and reference."""
    found = [Rejection.of(note) for _, note in notes.all(KIND)]
    return sorted(found, key=lambda rejection: (rejection.query, rejection.reference, rejection.segment or ()))


def check_segment(segment: Box) -> None:
    """Raises SettingsError if this is not a segment."""
    q_start, r_start, q_end, r_end = segment
    if not (0 <= q_start < q_end and 0 <= r_start < r_end):
        raise SettingsError(
            "a segment is Q_START,R_START,Q_END,R_END in seconds, each start before its end, as `query --json` "
            f"prints it, not {','.join(f'{time_s:g}' for time_s in segment)}"
        )


def _share(start: float, end: float, marked_start: float, marked_end: float) -> float:
    """How much of the stretch lies in the marked one."""
    return max(0.0, min(end, marked_end) - max(start, marked_start)) / max(end - start, 1e-9)
