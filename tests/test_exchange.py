"""Export and import: a library's vectors in files, and back, bit for bit and with nothing decoded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run
from footage import footage
from numpy.typing import NDArray
from pyarrow import parquet

import reprise
from reprise.embedding import EmbeddedVideo
from reprise.errors import LibraryMismatchError, ReprisError, SettingsError
from reprise.exchange import importing
from reprise.exchange.importing import checked_matrix
from reprise.exchange.layouts import LAYOUTS
from reprise.library import Library
from reprise.vcsl.annotation import Pair
from reprise.vcsl.sources import FeatureFolder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a.mp4 and b.mp4, and a library of both, one of them tagged."""
    folder = tmp_path_factory.mktemp("source")
    footage(folder / "a.mp4", range(8), seed=1)
    footage(folder / "b.mp4", range(6), seed=2)
    with reprise.open(folder / "library") as library:
        library.ingest([folder / "a.mp4"], tags=['say "x"', "ü"])
        library.ingest([folder / "b.mp4"])
    return folder


@pytest.fixture(scope="module")
def exports(source: Path) -> Path:
    """A folder with an export in every layout, under its name."""
    with reprise.open(source / "library") as library:
        for layout in LAYOUTS:
            report = library.export(library.videos(), source / layout, layout=layout)
            assert (report.videos, report.frames, report.failed) == (2, 14, [])
    return source


def contents(library: Library) -> dict[str, tuple[dict[str, Any], bytes]]:
    """Every video's row and matrix."""
    stores, _ = library.opened()
    rows = {row.path: row for row in library.videos()}
    return {path: (asdict(row), np.asarray(stores.matrix(row.id)).tobytes()) for path, row in rows.items()}


def changed(export: Path, copy: Path, change: Callable[[list[dict[str, Any]]], object]) -> Path:
    """A copy of the export whose manifest was changed."""
    shutil.copytree(export, copy)
    entries = [json.loads(line) for line in (copy / "videos.jsonl").read_text().splitlines()]
    change(entries)
    (copy / "videos.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return copy


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_imported_is_what_was_exported_bit_for_bit(exports: Path, tmp_path: Path, layout: str) -> None:
    with reprise.open(exports / "library") as library:
        expected = contents(library)
    with reprise.open(tmp_path / "library") as library:
        report = library.import_from(exports / layout)
        assert (len(report.added), report.frames, report.failed) == (2, 14, [])
        assert contents(library) == expected
        assert library.verify() == []
        assert [match.reference for match in library.query(exports / "b.mp4")] == [str(exports / "b.mp4")]
        again = library.import_from(exports / layout)
        assert (again.added, len(again.unchanged)) == ([], 2)
        assert library.ingest([exports / "a.mp4"]).unchanged == [str(exports / "a.mp4")]


@pytest.mark.server
def test_a_servers_library_is_exported_and_imported_alike(exports: Path, server_place: str, tmp_path: Path) -> None:
    with reprise.open(exports / "library") as library:
        expected = contents(library)
    with reprise.open(server_place) as library:
        assert len(library.import_from(exports / "parquet").added) == 2
        assert contents(library) == expected
        assert library.verify() == []
        assert library.export(library.videos(), tmp_path / "out", layout="vcsl").frames == 14
        library.remove_videos(library.videos())
    for path in (exports / "vcsl").iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.server
def test_what_another_process_writes_meanwhile_is_waited_for_and_not_written_again(
    exports: Path, server_place: str
) -> None:
    with reprise.open(exports / "library") as library:
        ids = {row.path: row.id for row in library.videos()}
    first, second = str(exports / "a.mp4"), str(exports / "b.mp4")
    with reprise.open(server_place) as library, reprise.open(server_place) as other:
        assert library.import_from(exports / "npz").added == [first, second]
        ours, _ = library.opened()
        kept, matrix = ours.videos.get([ids[first]])[ids[first]], ours.matrix(ids[first])
        assert matrix is not None
        video = EmbeddedVideo(np.arange(len(matrix)) / kept.fps, matrix, kept.duration_s, "", kept.content_hash)
        library.remove_videos(library.videos())
        theirs, _ = other.opened()
        assert theirs.claims is not None
        assert theirs.claims.take([ids[first]]) == {ids[first]}
        with ThreadPoolExecutor(1) as thread:
            imported = thread.submit(library.import_from, exports / "npz")
            theirs.add(replace(kept, warning="theirs"), video)
            theirs.claims.release([ids[first]])
            report = imported.result()
        assert (report.unchanged, report.added) == ([first], [second])
        assert theirs.videos.get([ids[first]])[ids[first]].warning == "theirs"
        assert library.verify() == []
        library.remove_videos(library.videos())


@pytest.mark.parametrize("batch_bytes", [1, importing.BATCH_BYTES])
def test_an_id_that_an_export_has_twice_is_imported_once(
    exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int
) -> None:
    monkeypatch.setattr(importing, "BATCH_BYTES", batch_bytes)

    def twice(entries: list[dict[str, Any]]) -> None:
        entries += [entries[0], entries[1] | {"id": entries[0]["id"]}]

    with reprise.open(tmp_path / "library") as library:
        report = library.import_from(changed(exports / "npz", tmp_path / "twice", twice))
        assert (len(report.added), report.unchanged) == (2, [str(exports / "a.mp4")])
        assert [failure.reason for failure in report.failed] == [
            f"{exports}/b.mp4: another video has its id in the library, {exports}/a.mp4; give --new-ids"
        ]
        assert library.verify() == []


def test_other_programs_read_an_export(exports: Path) -> None:
    entries = [json.loads(line) for line in (exports / "npz" / "videos.jsonl").read_text().splitlines()]
    assert [entry["path"] for entry in entries] == [str(exports / "a.mp4"), str(exports / "b.mp4")]
    assert [entry["tags"] for entry in entries] == [['say "x"', "ü"], []]
    with np.load(exports / "npz" / entries[0]["file"]) as arrays:
        matrix, times_s = arrays["matrix"], arrays["times_s"]
    assert (matrix.shape, matrix.dtype, times_s.tolist()) == ((8, 256), np.float32, [0, 1, 2, 3, 4, 5, 6, 7])
    ids = [entry["id"] for entry in entries]
    table = parquet.read_table(exports / "parquet" / "frames.parquet")
    assert table["video_id"].to_pylist() == [ids[0]] * 8 + [ids[1]] * 6
    assert table["frame_index"].to_pylist() == [*range(8), *range(6)]
    assert table["time_s"].to_pylist()[8:] == [0, 1, 2, 3, 4, 5]
    assert np.array_equal(np.array(table["embedding"].to_pylist()[:8], np.float32), matrix)
    similarity = FeatureFolder(exports / "vcsl").similarity(Pair(ids[0], ids[1]))
    assert similarity.shape == (8, 6)


def test_an_export_never_overwrites_and_a_failed_one_leaves_nothing(
    exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    (tmp_path / "empty").mkdir()
    with reprise.open(exports / "library") as library:
        for taken in (tmp_path / "full", tmp_path / "full" / "mine.txt"):
            with pytest.raises(SettingsError, match="is there already; give a new or an empty folder"):
                library.export(library.videos(), taken)
        with pytest.raises(SettingsError, match="format must be one of npz, parquet, vcsl, not 'csv'"):
            library.export(library.videos(), tmp_path / "new", layout="csv")

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(np, "savez", full)
            with pytest.raises(ReprisError, match=r"new: cannot be written \(no space left on device\)"):
                library.export(library.videos(), tmp_path / "new")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "full"]
        assert library.export(library.videos()[:1], tmp_path / "empty").frames == 8
    assert (tmp_path / "empty" / "export.json").is_file()


def test_the_commands_choose_and_tell(exports: Path, tmp_path: Path) -> None:
    library, copy = exports / "library", tmp_path / "copy"
    finished = run("export", tmp_path / "one", "--library", library, "--where", "duration<7", "--json")
    expected = {"folder": f"{tmp_path}/one", "format": "npz", "videos": 1, "frames": 6}
    assert (finished.status, finished.objects) == (0, [expected])
    assert run("import", tmp_path / "one", "--library", copy).out == f"{copy}: 1 video added (6 frames)\n"
    told = run("import", exports / "vcsl", "--library", copy, "--json")
    assert [video["status"] for video in told.objects] == ["added", "unchanged"]
    both = run("export", tmp_path / "both", "--library", copy, exports, "nowhere", "--format", "parquet")
    assert (both.status, both.out) == (1, f"{tmp_path}/both: 2 videos, 14 frames written\n")
    assert both.err == f"reprise: nowhere: not in the library {copy}; `reprise list` shows what is\n"
    taken = run("export", tmp_path / "both", "--library", copy)
    assert (taken.status, taken.err.count("\n")) == (2, 1)
    missing = run("import", tmp_path / "nowhere", "--library", copy)
    assert (missing.status, missing.err.count("\n")) == (1, 1)


def test_vectors_made_otherwise_are_refused(exports: Path, tmp_path: Path) -> None:
    with reprise.open(tmp_path / "two", fps=2) as library:
        library.ingest([exports / "a.mp4"])
        with pytest.raises(LibraryMismatchError, match=r"made at 1 frames a second, the library .* at 2"):
            library.import_from(exports / "npz")
    other = tmp_path / "other"
    shutil.copytree(exports / "npz", other)
    facts = json.loads((other / "export.json").read_text())
    (other / "export.json").write_text(json.dumps({**facts, "model": "reprise-0"}))
    with (
        reprise.open(exports / "library") as library,
        pytest.raises(LibraryMismatchError, match=r"made with model reprise-0, the library .* with reprise-1"),
    ):
        library.import_from(other)
    (other / "export.json").write_text(json.dumps({**facts, "model": "unheard-of"}))
    with (
        reprise.open(tmp_path / "new") as library,
        pytest.raises(LibraryMismatchError, match="unheard-of, which this program does not have"),
    ):
        library.import_from(other)
    assert not (tmp_path / "new").exists()


def test_what_is_damaged_is_named_and_the_others_are_imported(exports: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.npz"
    np.savez(outside, matrix=np.eye(8, 256, dtype=np.float32))

    def change(entries: list[dict[str, Any]]) -> None:
        first, _ = entries
        entries += [
            {**first, "id": "1" * 32, "path": "elsewhere", "file": "../outside.npz"},
            {**first, "id": "2" * 32, "path": "gone", "file": "matrices/gone.npz"},
            {**first, "id": "3" * 32, "path": "short", "frame_count": 9},
            {**first, "id": '" or true', "path": "hostile"},
            {**first, "id": "4" * 32, "path": "broken", "file": "matrices/broken.npz"},
            {**first, "id": "5" * 32, "path": "untimely", "duration_s": "long"},
            {"path": "little"},
            {**first, "path": "twin", "content_hash": "f" * 64},
        ]

    folder = changed(exports / "npz", tmp_path / "damaged", change)
    (folder / "matrices" / "broken.npz").write_bytes((folder / "export.json").read_bytes())
    finished = run("import", folder, "--library", tmp_path / "library")
    assert (finished.status, finished.out) == (1, f"{tmp_path}/library: 2 videos added (14 frames), 8 failed\n")
    reasons = [
        "line 3: file is '../outside.npz', which is not in the folder",
        "gone.npz cannot be read (no such file or directory)",
        "short: 8 of its 9 frames are there",
        "line 6: its id must be 32 hexadecimal digits",
        "broken.npz is damaged (",
        "line 8: duration_s cannot be 'long'",
        "line 9: id is missing",
        "twin: another video has its id in the library",
    ]
    lines = finished.err.splitlines()
    assert len(lines) == len(reasons)
    assert [reason for reason, line in zip(reasons, lines, strict=True) if reason not in line] == []
    assert run("verify", "--library", tmp_path / "library").status == 0


def test_new_ids_let_videos_of_two_machines_stand_side_by_side(exports: Path, tmp_path: Path) -> None:
    folder = changed(exports / "npz", tmp_path / "theirs", lambda entries: entries[0].update(content_hash="f" * 64))
    with reprise.open(tmp_path / "library") as library:
        library.import_from(exports / "npz")
        assert [failure.path for failure in library.import_from(folder).failed] == [str(exports / "a.mp4")]
        assert len(library.import_from(folder, new_ids=True).added) == 2
        assert len(library.import_from(folder, new_ids=True).unchanged) == 2
        assert (library.info().videos, library.verify()) == (4, [])


def test_a_video_that_was_imported_under_another_id_is_known_when_its_file_is_ingested(
    exports: Path, tmp_path: Path
) -> None:
    with reprise.open(tmp_path / "library") as library:
        library.import_from(exports / "npz", new_ids=True)
        report = library.ingest([exports / "a.mp4"])
        assert (report.moved, report.added) == ([str(exports / "a.mp4")], [])
        assert (library.info().videos, library.verify()) == (2, [])


def test_folders_of_other_programs_are_imported_once_it_is_said_what_made_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    features = {"0" * 32: rng.standard_normal((5, 256)), "my clip": rng.standard_normal((3, 256)).astype(np.float32)}
    (tmp_path / "theirs").mkdir()
    for name, matrix in features.items():
        np.save(tmp_path / "theirs" / f"{name}.npy", matrix)
    np.save(tmp_path / "theirs" / "wrong.npy", rng.standard_normal((3, 64)))
    np.save(tmp_path / "theirs" / "zero.npy", np.zeros((3, 256)))
    unsaid = run("import", tmp_path / "theirs", "--library", tmp_path / "library")
    assert (unsaid.status, unsaid.err) == (
        2,
        f"reprise: {tmp_path}/theirs: it does not say what made its vectors; give --model and --fps\n",
    )
    assert not (tmp_path / "library").exists()
    said = ("--model", "reprise", "--fps", "2", "--library", tmp_path / "library")
    finished = run("import", tmp_path / "theirs", *said)
    assert finished.out == f"{tmp_path}/library: 2 videos added (8 frames), 2 failed\n"
    assert finished.err.splitlines() == [
        "reprise: wrong.npy: its vectors have 64 numbers, those of the library 256",
        "reprise: zero.npy: it has vectors that are zero or not finite",
    ]
    with reprise.open(tmp_path / "library") as library:
        first, second = library.videos()
        assert (first.id, first.duration_s, second.path, second.frame_count) == ("0" * 32, 2.5, "my clip.npy", 3)
        stores, _ = library.opened()
        matrix = stores.matrix(first.id)
        assert matrix is not None
        expected = features["0" * 32] / np.linalg.norm(features["0" * 32], axis=1, keepdims=True)
        assert np.allclose(matrix, expected, atol=1e-6)


def test_rows_of_length_one_stay_as_they_are() -> None:
    matrix: NDArray[np.float32] = np.eye(3, 4, dtype=np.float32)
    assert checked_matrix(matrix, 4).tobytes() == matrix.tobytes()
    assert checked_matrix(matrix.astype(np.float16) * 2, 4).tolist() == matrix.tolist()
    for wrong in (matrix[0], matrix[:0], matrix.astype(str)):
        with pytest.raises(ValueError, match=r"is no matrix \[frames, 4\]"):
            checked_matrix(wrong, 4)


def test_a_video_that_is_not_whole_is_left_out_of_an_export(exports: Path, tmp_path: Path) -> None:
    with reprise.open(exports / "library") as library:
        rows = library.videos()
        torn = replace(rows[0], frame_count=9)
        report = library.export([torn, rows[1]], tmp_path / "out")
    assert (report.videos, [failure.path for failure in report.failed]) == (1, [torn.path])
