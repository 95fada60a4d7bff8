"""The quick ways through Milvus Lite give what its own give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reprise.stores.frames import FrameStore, LibraryFacts, index_for
from reprise.stores.milvus import Milvus

DIMENSION = 8
FACTS = LibraryFacts("test", DIMENSION, 1.0)
CLUSTERS = {"index_type": "IVF_SQ8", "metric_type": "IP", "params": {"nlist": 4}}


def vectors(count: int, seed: int) -> NDArray[np.float32]:
    found = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def put(milvus: Milvus, video: str, frames: int, seed: int) -> None:
    rows = [
        {"id": f"{video}-{index:08d}", "video_id": video, "frame_index": index, "time_s": 0.0, "embedding": embedding}
        for index, embedding in enumerate(vectors(frames, seed))
    ]
    milvus.insert("frames", rows, replace=True)


@pytest.fixture(params=["FLAT", "IVF_SQ8"])
def milvus(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Milvus]:
    """Three segments, in which frames were replaced, removed, and removed and put again."""
    with closing(Milvus(str(tmp_path / "milvus.db"))) as one:
        frames = FrameStore(one)
        frames.create(FACTS)
        one.rebuild_index("frames", CLUSTERS if request.param == "IVF_SQ8" else index_for(0))
        for seed, video in enumerate("abcdef"):
            put(one, video, 40, seed)
        frames.flush()
        put(one, "a", 30, 10)
        frames.delete("b")
        frames.flush()
        put(one, "b", 20, 11)
        put(one, "c", 40, 12)
        frames.flush()
        yield one


Compared = list[tuple[object, object]]


@pytest.fixture
def compared(milvus: Milvus, monkeypatch: pytest.MonkeyPatch) -> Compared:
    """What each search and count gives from now on, by the quick way and by Milvus Lite's own, at the same moment."""
    assert milvus.embedded  # which has put in the quick ways
    from milvus_lite.engine import collection
    from milvus_lite.search import bitmap

    both: Compared = []
    search, mask = collection.execute_search_with_index, bitmap.build_valid_mask

    def search_both(**asked: Any) -> Any:
        asked["segments"] = list(asked["segments"])
        # In the background Milvus Lite puts segments together and indexes them, which rounds their numbers.
        for _ in range(100):
            before, quick, after = (deepcopy(way(**asked)) for way in (search.usual, search, search.usual))
            if before == after:
                break
        both.append((quick, after))
        return deepcopy(quick)  # who asked turns the signs of the distances

    def mask_both(*asked: Any, **options: Any) -> Any:
        quick, usual = mask(*asked, **options), mask.usual(*asked, **options)
        both.append((quick.tolist(), usual.tolist()))
        return quick

    monkeypatch.setattr(collection, "execute_search_with_index", search_both)
    monkeypatch.setattr(bitmap, "build_valid_mask", mask_both)
    return both


def found(milvus: Milvus, where: str = "") -> set[str]:
    """The videos of which there are hits."""
    hits = milvus.search(
        "frames", vectors(25, 99), limit=7, metric="IP", fields=["video_id"], params={"nprobe": 4}, where=where
    )
    return {hit[2] for of_query in hits for hit in of_query}


def test_hits_and_counts_are_the_same_whatever_was_replaced_and_removed(milvus: Milvus, compared: Compared) -> None:
    assert found(milvus) == set("abcdef")
    assert milvus.count("frames") == 30 + 10 + 20 + 40 * 4
    assert [quick == usual for quick, usual in compared] == [True, True]


def test_what_was_removed_since_the_last_flush_is_not_found(milvus: Milvus, compared: Compared) -> None:
    FrameStore(milvus).delete("c")
    compared.clear()
    assert found(milvus) == set("abdef")
    assert milvus.count("frames") == 30 + 10 + 20 + 40 * 3
    assert [quick == usual for quick, usual in compared] == [True, True]


def test_what_is_not_flushed_and_what_is_filtered_is_found_as_before(milvus: Milvus, compared: Compared) -> None:
    put(milvus, "g", 40, 13)
    assert found(milvus) == set("abcdefg")
    assert found(milvus, 'video_id == "d"') == {"d"}
    assert [quick == usual for quick, usual in compared] == [True, True]
