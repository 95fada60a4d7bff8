"""One file with a whole library, and libraries made from such files.

The file is a ZIP without compression (embeddings do not get smaller): of every video `videos/ID/matrix`, `times` and
what else LevelDB keeps beside it; `videos.jsonl` with the rows and the SHA-256 of these; `notes.jsonl`; `ignored/ID`,
the frames of every ignored clip; and, written last, `manifest.json` with what the library is made with and the
SHA-256 of all these. It knows nothing of where it came from: a library in a folder can be restored onto a server, and
the reverse.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from reprise.errors import BackupError, LibraryError, LibraryNotFoundError, printable
from reprise.stores import copies
from reprise.stores.copies import VideoCopy
from reprise.stores.frames import FORMAT, LibraryFacts
from reprise.stores.ignored import IGNORED
from reprise.stores.leveldb import LevelDb, close_leveldb, is_leveldb, open_leveldb
from reprise.stores.library import LibraryStores
from reprise.stores.lock import FolderLock
from reprise.stores.place import Place
from reprise.stores.record import pack, unpack
from reprise.stores.repairing import rebuild
from reprise.stores.verifying import findings

KIND, VERSION = "reprise backup", 1
PARTIAL = ".partial"  # ends the name of a backup that is being written
RESTORING = ".restoring"  # ends the name of a library that is being made
MANIFEST, VIDEOS, NOTES = "manifest.json", "videos.jsonl", "notes.jsonl"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was written or restored."""

    file: str
    videos: int
    frames: int
    size: int  # bytes


def write_backup(stores: LibraryStores, destination: str | os.PathLike[str]) -> BackupReport:
    """Writes the library into the file `destination`, which is there whole when this returns, or not at all.

    Raises BackupError for a file that is there already or cannot be written, LibraryError where the library is not
    whole, or was changed meanwhile.
    """
    target = Path(destination)
    if target.exists():
        raise BackupError(f"{printable(target)}: is there already; give another name, or remove it first")
    partial = target.with_name(target.name + PARTIAL)
    try:
        with partial.open("wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                videos, frames = _write_all(stores, archive)
            file.flush()
            os.fsync(file.fileno())
        size = partial.stat().st_size
        partial.rename(target)
    except OSError as error:
        raise BackupError(f"{printable(target)}: the backup cannot be written ({_reason(error)})") from error
    finally:
        partial.unlink(missing_ok=True)
    return BackupReport(printable(target), videos, frames, size)


def restore(source: str | os.PathLike[str], place: Place) -> BackupReport:
    """Makes the library at `place`, where none is, from a backup; all of the file is checked first.

    Raises BackupError for a file that is no backup, or damaged, LibraryError where a library is already.
    """
    path = Path(source)
    try:
        with zipfile.ZipFile(path) as archive:
            backup = _Backup(archive, printable(path))
            backup.check()
            if place.embedded:
                _into_folder(backup, place)
            else:
                _onto_server(backup, place)
            if backup.lacks_ignored:
                _log.warning("%s: was written without the ignore list's clips; add them again", printable(path))
            return BackupReport(printable(path), backup.videos, backup.frames, path.stat().st_size)
    except zipfile.BadZipFile as error:
        raise BackupError(f"{printable(path)}: is no backup of Reprise, or is cut short") from error
    except OSError as error:
        raise BackupError(f"{printable(path)}: cannot be restored ({_reason(error)})") from error


class _Backup:
    """An opened backup."""

    def __init__(self, archive: zipfile.ZipFile, shown: str) -> None:
        self._archive, self._shown = archive, shown
        try:
            manifest = json.loads(archive.read(MANIFEST))
            kind, version = manifest["kind"], manifest["version"]
        except (KeyError, ValueError, TypeError) as error:
            raise BackupError(f"{shown}: is no backup of Reprise") from error
        if kind != KIND:
            raise BackupError(f"{shown}: is no backup of Reprise")
        if version > VERSION or manifest["facts"]["format"] > FORMAT:
            raise BackupError(f"{shown}: was written by a newer version of Reprise; restore it with that")
        self.facts = LibraryFacts(**manifest["facts"])
        self.videos, self.frames = int(manifest["videos"]), int(manifest["frames"])
        self._sums: dict[str, str] = manifest["sha256"]
        self._has_ignored = "ignored" in manifest

    def check(self) -> None:
        """Reads all of it; raises BackupError for anything that is not as it was written."""
        for name, expected in self._sums.items():
            self._member(name, expected)
        videos = sum(1 for _ in self.all())
        if videos != self.videos:
            raise BackupError(f"{self._shown}: is damaged: it has {videos} of {self.videos} videos")

    def all(self) -> Iterator[tuple[VideoCopy, dict[str, bytes]]]:
        """Every video with what else is kept beside it, by kind."""
        for line in self._member(VIDEOS, self._sums[VIDEOS]).splitlines():
            kept = json.loads(line)
            row = copies.row_from(kept["row"])
            parts = {kind: self._member(f"videos/{row.id}/{kind}", digest) for kind, digest in kept["sha256"].items()}
            matrix = np.asarray(unpack(parts.pop("matrix")), np.float32)
            copy = VideoCopy(row, np.asarray(unpack(parts.pop(copies.TIMES)), np.float64), matrix)
            if not copy.is_consistent:
                raise BackupError(f"{self._shown}: is damaged: {row.path} has not all its frames")
            yield copy, parts

    def notes(self) -> bytes:
        """The notes, a line each."""
        return self._member(NOTES, self._sums[NOTES])

    @property
    def lacks_ignored(self) -> bool:
        """Whether clips are listed whose frames are not there: earlier versions left them out."""
        return not self._has_ignored and any(
            json.loads(line)["kind"] == IGNORED for line in self.notes().splitlines()
        )

    def ignored(self) -> Iterator[tuple[str, bytes]]:
        """The id of every ignored clip, and its frames."""
        for name, digest in self._sums.items():
            if name.startswith(copies.IGNORED):
                yield name.removeprefix(copies.IGNORED), self._member(name, digest)

    def _member(self, name: str, expected: str) -> bytes:
        try:
            content = self._archive.read(name)
        except (KeyError, zipfile.BadZipFile, EOFError) as error:
            raise BackupError(f"{self._shown}: is damaged: {name} cannot be read") from error
        if hashlib.sha256(content).hexdigest() != expected:
            raise BackupError(f"{self._shown}: is damaged: the checksum of {name} does not fit")
        return content


def _write_all(stores: LibraryStores, archive: zipfile.ZipFile) -> tuple[int, int]:
    lines: list[bytes] = []
    seen: dict[str, str] = {}
    frames = 0
    stores.sounds.mirror()  # what is kept beside a video is taken from this machine
    for finding in findings(stores):
        if finding.problems:
            raise LibraryError(f"{finding.problems[0]}, then back it up")
        assert finding.row is not None and finding.frames is not None  # else there were problems
        parts = {"matrix": pack(finding.frames.matrix), copies.TIMES: pack(finding.frames.times_s)}
        parts |= {
            kind: value
            for kind, value in stores.matrices.companions(finding.video_id).items()
            if kind not in {copies.ROW, copies.TIMES}
        }
        sums = {kind: _put(archive, f"videos/{finding.video_id}/{kind}", part) for kind, part in parts.items()}
        lines.append(json.dumps({"row": asdict(finding.row), "sha256": sums}).encode())
        seen[finding.video_id] = finding.row.ingested_at
        frames += finding.row.frame_count
    if seen != {row.id: row.ingested_at for row in stores.videos.all()}:
        raise LibraryError(f"{stores.place.shown}: videos were added or removed meanwhile; back it up again")
    sums = {
        VIDEOS: _put(archive, VIDEOS, b"\n".join(lines)),
        NOTES: _put(archive, NOTES, b"\n".join(json.dumps(note).encode() for note in stores.notes.every())),
    }
    ignored = stores.ignored.every()
    sums |= {
        f"{copies.IGNORED}{clip_id}": _put(archive, f"{copies.IGNORED}{clip_id}", pack(matrix))
        for clip_id, matrix in ignored.items()
    }
    manifest = {
        "kind": KIND,
        "version": VERSION,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "facts": asdict(stores.frames.facts()),
        "videos": len(lines),
        "frames": frames,
        "ignored": len(ignored),
        "sha256": sums,
    }
    _put(archive, MANIFEST, json.dumps(manifest, indent=2).encode())
    return len(lines), frames


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> str:
    archive.writestr(name, content)
    return hashlib.sha256(content).hexdigest()


def _into_folder(backup: _Backup, place: Place) -> None:
    folder = place.locked
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LibraryError(f"{place.shown}: is there already; restore into a new or empty folder")
    # Made beside it and renamed: the library is there whole or not at all.
    making = Place.of(folder.parent / (folder.name + RESTORING))
    shutil.rmtree(making.locked, ignore_errors=True)
    try:
        making.locked.mkdir(parents=True)
        _fill(backup, making)
        making.locked.rename(folder)
    finally:
        shutil.rmtree(making.locked, ignore_errors=True)


def _onto_server(backup: _Backup, place: Place) -> None:
    place.locked.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(place.locked)
    try:
        _clear_interrupted(place)
    finally:
        lock.release()
    try:
        LibraryStores(place).close()
    except LibraryNotFoundError:
        pass
    else:
        raise LibraryError(f"{place.shown}: there is a library on this server already; restore onto another one")
    _fill(backup, place)


def _clear_interrupted(place: Place) -> None:
    """Removes what a restore left that was killed before it had read all of its backup."""
    if is_leveldb(place.matrices):
        is_interrupted = open_leveldb(place.matrices).fact(copies.RESTORING) is not None
        close_leveldb(place.matrices)
        if is_interrupted:
            shutil.rmtree(place.matrices)


def _fill(backup: _Backup, place: Place) -> None:
    lock = FolderLock(place.locked)
    try:
        _fill_leveldb(backup, open_leveldb(place.matrices))
    finally:
        close_leveldb(place.matrices)
        lock.release()
    rebuild(place, is_restore=True)


def _fill_leveldb(backup: _Backup, matrices: LevelDb) -> None:
    matrices.put_fact(copies.RESTORING, b"")
    for copy, companions in backup.all():
        copies.write(matrices, copy, companions=companions)
    notes = backup.notes()
    if backup.lacks_ignored:
        # Listed without frames a clip would silence nothing, and could not be added again.
        notes = b"\n".join(line for line in notes.splitlines() if json.loads(line)["kind"] != IGNORED)
    matrices.put_fact(copies.NOTES, notes)
    for clip_id, frames in backup.ignored():
        matrices.put_fact(copies.IGNORED + clip_id, frames)
    copies.keep_facts(matrices, backup.facts)
    # From here on it is a library whose Milvus is lost: whoever is killed now is followed by a repair.
    matrices.put_fact(copies.REBUILDING, b"")
    matrices.remove_fact(copies.RESTORING)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
