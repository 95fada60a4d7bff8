"""`reprise backup` and `restore` as commands, what they keep of the ignore list, and a LevelDB that is damaged."""

from __future__ import annotations

import json
import zipfile
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from footage import footage
from milvus_servers import cleared
from test_stores import opened, row, video

import reprise
from reprise.errors import StoreError
from reprise.stores.leveldb import close_leveldb, open_leveldb


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a.mp4, b.mp4, and a library of both that ignores the first 8 s of b."""
    folder = tmp_path_factory.mktemp("shelf")
    for seed, name in enumerate("ab"):
        footage(folder / f"{name}.mp4", range(16), seed=seed)
    assert run("ingest", folder / "a.mp4", folder / "b.mp4", "--library", folder / "library").status == 0
    assert run("ignore", "add", folder / "b.mp4", "--end", "8", "--library", folder / "library").status == 0
    return folder


def found(shelf: Path, library: str | Path) -> list[tuple[str, float]]:
    """Where the first match of b begins, and in what."""
    with reprise.open(library) as opened_one:
        return [(Path(m.reference).name, m.segments[0].query_start_s) for m in opened_one.query(shelf / "b.mp4")]


def test_a_backup_is_written_and_restored_by_commands_and_the_ignore_list_comes_back(
    shelf: Path, tmp_path: Path
) -> None:
    backup, restored = tmp_path / "backup.zip", tmp_path / "restored"
    written = run("backup", backup, "--library", shelf / "library")
    assert (written.status, written.err) == (0, "")
    assert written.out.startswith(f"{shelf / 'library'}: 2 videos, 32 frames, ")
    assert written.out.endswith(f" KB written to {backup}\n")
    again = run("restore", backup, "--library", restored, "--json")
    size = backup.stat().st_size
    assert again.objects == [{"library": str(restored), "file": str(backup), "videos": 2, "frames": 32, "size": size}]
    assert run("verify", "--library", restored).out == f"{restored}: 2 videos checked, no problem\n"
    listed = [run("ignore", "list", "--json", "--library", place).objects for place in (shelf / "library", restored)]
    assert len(listed[0]) == 1 and listed[0] == listed[1]
    before = found(shelf, shelf / "library")
    assert before[0][0] == "b.mp4" and before[0][1] >= 7
    assert found(shelf, restored) == before
    refused = run("restore", backup, "--library", restored)
    assert (refused.status, refused.err.count("\n")) == (1, 1)


@pytest.mark.server
def test_the_ignore_list_comes_back_on_a_server(
    shelf: Path, milvus_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / "matrices"))
    cleared(milvus_server, keep_collections=False)
    assert run("backup", tmp_path / "backup.zip", "--library", shelf / "library").status == 0
    assert run("restore", tmp_path / "backup.zip", "--library", milvus_server).status == 0
    assert found(shelf, milvus_server) == found(shelf, shelf / "library")
    assert run("ignore", "remove", shelf / "b.mp4", "--library", milvus_server).status == 0


def test_a_backup_of_before_says_that_the_ignored_clips_are_not_in_it(shelf: Path, tmp_path: Path) -> None:
    assert run("backup", tmp_path / "new.zip", "--library", shelf / "library").status == 0
    with zipfile.ZipFile(tmp_path / "new.zip") as new, zipfile.ZipFile(tmp_path / "old.zip", "w") as old:
        for name in new.namelist():
            if name == "manifest.json":
                manifest = json.loads(new.read(name))
                del manifest["ignored"]
                manifest["sha256"] = {
                    key: value for key, value in manifest["sha256"].items() if not key.startswith("ignored/")
                }
                old.writestr(name, json.dumps(manifest))
            elif not name.startswith("ignored/"):
                old.writestr(name, new.read(name))
    told = run("restore", tmp_path / "old.zip", "--library", tmp_path / "restored")
    assert told.status == 0
    assert told.err == (
        f"reprise: {tmp_path / 'old.zip'}: was written without the ignore list's clips; add them again\n"
    )
    restored = tmp_path / "restored"
    assert run("ignore", "list", "--json", "--library", restored).objects == []
    assert run("ignore", "add", shelf / "b.mp4", "--end", "8", "--library", restored).status == 0
    assert found(shelf, restored) == found(shelf, shelf / "library")


# A damaged LevelDB


def damaged(matrices: Path) -> None:
    """Writes over the middle of LevelDB's files, as a failing disk does."""
    close_leveldb(matrices)
    files = sorted(matrices.glob("*.ldb"))
    assert files
    for file in files:
        content = bytearray(file.read_bytes())
        content[: len(content) - 1000] = bytes(len(content) - 1000)
        file.write_bytes(content)


def test_a_damaged_leveldb_is_told_and_made_anew(tmp_path: Path) -> None:
    place = tmp_path / "library"
    with closing(opened(str(place))) as stores:
        for number in range(12):
            stores.add(row(f"{number:032d}", frames=600, path=f"{number}.mp4"), video(600, seed=number))
        stores.flush()
        expected = {one.id: np.asarray(stores.matrix(one.id)) for one in stores.videos.all()}
        stores.matrices._db.compact_range()
        matrices = stores.place.matrices
    damaged(matrices)
    told = run("verify", "--library", place)
    assert told.status == 1
    assert "internal fault" not in told.err
    assert f"{matrices}: LevelDB cannot read " in told.out + told.err
    assert run("verify", "--repair", "--library", place).status == 0
    with closing(opened(str(place), create=False)) as stores:
        assert stores.problems() == []
        for video_id, matrix in expected.items():
            assert np.allclose(np.asarray(stores.matrix(video_id)), matrix)


def test_every_reading_of_a_damaged_leveldb_is_an_error_of_its_own(tmp_path: Path) -> None:
    store = open_leveldb(tmp_path / "db")
    for number in range(40):
        store.store(f"{number:04d}", bytes(20_000), {"kind": bytes(2_000)}, mark=b"mark")
        store.put_fact(f"fact{number}", bytes(2_000))
        store.mark_moving(f"{number}", "new")
    store._db.compact_range()
    damaged(tmp_path / "db")
    store = open_leveldb(tmp_path / "db")
    for reading in (
        lambda: list(store.keys()),
        store.companion_kinds,
        lambda: list(store.companion_keys("kind")),
        lambda: store.companion("kind", "0001"),
        lambda: store.fact("fact1"),
        lambda: store.facts("fact"),
        store.marks,
        store.moving,
        lambda: list(store.under("0")),
    ):
        with suppress(StoreError):  # LevelDB passes over some of what it cannot read
            reading()
    with pytest.raises(StoreError, match=f"{tmp_path}/db: LevelDB cannot read '0001'"):
        store.get("0001")
    close_leveldb(tmp_path / "db")


def test_a_last_block_that_cannot_be_read_is_not_taken_for_the_end(tmp_path: Path) -> None:
    store = open_leveldb(tmp_path / "db")
    store.store("0001", bytes(500), {"kind": bytes(50)}, mark=b"mark")
    store._db.compact_range()
    close_leveldb(tmp_path / "db")
    (file,) = (tmp_path / "db").glob("*.ldb")
    content = bytearray(file.read_bytes())
    content[5:25] = bytes(255 - one for one in content[5:25])
    file.write_bytes(content)
    store = open_leveldb(tmp_path / "db")
    for reading in (lambda: list(store.keys()), store.companion_kinds, store.marks, store.moving):
        with pytest.raises(StoreError, match="LevelDB cannot read it"):
            reading()
    close_leveldb(tmp_path / "db")
