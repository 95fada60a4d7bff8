"""Videos that could not be ingested: kept with reason and time, so that the next ingest need not try them again.

A failure is tried again when the file has changed, when a newer program has come, after some days, and when that is
asked for. What is not the file's fault, such as a killed process, is not kept at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from reprise.errors import DecodeError, NotAVideoError, ProcessLostError, ReprisError, printable
from reprise.stores.library import LibraryStores
from reprise.stores.notes import NoteStore
from reprise.version import program

KIND = "failed"
TRIED_AGAIN_AFTER = timedelta(days=7)
# Of files that nobody ever offers again, so that the notes do not grow for ever.
FORGOTTEN_AFTER = timedelta(days=90)


class File(Protocol):
    """A file that is to be ingested, as it is now."""

    @property
    def path(self) -> str:
        """Where it is."""

    @property
    def id(self) -> str:
        """The id that its video has, or would have."""

    @property
    def file_size(self) -> int:
        """Bytes."""

    @property
    def modified_ns(self) -> int:
        """Time of its last change."""


@dataclass(frozen=True, slots=True)
class KeptFailure:
    """What a library knows of a file that could not be ingested."""

    path: str  # as it was given, made printable
    reason: str  # the line that was told, without the path
    failed_at: str  # ISO 8601, UTC
    file_size: int
    modified_ns: int
    program: str  # the version that tried

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> KeptFailure:
        """From the note that `keep` wrote."""
        return cls(**{name: note[name] for name in cls.__dataclass_fields__})

    def is_of(self, file_size: int, modified_ns: int) -> bool:
        """Whether the file is the one that failed, by its size and time of change."""
        return (self.file_size, self.modified_ns) == (file_size, modified_ns)

    def holds(self, file: File, now: datetime) -> bool:
        """Whether trying the file again is of no use."""
        return (
            self.is_of(file.file_size, file.modified_ns)
            and self.program == program()
            and self._age(now) < TRIED_AGAIN_AFTER
        )

    def is_forgotten(self, now: datetime) -> bool:
        """Whether the note is too old to be kept."""
        return self._age(now) >= FORGOTTEN_AFTER

    def told_of(self, path: str) -> str:
        """The line for an ingest that does not try the file at `path` again."""
        return (
            f"{printable(path)}: failed before, on {self.failed_at[:10]}: {self.reason}; unchanged since, "
            "--retry-failed tries again"
        )

    def to_json(self) -> dict[str, Any]:
        """The object that `reprise list --failed --json` prints."""
        return {
            "path": self.path,
            "reason": self.reason,
            "failed_at": self.failed_at,
            "file_size": self.file_size,
            "program": self.program,
        }

    def _age(self, now: datetime) -> timedelta:
        # A clock that was set back must not keep a failure for ever.
        return abs(now - datetime.fromisoformat(self.failed_at))


class Failures:
    """The failures of a library, read once; `keep` and `forget` write through."""

    def __init__(self, notes: NoteStore, *, now: datetime | None = None) -> None:
        """Reads all failures; those that are too old are removed."""
        self._notes = notes
        self._now = now or datetime.now(UTC)
        self._known = {key: KeptFailure.of(note) for key, note in notes.all(KIND)}
        self.forget(*(key for key, failure in self._known.items() if failure.is_forgotten(self._now)))

    def holding(self, file: File) -> KeptFailure | None:
        """The failure for which the file is not to be tried again; None where it is."""
        failure = self._known.get(file.id)
        return failure if failure is not None and failure.holds(file, self._now) else None

    def keep(self, file: File, error: ReprisError) -> None:
        """Remembers that the file failed, unless that was not its fault."""
        if not is_the_files_fault(error):
            return
        shown = printable(file.path)
        failure = KeptFailure(
            path=shown,
            reason=str(error).removeprefix(f"{shown}: "),
            failed_at=self._now.isoformat(timespec="seconds"),
            file_size=file.file_size,
            modified_ns=file.modified_ns,
            program=program(),
        )
        self._notes.put(KIND, file.id, asdict(failure))
        self._known[file.id] = failure

    def forget(self, *ids: str) -> None:
        """Removes what is kept of these videos; nothing happens where there is nothing."""
        kept = [key for key in ids if key in self._known]
        self._notes.delete(KIND, kept)
        for key in kept:
            del self._known[key]


def failures_of(stores: LibraryStores) -> list[KeptFailure]:
    """The files that failed and were not ingested since, sorted by path."""
    kept = {key: KeptFailure.of(note) for key, note in stores.notes.all(KIND)}
    rows = stores.videos.get(list(kept))
    standing = [
        failure
        for key, failure in kept.items()
        if key not in rows or not failure.is_of(rows[key].file_size, rows[key].modified_ns)
    ]
    return sorted(standing, key=lambda failure: failure.path)


def is_the_files_fault(error: ReprisError) -> bool:
    """Whether the same file would fail in the same way again."""
    return isinstance(error, NotAVideoError | DecodeError) and not isinstance(error, ProcessLostError)


def without_known(files: Sequence[Any], failures: Failures) -> tuple[list[Any], list[tuple[Any, KeptFailure]]]:
    """The files that are worth trying, and those that are not with their failures."""
    held = [(file, failures.holding(file)) for file in files]
    return [file for file, kept in held if kept is None], [(file, kept) for file, kept in held if kept is not None]
