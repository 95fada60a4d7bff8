"""Exporting: matrices to files, one video in memory at a time, and nothing half-written left behind."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reprise.errors import ReprisError, SettingsError, printable
from reprise.exchange.layouts import (
    FACTS_NAME,
    FRAMES_NAME,
    LAYOUTS,
    MANIFEST_NAME,
    MATRICES_NAME,
    ExportFacts,
    entry_of,
)
from reprise.scanning import Failure
from reprise.stores.library import LibraryStores
from reprise.stores.videos import VideoRow

ROW_GROUP_FRAMES = 8192  # of a parquet file: readers take a row group at a time


@dataclass(slots=True)
class ExportReport:
    """What was written."""

    folder: str
    layout: str
    videos: int = 0
    frames: int = 0
    failed: list[Failure] = field(default_factory=list)


class _Writer(Protocol):
    def write(self, row: VideoRow, matrix: NDArray[np.float32], times_s: NDArray[np.float64]) -> str:
        """Writes a matrix [frames, dim] with its times [frames]; returns the file's name in the folder."""

    def close(self) -> None:
        """Brings all to the disk."""


def export_videos(
    stores: LibraryStores,
    rows: Sequence[VideoRow],
    folder: str | os.PathLike[str],
    layout: str,
    progress: Callable[[VideoRow], None] | None = None,
) -> ExportReport:
    """Writes the videos of the library into a new or empty folder; see `reprise.exchange.layouts`.

    The folder appears when all is written. A video that is not whole in the library is in the report's `failed`.
    Raises SettingsError for a folder that holds something and an unknown layout, ReprisError if it cannot be written.
    """
    if layout not in LAYOUTS:
        raise SettingsError(f"format must be one of {', '.join(LAYOUTS)}, not {layout!r}")
    out = Path(folder)
    have = stores.frames.facts()
    report = ExportReport(printable(out), layout)
    with _appearing(out) as part, (part / MANIFEST_NAME).open("w", encoding="utf-8") as manifest:
        writer = _writer(layout, part, have.dimension)
        for row in rows:
            matrix = stores.matrix_of(row)
            if matrix is None or len(matrix) != row.frame_count:
                reason = f"{row.path}: its frames are not whole in the library; `reprise verify` says more"
                report.failed.append(Failure(row.path, reason))
                continue
            file = writer.write(row, np.ascontiguousarray(matrix, np.float32), np.arange(len(matrix)) / row.fps)
            manifest.write(json.dumps(entry_of(row, file), ensure_ascii=False) + "\n")
            report.videos += 1
            report.frames += len(matrix)
            if progress is not None:
                progress(row)
        writer.close()
        facts = ExportFacts(layout, have.model, have.dimension, have.fps, report.videos, report.frames)
        (part / FACTS_NAME).write_text(json.dumps(facts.to_json(), indent=2) + "\n")
    return report


@contextmanager
def _appearing(out: Path) -> Iterator[Path]:
    """A folder beside `out` that becomes `out` at the end, or vanishes."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise SettingsError(f"{printable(out)}: is there already; give a new or an empty folder")
    part = out.absolute().with_name(f".{out.absolute().name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        yield part
        part.replace(out)
    except OSError as error:
        raise ReprisError(
            f"{printable(out)}: cannot be written ({(error.strerror or str(error)).lower()})"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _writer(layout: str, folder: Path, dimension: int) -> _Writer:
    if layout == "npz":
        return _NpzWriter(folder)
    return _ParquetWriter(folder, dimension) if layout == "parquet" else _NpyWriter(folder)


class _NpzWriter:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / MATRICES_NAME).mkdir()

    def write(self, row: VideoRow, matrix: NDArray[np.float32], times_s: NDArray[np.float64]) -> str:
        file = f"{MATRICES_NAME}/{row.id}.npz"
        np.savez(self._folder / file, matrix=matrix, times_s=times_s)
        return file

    def close(self) -> None:
        """Nothing is open."""


class _NpyWriter:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, row: VideoRow, matrix: NDArray[np.float32], times_s: NDArray[np.float64]) -> str:  # noqa: ARG002
        np.save(self._folder / f"{row.id}.npy", matrix)
        return f"{row.id}.npy"

    def close(self) -> None:
        """Nothing is open."""


class _ParquetWriter:
    def __init__(self, folder: Path, dimension: int) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._pa = pa
        self._dimension = dimension
        self._schema = pa.schema(
            [
                ("video_id", pa.string()),
                ("frame_index", pa.int64()),
                ("time_s", pa.float64()),
                ("embedding", pa.list_(pa.float32(), dimension)),
            ]
        )
        self._file = parquet.ParquetWriter(folder / FRAMES_NAME, self._schema, compression="zstd")
        self._waiting: list[Any] = []
        self._frames = 0

    def write(self, row: VideoRow, matrix: NDArray[np.float32], times_s: NDArray[np.float64]) -> str:
        pa = self._pa
        columns = [
            pa.array([row.id] * len(matrix), pa.string()),
            pa.array(np.arange(len(matrix))),
            pa.array(times_s),
            pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), self._dimension),
        ]
        self._waiting.append(pa.Table.from_arrays(columns, schema=self._schema))
        self._frames += len(matrix)
        if self._frames >= ROW_GROUP_FRAMES:
            self._write_waiting()
        return FRAMES_NAME

    def close(self) -> None:
        self._write_waiting()
        self._file.close()

    def _write_waiting(self) -> None:
        if self._waiting:
            self._file.write_table(self._pa.concat_tables(self._waiting), row_group_size=ROW_GROUP_FRAMES)
        self._waiting, self._frames = [], 0
