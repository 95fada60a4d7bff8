"""Searches of many vectors, and the index that Milvus Lite really builds."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from reprise.stores import frames as frame_store
from reprise.stores import milvus as milvus_store
from reprise.stores.frames import FRAMES, METRIC, FrameStore, LibraryFacts
from reprise.stores.milvus import Milvus

FACTS = LibraryFacts("reprise-1", 16, 1.0)


@pytest.fixture
def milvus(tmp_path: Path) -> Milvus:
    """An embedded Milvus with the frames' collection in it, empty."""
    milvus = Milvus(str(tmp_path / "milvus.db"))
    FrameStore(milvus).create(FACTS)
    FrameStore(milvus).load()
    return milvus


def vectors(count: int) -> NDArray[np.float32]:
    """[count, 16] rows L2-normalised."""
    drawn = np.random.default_rng(count).standard_normal((count, 16), np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def insert(milvus: Milvus, drawn: NDArray[np.float32]) -> None:
    """The vectors as frames of one video."""
    milvus.insert(
        FRAMES,
        [
            {"id": f"v-{i:08d}", "video_id": "v", "frame_index": i, "time_s": float(i), "embedding": vector}
            for i, vector in enumerate(drawn)
        ],
    )


def test_vectors_that_do_not_fit_into_one_call_are_all_searched_in_order(
    milvus: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = vectors(50)
    insert(milvus, drawn)
    monkeypatch.setattr(milvus_store, "SEARCHED_AT_ONCE", 7)
    hits = milvus.search(FRAMES, drawn, limit=2, metric=METRIC, fields=["video_id"])
    assert [found[0][0] for found in hits] == [f"v-{i:08d}" for i in range(50)]
    assert {len(found) for found in hits} == {2}
    milvus.close()


def test_no_vectors_have_no_hits(milvus: Milvus) -> None:
    insert(milvus, vectors(3))
    assert milvus.search(FRAMES, vectors(1)[:0], limit=2, metric=METRIC) == []
    milvus.close()


def test_what_is_not_to_be_looked_at_has_no_hits(milvus: Milvus) -> None:
    drawn = vectors(4)
    insert(milvus, drawn)
    silenced = drawn * np.array([[1], [0], [1], [0]], np.float32)
    hits = milvus.search(FRAMES, silenced, limit=2, metric=METRIC)
    assert [len(found) for found in hits] == [2, 0, 2, 0]
    assert [hits[0][0][0], hits[2][0][0]] == ["v-00000000", "v-00000002"]
    milvus.close()


def test_milvus_lite_builds_the_clusters_that_were_asked_for_and_says_nothing(
    milvus: Milvus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(frame_store, "FLAT_UP_TO", 100)
    monkeypatch.setattr(frame_store, "EMBEDDED_NLIST", 32)
    store = FrameStore(milvus)
    insert(milvus, vectors(300))
    store.flush()
    assert store.wants_index()
    store.reindex()
    assert not store.wants_index()
    (built,) = tmp_path.glob("milvus.db/collections/frames/partitions/*/indexes/*.ivf_sq8.idx")
    assert faiss.read_index(str(built)).nlist == 32
    assert "WARNING" not in capfd.readouterr().err
    milvus.close()


def test_an_index_of_other_clusters_is_replaced(milvus: Milvus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_store, "FLAT_UP_TO", 100)
    store = FrameStore(milvus)
    insert(milvus, vectors(300))
    # As versions before did, whose clusters Milvus Lite never heard of.
    milvus.rebuild_index(FRAMES, {"index_type": "IVF_FLAT", "metric_type": METRIC, "params": {}})
    assert store.wants_index()
    store.reindex()
    assert not store.wants_index()
    milvus.close()
