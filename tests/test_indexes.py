"""The index that a library's frames have: by its size, and by what its server does with it."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from test_stores import opened, row, video

from reprise.errors import StoreError
from reprise.stores import frames as frame_store
from reprise.stores import milvus as milvus_store
from reprise.stores.frames import FRAMES, index_for
from reprise.stores.milvus import Milvus
from reprise.stores.server_version import keeps_vectors

VIDEO = "a" * 32


def test_the_index_grows_with_the_library() -> None:
    assert index_for(1000)["index_type"] == "FLAT"
    for embedded in (True, False):
        assert index_for(200_000, embedded=embedded)["index_type"] == "FLAT"
        assert index_for(1_000_000, embedded=embedded)["index_type"] == "IVF_SQ8"
    for frames in (300_000, 10_000_000):
        assert index_for(frames, embedded=False)["params"] == {"nlist": 2048}


@pytest.mark.parametrize(
    ("version", "is_kept"),
    [
        ("v2.3.5", False),
        ("2.3.22-dev", False),
        ("v2.4.0", True),
        ("2.10.1", True),
        ("v3.0", True),
        ("unknown", False),
    ],
)
def test_a_server_that_loses_vectors_which_are_read_has_them_whole_in_its_index(version: str, is_kept: bool) -> None:
    assert keeps_vectors(version) is is_kept
    index = index_for(1_000_000, embedded=False, in_bytes=is_kept)
    assert (index["index_type"], index["params"]) == ("IVF_SQ8" if is_kept else "IVF_FLAT", {"nlist": 2048})


@pytest.mark.server
def test_vectors_that_were_read_from_a_servers_large_library_are_there_after_the_next_load(
    server_place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = 2000  # fewer than 1024 Milvus does not index
    monkeypatch.setattr(frame_store, "FLAT_UP_TO", frames - 1)
    with closing(opened(server_place)) as stores:
        stores.add(row(frames=frames), video(frames))
        stores.flush()
        assert stores.frames.index_type() == "IVF_FLAT"
        milvus = stores._milvus
        for _ in range(2):
            milvus._client.release_collection(FRAMES)
            milvus.load(FRAMES)
            assert np.array_equal(stores.frames.matrix(VIDEO), video(frames).matrix)  # type: ignore[arg-type]
        stores.remove(VIDEO)
        stores.flush()
        assert stores.frames.index_type() == "FLAT"


@pytest.mark.server
def test_a_server_that_cannot_load_the_index_that_it_has_gets_it_anew(
    server_place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stores = opened(server_place)
    stores.add(row(), video())
    stores.flush()
    stores.close()
    with closing(Milvus(server_place)) as milvus:
        refused: list[str] = []

        def refuse(collection: str) -> None:
            refused.append(collection)
            raise StoreError("not loaded within 60 s")

        monkeypatch.setattr(milvus, "_load", refuse)
        monkeypatch.setattr(milvus_store, "LOADED_WITHIN_S", 0.0)
        monkeypatch.setattr(milvus_store, "LOADED_FRAMES_A_S", 1e9)
        milvus.load("frames")
        assert len(refused) >= 3
        assert (milvus.index_type("frames"), milvus.count("frames")) == ("FLAT", 5)
    assert f"{server_place}: waiting for the server, which is loading frames" in caplog.text


@pytest.mark.server
def test_an_index_that_takes_long_to_load_is_not_made_anew(
    server_place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(opened(server_place)) as stores:
        stores.add(row(), video())
        stores.flush()
    with closing(Milvus(server_place)) as milvus:
        percents = [5, 20, 90]

        def load(_collection: str) -> None:
            if percents:
                raise StoreError("not loaded within 60 s")

        def rebuild(*_: object) -> None:
            pytest.fail("the index was made anew")

        monkeypatch.setattr(milvus, "_load", load)
        monkeypatch.setattr(milvus, "_loaded_percent", lambda _: percents.pop(0))
        monkeypatch.setattr(milvus, "rebuild_index", rebuild)
        monkeypatch.setattr(milvus_store, "LOADED_WITHIN_S", 0.0)
        milvus.load("frames")
        assert percents == []


def test_a_library_that_outgrows_its_index_gets_the_next_one_and_still_finds(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_store, "FLAT_UP_TO", 100)
    stores = opened(place)
    stores.add(row(frames=300), video(300))
    assert stores.frames.index_type() == "FLAT"
    stores.flush()
    assert stores.frames.index_type().startswith("IVF_")
    stores.close()
    stores = opened(place, create=False)
    assert stores.frames.index_type().startswith("IVF_")
    assert stores.frames.count() == 300
    stores.close()
