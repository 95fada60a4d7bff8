"""A LevelDB whose files are no longer what it wrote: told in one line, set aside and made anew by a repair."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import plyvel
import pytest
from command_line import run
from test_repair import filled, is_as_filled, lose_milvus
from test_stores import opened

import reprise
from reprise.errors import DamagedStoreError, LibraryLostError
from reprise.stores.place import Place

TABLES = "*.ldb"
ANEW = "`reprise verify --repair` sets it aside and makes it anew from Milvus"


def cut(file: Path) -> None:
    with file.open("r+b") as opened_file:
        opened_file.truncate(file.stat().st_size // 2)


def overwritten(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:200] + bytes(100) + content[300:])


def gone(file: Path) -> None:
    file.unlink()


DAMAGES = [
    pytest.param("MANIFEST-*", gone, id="no manifest"),
    pytest.param("MANIFEST-*", cut, id="a manifest that is cut short"),
    pytest.param("CURRENT", lambda file: file.write_bytes(b""), id="an empty name of the manifest"),
    pytest.param(TABLES, gone, id="no table"),
    pytest.param(TABLES, cut, id="a table that is cut short"),
    pytest.param(TABLES, overwritten, id="a table that is overwritten in part"),
]


def in_tables(folder: Path) -> None:
    """Brings all that LevelDB has from its log into tables, as it does when there is more of it."""
    database = plyvel.DB(str(folder))
    database.compact_range()
    database.close()


@pytest.mark.parametrize(("files", "happens"), DAMAGES)
def test_a_damaged_leveldb_is_told_and_made_anew(tmp_path: Path, files: str, happens: Callable[[Path], None]) -> None:
    library = str(tmp_path / "library")
    filled(library)
    matrices = Place.of(library).matrices
    in_tables(matrices)
    for file in matrices.glob(files):
        happens(file)
    left = {file.name for file in matrices.glob(TABLES)}

    told = run("verify", "--library", library)
    assert told.status == 1
    assert ANEW in told.err + told.out

    repaired = run("verify", "--repair", "--library", library)
    assert repaired.status == 0, repaired
    first, *_, last = repaired.out.splitlines()
    aside = matrices.with_name("matrices-damaged-1")
    assert first == f"LevelDB was damaged and is made anew; what there was is in {aside}, for you to remove"
    assert last == f"{library}: 3 videos mended, 3 videos checked, no problem"
    assert left <= {file.name for file in aside.iterdir()}
    with closing(opened(library)) as stores:
        assert is_as_filled(stores)


def test_of_a_damaged_leveldb_without_its_milvus_a_backup_is_asked_for(tmp_path: Path) -> None:
    library = str(tmp_path / "library")
    filled(library)
    lose_milvus(library)
    matrices = Place.of(library).matrices
    for file in matrices.glob("MANIFEST-*"):
        file.unlink()
    with reprise.open(library) as shelf:
        with pytest.raises(DamagedStoreError, match="cannot open the folder"):
            shelf.require()
        with pytest.raises(LibraryLostError, match=r"its Milvus is gone, too: restore a backup, or ingest"):
            shelf.repair()
    assert matrices.is_dir()


def test_a_library_that_is_whole_is_not_set_aside(tmp_path: Path) -> None:
    library = str(tmp_path / "library")
    filled(library)
    with reprise.open(library) as shelf:
        shelf.require()
        assert shelf.repair().set_aside == []
    assert sorted(entry.name for entry in Path(library).iterdir() if "matrices" in entry.name) == ["matrices"]


@pytest.mark.server
def test_every_damaged_slot_of_a_servers_library_is_set_aside(server_place: str) -> None:
    with closing(opened(server_place)), closing(opened(server_place)):
        pass  # two slots
    filled(server_place)
    slots = [Place.of(server_place).matrices, Place.of(server_place).matrices.with_name("matrices-2")]
    for slot in slots:
        for file in slot.glob("MANIFEST-*"):
            file.unlink()
    with reprise.open(server_place) as library:
        assert library.repair().set_aside == [str(slot.with_name(f"{slot.name}-damaged-1")) for slot in slots]
        assert [row.path for row in sorted(library.videos(), key=lambda row: row.path)] == ["a.mp4", "b.mp4", "c.mp4"]
        assert library.verify() == []
