"""What `verify` finds, what `--repair` makes whole again, and what a backup keeps; embedded and on a server."""

from __future__ import annotations

import shutil
import zipfile
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from numpy.typing import NDArray
from test_stores import FACTS, opened, row, video
from test_survival import dies

import reprise
from reprise.errors import BackupError, LibraryError, LibraryLostError, LibraryMismatchError
from reprise.stores import copies
from reprise.stores.backup import restore, write_backup
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place
from reprise.stores.settling import settle
from reprise.stores.videos import VideoRow

A, B, C, D, E, F = (letter * 32 for letter in "abcdef")
REMEDY = "`reprise verify --repair` mends it"


def filled(place: str, ids: str = "abc") -> None:
    """A library with a video for every letter, of 5, 6, 7, ... frames."""
    with closing(opened(place)) as stores:
        for number, letter in enumerate(ids):
            stores.add(*lettered(letter, number))
        stores.flush()


def lettered(letter: str, number: int) -> tuple[VideoRow, object]:
    frames = 5 + number
    return row(letter * 32, frames=frames, path=f"{letter}.mp4"), video(frames, seed=number)  # type: ignore[return-value]


def is_as_filled(stores: LibraryStores, ids: str = "abc") -> bool:
    """Whether the library holds just what `filled` puts there, in both stores."""
    expected = {letter * 32: lettered(letter, number) for number, letter in enumerate(ids)}
    rows = {kept.id: kept for kept in stores.videos.all()}
    frames = {found.video_id: found for found in stores.frames.by_video()}
    return (
        rows == {video_id: kept for video_id, (kept, _) in expected.items()}
        and set(frames) == set(stores.matrices.keys()) == set(rows)
        and all(
            np.array_equal(frames[video_id].matrix, wanted.matrix)  # type: ignore[attr-defined]
            and np.array_equal(frames[video_id].times_s, wanted.times_s)  # type: ignore[attr-defined]
            and np.array_equal(stores.matrices.get_array(video_id), wanted.matrix)  # type: ignore[arg-type,attr-defined]
            for video_id, (_, wanted) in expected.items()
        )
    )


def lose_milvus(place: str) -> None:
    """What a Milvus folder that was removed, or a server with a new disk, is to a library."""
    if "://" not in place:
        shutil.rmtree(Path(place) / "milvus.db")
        return
    with closing(opened(place, create=False)) as stores:
        for collection in ("frames", "videos"):
            stores.frames._milvus.drop(collection)


def damage(stores: LibraryStores) -> None:
    """Something else for each of the videos a to f."""
    stores.frames.delete(A)
    stores.matrices.store(B, None, {copies.TIMES: b"RPVMgarbage"})
    stores.matrices.put(C, b"RPVMgarbage")
    stores.videos.delete(D)
    moved = video(9, seed=4)
    copies.write(stores.matrices, copies.VideoCopy(lettered("e", 4)[0], moved.times_s, moved.matrix[::-1].copy()))
    stores.frames._milvus.delete("frames", f'id == "{F}-00000003"')


def test_rows_that_come_back_after_they_were_removed_are_taken_out_again(place: str) -> None:
    filled(place, "abcd")
    with closing(opened(place)) as stores:
        gone = [{**_fields(A, index), "embedding": vector} for index, vector in enumerate(_matrix(stores, A))]
        older = [{**_fields(B, index), "embedding": _matrix(stores, B)[0]} for index in (6, 7)]
        stores.remove(A)
        stores.frames._milvus.insert("frames", [*gone, *older])
        stores.frames._milvus.delete("frames", f'id == "{C}-00000003"')
        assert settle(stores, [A, B, C, D]) == [A, B, C]
        assert settle(stores, [A, B, C, D]) == []
        stores.flush()
        assert stores.problems() == []
        assert stores.frames.counts() == {B: 6, C: 7, D: 8}


def _fields(video_id: str, index: int) -> dict[str, object]:
    return {"id": f"{video_id}-{index:08d}", "video_id": video_id, "frame_index": index, "time_s": float(index)}


def _matrix(stores: LibraryStores, video_id: str) -> NDArray[np.float32]:
    matrix = stores.frames.matrix(video_id)
    assert matrix is not None
    return matrix


def test_verification_names_every_way_in_which_the_stores_disagree(place: str) -> None:
    filled(place, "abcdef")
    with closing(opened(place)) as stores:
        damage(stores)
        told = [line.removesuffix(f"; {REMEDY}") for line in stores.problems()]
        shown = stores.matrices.shown
    assert told == [
        "a.mp4: 0 of its 5 frames are in Milvus",
        f"b.mp4: {shown}: the copy of {B} is damaged: it has record version 103, this program knows 1",
        f"c.mp4: {shown}: the copy of {C} is damaged: it has record version 103, this program knows 1",
        "d.mp4: 8 frames in Milvus belong to no video",
        "d.mp4: a matrix in LevelDB belongs to no video",
        "e.mp4: 8 of its 9 embeddings differ between LevelDB and Milvus",
        "f.mp4: 9 of its 10 frames are in Milvus",
    ]


def test_repair_makes_each_store_whole_from_the_other_one(place: str) -> None:
    filled(place, "abcdef")
    with closing(opened(place)) as stores:
        damage(stores)
    with reprise.open(place) as library:
        report = library.repair()
        assert library.verify() == []
    assert report.mended == [
        "a.mp4: mended from LevelDB",
        "b.mp4: mended from Milvus",
        "c.mp4: mended from Milvus",
        "d.mp4: mended from LevelDB",
        "e.mp4: mended from LevelDB",
        "f.mp4: mended from LevelDB",
    ]
    assert report.removed == []
    with closing(opened(place)) as stores:
        assert stores.frames.counts() == Counter({A: 5, B: 6, C: 7, D: 8, E: 9, F: 10})
        assert np.array_equal(stores.matrix(E), video(9, seed=4).matrix[::-1])  # type: ignore[arg-type]


def test_a_video_that_is_whole_in_neither_store_is_removed_and_named(place: str) -> None:
    filled(place)
    with closing(opened(place)) as stores:
        stores.frames.delete(B)
        stores.matrices.put(B, b"RPVMgarbage")
    repaired = run("verify", "--repair", "--library", place)
    assert repaired.status == 1
    assert repaired.out.splitlines() == [
        "b.mp4: was whole in neither store and is removed; ingest it again",
        f"{place}: 0 videos mended, 1 removed, 2 videos checked, no problem",
    ]
    with reprise.open(place) as library:
        assert [kept.path for kept in library.videos()] == ["a.mp4", "c.mp4"]


def test_a_lost_leveldb_is_made_anew_from_milvus(place: str) -> None:
    filled(place)
    shutil.rmtree(Place.of(place).matrices)
    with reprise.open(place) as library:
        missing = [f"{letter}.mp4: its matrix is missing from LevelDB; {REMEDY}" for letter in "abc"]
        # On a server's library another machine may hold them, and queries read the rows from Milvus.
        is_embedded = "://" not in place
        assert library.verify() == (missing if is_embedded else [])
        assert len(library.repair().mended) == (3 if is_embedded else 0)
        assert library.verify() == []
    if is_embedded:
        with closing(opened(place)) as stores:
            assert is_as_filled(stores)


def test_a_lost_milvus_is_made_anew_from_leveldb(place: str) -> None:
    filled(place)
    lose_milvus(place)
    for command in (["list"], ["ingest", __file__]):
        refused = run(*command, "--library", place)
        assert refused.status == 1
    assert "still has its videos; `reprise verify --repair` puts them back" in run("list", "--library", place).err
    repaired = run("verify", "--repair", "--library", place)
    assert (repaired.status, repaired.out.splitlines()[-1]) == (
        0,
        f"{place}: 3 videos mended, 3 videos checked, no problem",
    )
    with closing(opened(place, create=False)) as stores:
        assert is_as_filled(stores)
        assert stores.frames.facts() == FACTS


def test_a_rebuilding_that_is_killed_is_gone_on_with(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(place)
    lose_milvus(place)
    real = LibraryStores.fill

    def once(stores: LibraryStores, copy: copies.VideoCopy, *, replacing: bool = True) -> None:
        if copy.row.id == B:
            raise KeyboardInterrupt
        real(stores, copy, replacing=replacing)

    monkeypatch.setattr(LibraryStores, "fill", once)
    with reprise.open(place) as library, pytest.raises(KeyboardInterrupt):
        library.repair()
    monkeypatch.setattr(LibraryStores, "fill", real)
    with pytest.raises(LibraryLostError, match="gone or not whole"):
        opened(place)
    with reprise.open(place) as library:
        library.repair()
    with closing(opened(place, create=False)) as stores:
        assert is_as_filled(stores)


def as_format_1(place: str) -> None:
    """Makes a library what format 1 was: matrices alone in LevelDB."""
    with closing(opened(place)) as stores:
        for key in list(stores.matrices.keys()):
            stores.matrices.store(key, stores.matrices.get(key), {})
        stores.matrices.remove_fact(copies.FACTS)
        stores.frames.set_facts(replace(FACTS, format=1))


def test_a_library_of_format_1_is_read_written_and_raised_by_a_repair(place: str) -> None:
    filled(place)
    as_format_1(place)
    with closing(opened(place)) as stores:
        assert stores.problems() == []
        stores.add(*lettered("d", 3))  # type: ignore[arg-type]
    with reprise.open(place) as library:
        assert (library.info().format, library.verify()) == (1, [])
        report = library.repair()
        assert (report.mended, report.completed, library.info().format) == ([], 3, 2)
    lose_milvus(place)
    with reprise.open(place) as library:
        library.repair()
    with closing(opened(place)) as stores:
        assert is_as_filled(stores, "abcd")


def test_a_lost_library_of_format_1_says_that_nothing_can_fill_it(place: str) -> None:
    filled(place)
    as_format_1(place)
    lose_milvus(place)
    answer = run("verify", "--repair", "--library", place)
    assert answer.status == 1
    assert "were stored by an earlier version, without what belongs to them" in answer.err
    assert answer.err.count("\n") == 1


def test_a_library_of_a_newer_format_is_refused() -> None:
    with pytest.raises(LibraryMismatchError, match="has format 3, this program knows formats up to 2; use"):
        replace(FACTS, format=3).check(FACTS, "library")


def test_stores_are_compared_page_by_page(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reprise.stores.milvus.READ_ROWS", 4)
    filled(place)
    with closing(opened(place)) as stores:
        assert stores.problems() == []
        assert is_as_filled(stores)
        stores.frames._milvus.delete("frames", f'id == "{C}-00000006"')
        assert stores.problems() == [f"c.mp4: 6 of its 7 frames are in Milvus; {REMEDY}"]


@pytest.mark.server
def test_a_frame_that_a_server_has_twice_is_found_and_mended(
    milvus_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path))
    monkeypatch.setattr("reprise.stores.verifying.SETTLING_S", 0.0)
    with closing(opened(milvus_server)) as stores:
        for collection in ("frames", "videos"):
            stores.frames._milvus.drop(collection)
    shutil.rmtree(tmp_path / next(iter(tmp_path.iterdir())).name)
    filled(milvus_server, "a")
    with closing(opened(milvus_server)) as stores:
        times_s, matrix = video().times_s, video().matrix
        again = {"id": f"{A}-00000002", "video_id": A, "frame_index": 2, "time_s": times_s[2], "embedding": matrix[2]}
        stores.frames._milvus.insert("frames", [again])
        assert stores.problems() == [f"a.mp4: 1 of its 5 frames are in Milvus twice; {REMEDY}"]
    with reprise.open(milvus_server) as library:
        library.repair()
        assert library.verify() == []
        library.remove("a.mp4")


# Backups


def test_a_backup_brings_everything_back_wherever_it_is_restored(place: str, tmp_path: Path) -> None:
    filled(place)
    with closing(opened(place)) as stores:
        stores.matrices.store(B, None, {"other": b"companion"})
        stores.notes.put("mark", "a|b", {"by": "me"})
        report = write_backup(stores, tmp_path / "backup")
        assert (report.videos, report.frames) == (3, 18)
    restore(tmp_path / "backup", Place.of(tmp_path / "restored"))
    with closing(opened(str(tmp_path / "restored"), create=False)) as stores:
        assert is_as_filled(stores)
        assert stores.matrices.companion("other", B) == b"companion"
        assert dict(stores.notes.all("mark")) == {"a|b": {"by": "me"}}
        assert stores.frames.facts() == FACTS
        assert stores.problems() == []
    with pytest.raises(LibraryError, match="already; restore"):
        restore(tmp_path / "backup", Place.of(place))
    assert sorted(entry.name for entry in tmp_path.iterdir() if "rest" in entry.name) == ["restored"]


@pytest.mark.server
def test_a_library_in_a_folder_is_restored_onto_a_server(
    milvus_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / "matrices"))
    with closing(opened(milvus_server)) as stores:
        for collection in ("frames", "videos", "notes"):
            stores.frames._milvus.drop(collection)
    shutil.rmtree(tmp_path / "matrices")
    filled(str(tmp_path / "library"))
    with closing(opened(str(tmp_path / "library"))) as stores:
        write_backup(stores, tmp_path / "backup")
    restore(tmp_path / "backup", Place.of(milvus_server))
    with closing(opened(milvus_server, create=False)) as stores:
        assert is_as_filled(stores)
        for video_id in (A, B, C):
            stores.remove(video_id)


def test_a_backup_that_is_damaged_or_cut_short_is_refused_and_makes_nothing(tmp_path: Path) -> None:
    filled(str(tmp_path / "library"))
    with closing(opened(str(tmp_path / "library"))) as stores:
        write_backup(stores, tmp_path / "backup")
    whole = (tmp_path / "backup").read_bytes()
    matrix = video().matrix.tobytes()
    flipped = bytearray(whole)
    flipped[whole.index(matrix) + 100] ^= 1
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("holiday.txt", "x")
    for content, told in (
        (whole[:-100], "is no backup of Reprise, or is cut short"),
        (bytes(flipped), rf"is damaged: videos/{A}/matrix cannot be read"),
        (other.read_bytes(), "is no backup of Reprise$"),
    ):
        (tmp_path / "damaged").write_bytes(content)
        with pytest.raises(BackupError, match=told):
            restore(tmp_path / "damaged", Place.of(tmp_path / "made"))
        assert not list(tmp_path.glob("made*"))


def test_a_backup_is_not_written_over_nor_left_half_nor_made_of_half_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(str(tmp_path / "library"))
    with closing(opened(str(tmp_path / "library"))) as stores:
        (tmp_path / "there").write_text("something")
        with pytest.raises(BackupError, match="is there already"):
            write_backup(stores, tmp_path / "there")
        assert (tmp_path / "there").read_text() == "something"
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(stores.notes, "every", interrupted)
            write_backup(stores, tmp_path / "backup")
        stores.frames.delete(B)
        with pytest.raises(LibraryError, match=r"b.mp4: 0 of its 6 frames are in Milvus; .*, then back it up"):
            write_backup(stores, tmp_path / "backup")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["library", "there"]


def interrupted() -> None:
    raise KeyboardInterrupt


def test_a_restore_that_is_killed_leaves_no_library_and_is_done_when_run_again(tmp_path: Path) -> None:
    filled(str(tmp_path / "library"))
    with closing(opened(str(tmp_path / "library"))) as stores:
        write_backup(stores, tmp_path / "backup")
    made = tmp_path / "made"
    dies(
        str(made),
        f"""
from reprise.stores.backup import restore
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place
from reprise.stores.settling import settle
LibraryStores.fill = lambda *args: os._exit(9)
restore({str(tmp_path / "backup")!r}, Place.of(place))
""",
    )
    assert (tmp_path / "made.restoring").exists()
    assert not made.exists()
    assert run("list", "--library", made).status == 1
    assert run("restore", tmp_path / "backup", "--library", made).status == 0
    with closing(opened(str(made), create=False)) as stores:
        assert is_as_filled(stores)
    assert not (tmp_path / "made.restoring").exists()
