"""A server that lost its data gets back all videos that any slot of any machine has, whoever fills it first."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import run
from milvus_servers import cleared
from test_repair import A, B, C, D, is_as_filled, lettered, lose_milvus
from test_stores import opened, row, video

import reprise
from reprise.errors import LibraryLostError
from reprise.stores import copies
from reprise.stores.library import LibraryStores

LATER = "2026-02-02T00:00:00+00:00"


@pytest.fixture
def place(milvus_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Milvus server with nothing on it, and a folder of this test's for matrices."""
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / "matrices"))
    cleared(milvus_server, keep_collections=False)
    return milvus_server


def use(machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on this process is on that machine."""
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / machine))


def store(stores: LibraryStores, *letters: str) -> None:
    """Stores videos as `filled` does; a is number 0."""
    for letter in letters:
        stores.add(*lettered(letter, "abcdef".index(letter)))  # type: ignore[arg-type]
    stores.flush()


def everything(place: str) -> dict[str, int]:
    with closing(opened(place, create=False)) as stores:
        frames = {one.id: one.frame_count for one in stores.videos.all()}
        assert stores.frames.counts() == frames
        return frames


@pytest.mark.server
def test_a_lost_server_is_filled_from_all_slots_of_a_machine_with_the_last_ingest_of_each_video(place: str) -> None:
    with closing(opened(place)) as one, closing(opened(place)) as two:
        store(one, "a", "b")
        store(two, "c", "d")
        # Slot 1 keeps the version of before.
        later = replace(row(B, frames=9, path="b.mp4"), content_hash="1" * 64, ingested_at=LATER)
        two.add(later, video(9, seed=9))
        two.flush()
        lost = one.frames.incarnation()
        milvus = one.frames._milvus
        for collection in ("frames", "videos"):
            milvus.drop(collection)
    repaired = run("verify", "--repair", "--library", place)
    assert (repaired.status, repaired.out.splitlines()[-1]) == (
        0,
        f"{place}: 5 videos mended, 4 videos checked, no problem",
    )
    assert everything(place) == {A: 5, B: 9, C: 7, D: 8}
    with closing(opened(place)) as one, closing(opened(place)) as two:
        assert lost != one.frames.incarnation() is not None
        assert {copies.kept_incarnation(each.matrices) for each in (one, two)} == {one.frames.incarnation()}


@pytest.mark.server
def test_a_lost_server_is_not_begun_anew_where_only_a_slot_that_nobody_has_keeps_its_videos(place: str) -> None:
    with closing(opened(place)) as one, closing(opened(place)) as two:
        store(two, "a")
        for collection in ("frames", "videos"):
            one.frames._milvus.drop(collection)
    with pytest.raises(LibraryLostError, match="matrices-2 still has its videos"):
        opened(place)
    with reprise.open(place) as library:
        assert library.repair().mended == ["a.mp4: mended from LevelDB"]
        assert library.verify() == []
    assert everything(place) == {A: 5}


@pytest.mark.server
def test_what_another_machine_has_of_a_server_that_one_filled_anew_is_told_and_put_back(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for machine, letters in (("one", "ab"), ("other", "cd")):
        use(machine, tmp_path, monkeypatch)
        with closing(opened(place)) as stores:
            store(stores, *letters)
    lose_milvus(place)
    use("one", tmp_path, monkeypatch)
    assert run("verify", "--repair", "--library", place).status == 0
    assert everything(place) == {A: 5, B: 6}
    use("other", tmp_path, monkeypatch)
    told = (
        f"{place}: the server was filled anew, and 2 videos are on this machine alone; "
        "`reprise verify --repair` puts them back"
    )
    for _ in range(2):  # looking removes nothing
        verified = run("verify", "--library", place)
        assert (verified.status, verified.out.splitlines()) == (1, [told, f"{place}: 2 videos checked, 1 problem"])
    repaired = run("verify", "--repair", "--library", place)
    assert (repaired.status, repaired.out.splitlines()) == (
        0,
        [
            "c.mp4: mended from LevelDB",
            "d.mp4: mended from LevelDB",
            f"{place}: 2 videos mended, 4 videos checked, no problem",
        ],
    )
    assert everything(place) == {A: 5, B: 6, C: 7, D: 8}
    # From now on what the server does not have was removed.
    use("one", tmp_path, monkeypatch)
    with reprise.open(place) as library:
        library.remove("c.mp4")
    use("other", tmp_path, monkeypatch)
    with reprise.open(place) as library:
        assert library.verify() == []
    with closing(opened(place, create=False)) as stores:
        assert list(stores.matrices.keys()) == [D]
    assert everything(place) == {A: 5, B: 6, D: 8}


@pytest.mark.server
def test_a_machine_of_whose_videos_a_filled_server_lacks_none_takes_over_its_id(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for machine in ("one", "other"):
        use(machine, tmp_path, monkeypatch)
        with closing(opened(place)) as stores:
            store(stores, "a", "b")
    lose_milvus(place)
    use("one", tmp_path, monkeypatch)
    with reprise.open(place) as library:
        library.repair()
    use("other", tmp_path, monkeypatch)
    with closing(opened(place)) as stores:
        assert copies.kept_incarnation(stores.matrices) != stores.frames.incarnation()
    with reprise.open(place) as library:
        assert library.verify() == []
    with closing(opened(place)) as stores:
        assert copies.kept_incarnation(stores.matrices) == stores.frames.incarnation() is not None
        assert is_as_filled(stores, "ab")


@pytest.mark.server
def test_copies_of_a_library_without_an_id_go_when_the_server_does_not_know_them(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(opened(place)) as stores:
        store(stores, "a", "b")
        monkeypatch.setattr("reprise.stores.frames.INCARNATION_PROPERTY", "of no library")
        copies.keep_incarnation(stores.matrices, stores.frames.incarnation())
        assert copies.kept_incarnation(stores.matrices) is None
        stores.erase_in_milvus(A)
        assert list(stores.matrices.keys()) == [A, B]
    with reprise.open(place) as library:
        assert library.verify() == []
    with closing(opened(place)) as stores:
        assert list(stores.matrices.keys()) == [B]


@pytest.mark.server
def test_a_process_that_keeps_no_matrices_fills_a_lost_server_from_those_that_this_machine_has(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "here"))
    monkeypatch.delenv("REPRISE_MATRICES")
    with closing(opened(place)) as stores:
        store(stores, "a", "b")
    lose_milvus(place)
    monkeypatch.setenv("REPRISE_MATRICES", "milvus")
    with closing(opened(place)) as stores:  # as an ingest would
        store(stores, "c")
    told = f"{place}: the server was filled anew, and 2 videos are on this machine alone; "
    assert run("verify", "--library", place).out.startswith(told)
    assert run("verify", "--repair", "--library", place).status == 0
    assert everything(place) == {A: 5, B: 6, C: 7}
