"""A LevelDB whose files are no longer what it wrote: told in one line; a repair keeps of it what can be read."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import plyvel
import pytest
from command_line import run
from test_repair import B, filled, is_as_filled, lettered, lose_milvus
from test_stores import opened

import reprise
from reprise.errors import DamagedStoreError, LibraryInUseError, StoreError
from reprise.stores import copies
from reprise.stores.leveldb import close_leveldb, open_leveldb
from reprise.stores.place import Place
from reprise.stores.repairing import NOWHERE_WHOLE

TABLES = "*.ldb"
REMEDY = "`reprise verify --repair` keeps what can be read of it, and makes the rest anew from Milvus"


def cut(file: Path) -> None:
    with file.open("r+b") as opened_file:
        opened_file.truncate(file.stat().st_size // 2)


def overwritten(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:200] + bytes(100) + content[300:])


def gone(file: Path) -> None:
    file.unlink()


def emptied(file: Path) -> None:
    file.write_bytes(b"")


DAMAGES = [
    pytest.param("MANIFEST-*", gone, id="no manifest"),
    pytest.param("MANIFEST-*", cut, id="a manifest that is cut short"),
    pytest.param("CURRENT", gone, id="no name of the manifest"),
    pytest.param("CURRENT", emptied, id="an empty name of the manifest"),
    pytest.param(TABLES, gone, id="no table"),
    pytest.param(TABLES, cut, id="a table that is cut short"),
    pytest.param(TABLES, overwritten, id="a table that is overwritten in part"),
]


def damage(matrices: Path, files: str, happens: Callable[[Path], None]) -> None:
    """Has it happen to files of a LevelDB that has all in tables, as it does when there is more of it."""
    database = plyvel.DB(str(matrices))
    database.compact_range()
    database.close()
    found = list(matrices.glob(files))
    assert found
    for file in found:
        happens(file)


@pytest.mark.parametrize(("files", "happens"), DAMAGES)
def test_a_damaged_leveldb_is_told_and_made_anew(tmp_path: Path, files: str, happens: Callable[[Path], None]) -> None:
    library = str(tmp_path / "library")
    filled(library)
    matrices = Place.of(library).matrices
    damage(matrices, files, happens)
    left = sorted(file.read_bytes() for file in matrices.glob(TABLES))

    told = run("verify", "--library", library)
    assert told.status == 1
    assert REMEDY in told.err + told.out

    repaired = run("verify", "--repair", "--library", library)
    assert repaired.status == 0, repaired
    aside = matrices.with_name("matrices-damaged-1")
    assert repaired.err.splitlines() == [
        f"reprise: {matrices}: LevelDB was damaged; what could be read of it was kept, and the whole is now {aside}, "
        "for you to remove"
    ]
    assert repaired.out.splitlines()[-1].endswith("3 videos checked, no problem")
    # LevelDB's own repair has moved what it could not read.
    assert all(table in {file.read_bytes() for file in aside.rglob(TABLES)} for table in left)
    assert sorted(entry.name for entry in Path(library).glob("matrices*")) == ["matrices", "matrices-damaged-1"]
    with closing(opened(library)) as stores:
        assert is_as_filled(stores)


@pytest.mark.parametrize(("files", "happens"), DAMAGES[:4])
def test_what_a_damaged_leveldb_alone_has_is_kept(
    tmp_path: Path, files: str, happens: Callable[[Path], None]
) -> None:
    library = str(tmp_path / "library")
    filled(library)
    heard = np.arange(1, 50, dtype=np.uint32)
    with closing(opened(library)) as stores:
        stores.add_sound(B, heard)
    lose_milvus(library)
    damage(Place.of(library).matrices, files, happens)
    for _ in range(2):  # a second repair finds nothing to do
        assert run("verify", "--repair", "--library", library).status == 0
    with closing(opened(library, create=False)) as stores:
        assert sorted(row.path for row in stores.videos.all()) == ["a.mp4", "b.mp4", "c.mp4"]
        assert np.array_equal(stores.sounds.get(B), heard)  # type: ignore[arg-type]


def test_what_can_be_read_of_a_damaged_leveldb_fills_a_lost_milvus(tmp_path: Path) -> None:
    library = str(tmp_path / "library")
    filled(library, "abcdef")
    lose_milvus(library)
    matrices = Place.of(library).matrices
    # The last record of the table is in another block than the rest.
    damage(matrices, TABLES, overwritten_at_the_matrix_of_f)
    first, second = (run("verify", "--repair", "--library", library) for _ in range(2))
    assert (first.status, second.status) == (1, 0)
    assert f"f.mp4: {NOWHERE_WHOLE}" in first.out
    with closing(opened(library, create=False)) as stores:
        assert is_as_filled(stores, "abcde")


def overwritten_at_the_matrix_of_f(file: Path) -> None:
    content = file.read_bytes()
    matrix = lettered("f", 5)[1].matrix.tobytes()[-200:]  # type: ignore[attr-defined]
    at = content.find(matrix[:20])
    assert at > 0
    file.write_bytes(content[:at] + bytes(20) + content[at + 20 :])


def test_a_library_that_is_whole_is_not_set_aside(tmp_path: Path) -> None:
    library = str(tmp_path / "library")
    filled(library)
    with reprise.open(library) as shelf:
        shelf.require()
        assert shelf.repair().set_aside == []
    assert sorted(entry.name for entry in Path(library).glob("matrices*")) == ["matrices"]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"IO error: lock {}/LOCK: already held by process", LibraryInUseError),
        (b"IO error: {}/LOCK: Too many open files", StoreError),
        (b"IO error: {}/MANIFEST-000004: Permission denied", StoreError),
        (b"IO error: {}/000007.log: No space left on device", StoreError),
        (b"IO error: {}: Invalid argument", StoreError),
        (b"Corruption: 1 missing files; e.g.: {}/000005.ldb", DamagedStoreError),
    ],
)
def test_what_is_no_damage_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes, kind: type[Exception]
) -> None:
    folder = tmp_path / "blockbusters" / "matrices"

    def fails(*_: object, **__: object) -> None:
        error = plyvel.CorruptionError if said.startswith(b"Corruption") else plyvel.IOError
        raise error(said.replace(b"{}", os.fsencode(folder)))

    monkeypatch.setattr(plyvel, "DB", fails)
    with pytest.raises(StoreError if kind is not LibraryInUseError else LibraryInUseError) as caught:
        open_leveldb(folder)
    assert type(caught.value) is kind


def test_a_damaged_folder_is_not_emptied_by_looking_at_it(tmp_path: Path) -> None:
    library = str(tmp_path / "library")
    filled(library)
    matrices = Place.of(library).matrices
    damage(matrices, "CURRENT", gone)
    for command in (["list"], ["verify"], ["ingest", __file__]):
        assert run(*command, "--library", library).status == 1
    (table,) = matrices.glob(TABLES)
    assert table.stat().st_size > 0


@pytest.mark.server
def test_every_damaged_slot_of_a_servers_library_is_set_aside(server_place: str) -> None:
    with closing(opened(server_place)), closing(opened(server_place)):
        pass  # two slots
    filled(server_place)
    slots = [Place.of(server_place).matrices, Place.of(server_place).matrices.with_name("matrices-2")]
    for slot in slots:
        copies.keep_incarnation(open_leveldb(slot), "of before")
        close_leveldb(slot)
        damage(slot, "MANIFEST-*", gone)
    with reprise.open(server_place) as library:
        assert library.repair().set_aside == [str(slot.with_name(f"{slot.name}-damaged-1")) for slot in slots]
        assert sorted(row.path for row in library.videos()) == ["a.mp4", "b.mp4", "c.mp4"]
        assert library.verify() == []
