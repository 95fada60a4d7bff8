"""An export, or a folder of matrices that another program made, read one video at a time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import ReprisError, printable
from reprise.exchange.layouts import FACTS_NAME, FRAMES_NAME, MANIFEST_NAME, ExportFacts, row_of
from reprise.stores.videos import VideoRow

_ID = re.compile(r"[0-9a-f]{32}")
BATCH_FRAMES = 4096


@dataclass(frozen=True, slots=True)
class Exported:
    """A video of the folder."""

    name: str  # what messages call it
    row: VideoRow | None  # None where the folder says nothing of it
    id: str
    matrix: NDArray[np.float32]  # [frames, dim]


class Export:
    """A folder that `reprise export` wrote, or one of `<name>.npy`, `<name>.npz` or `*.parquet` with no manifest."""

    def __init__(self, folder: Path) -> None:
        """Looks at the folder. Raises ReprisError where it is no such folder."""
        self.folder = folder
        self.shown = printable(folder)
        if not folder.is_dir():
            raise ReprisError(f"{self.shown}: no such folder; give one that `reprise export` made, or of .npy files")
        self.facts: ExportFacts | None = None
        if (folder / FACTS_NAME).is_file():
            self.facts = ExportFacts.of_json(_json(folder / FACTS_NAME), f"{self.shown}/{FACTS_NAME}")
        elif not any(self._loose_files()):
            raise ReprisError(f"{self.shown}: neither {FACTS_NAME} nor .npy, .npz or .parquet files are in it")

    def videos(self) -> Iterator[Exported | ReprisError]:
        """Every video, or what is wrong with it; one matrix is in memory at a time."""
        if self.facts is None:
            for path in self._loose_files():
                yield from self._read(path, {})
            return
        rows: dict[str, VideoRow] = {}
        for number, line in enumerate((self.folder / MANIFEST_NAME).open("rb"), start=1):
            shown = f"{self.shown}/{MANIFEST_NAME} line {number}"
            try:
                entry = _parsed(line, shown)
                row, file = row_of(entry, shown), self._inside(entry.get("file"), shown)
            except ReprisError as error:
                yield error
                continue
            if self.facts.layout == "parquet":
                rows[row.id] = row
            else:
                yield from self._read(file, {row.id: row}, row)
        if self.facts.layout == "parquet":
            yield from self._read(self.folder / FRAMES_NAME, rows)

    def _loose_files(self) -> Iterator[Path]:
        suffixes = {".npy", ".npz", ".parquet"}
        return (path for path in sorted(self.folder.iterdir()) if path.suffix in suffixes and path.is_file())

    def _inside(self, file: Any, shown: str) -> Path:
        # A manifest is a file like any other: it must not make us read what is elsewhere.
        if isinstance(file, str) and file and (self.folder / file).resolve().is_relative_to(self.folder.resolve()):
            return self.folder / file
        raise ReprisError(f"{shown}: file is {file!r}, which is not in the folder")

    def _read(
        self, path: Path, rows: dict[str, VideoRow], row: VideoRow | None = None
    ) -> Iterator[Exported | ReprisError]:
        name = row.path if row is not None else printable(path.name)
        try:
            if path.suffix == ".parquet":
                yield from self._frames(path, rows)
            else:
                yield Exported(name, row, row.id if row is not None else _id_of(path.stem), _array(path))
        except ReprisError as error:
            yield error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            yield ReprisError(f"{name}: {printable(path)} cannot be read ({reason})")
        # Damaged archives are told in many ways: ValueError, BadZipFile, EOFError, pyarrow's own, and more.
        except Exception as error:  # noqa: BLE001
            yield ReprisError(f"{name}: {printable(path)} is damaged ({type(error).__name__})")

    def _frames(self, path: Path, rows: dict[str, VideoRow]) -> Iterator[Exported | ReprisError]:
        """The videos of a parquet file, whose rows follow one another."""
        from pyarrow import parquet

        file = parquet.ParquetFile(path)
        missing = {"video_id", "embedding"} - set(file.schema_arrow.names)
        if missing:
            raise ReprisError(f"{printable(path)}: it has no column {min(missing)}")
        video = ""
        parts: list[NDArray[np.float32]] = []
        seen: set[str] = set()
        for batch in file.iter_batches(BATCH_FRAMES, columns=["video_id", "embedding"]):
            ids = np.asarray(batch.column("video_id").to_pylist())
            vectors = np.asarray(batch.column("embedding").flatten(), np.float32).reshape(len(ids), -1)
            cuts = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1), len(ids)]
            for start, end in pairwise(cuts):
                if parts and ids[start] != video:
                    yield self._put_together(video, parts, rows, seen)
                    parts = []
                video = str(ids[start])
                parts.append(vectors[start:end])
        if parts:
            yield self._put_together(video, parts, rows, seen)
        for row in (row for row in rows.values() if row.id not in seen):
            yield ReprisError(f"{row.path}: none of its frames is in {printable(path)}")

    def _put_together(
        self, video: str, parts: list[NDArray[np.float32]], rows: dict[str, VideoRow], seen: set[str]
    ) -> Exported | ReprisError:
        row = rows.get(video)
        if video in seen:
            return ReprisError(f"{video}: its rows in {self.shown} do not follow one another")
        seen.add(video)
        if self.facts is not None and row is None:
            return ReprisError(f"{video}: it is not in {self.shown}/{MANIFEST_NAME}")
        matrix = np.concatenate(parts)
        return Exported(
            row.path if row is not None else video, row, row.id if row is not None else _id_of(video), matrix
        )


def _id_of(name: str) -> str:
    """VCSL's names are ids as ours; others are made into one."""
    return name if _ID.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()[:32]


def _array(path: Path) -> NDArray[Any]:
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded:
        name = "matrix" if "matrix" in loaded.files else next(iter(loaded.files), "")
        if not name:
            raise ReprisError(f"{printable(path)}: no array is in it")
        array: NDArray[Any] = loaded[name]
        return array


def _json(path: Path) -> Any:
    try:
        return _parsed(path.read_bytes(), printable(path))
    except OSError as error:
        raise ReprisError(f"{printable(path)}: cannot be read ({(error.strerror or str(error)).lower()})") from error


def _parsed(line: bytes, shown: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ReprisError(f"{shown}: not JSON") from error
