"""What Milvus and LevelDB hold together: the same claims for the embedded stores and for a Milvus server."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import plyvel
import pytest

from reprise.descriptor import NAME
from reprise.embedding import EmbeddedVideo
from reprise.errors import (
    LibraryError,
    LibraryInUseError,
    LibraryMismatchError,
    LibraryNotFoundError,
    StoreError,
)
from reprise.models.weights import name_of
from reprise.stores.connections import connect
from reprise.stores.frames import LibraryFacts
from reprise.stores.leveldb import close_leveldb, open_leveldb
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place
from reprise.stores.record import pack, unpack
from reprise.stores.videos import VideoRow

FACTS = LibraryFacts(model=NAME, dimension=256, fps=1.0)


def video(frames: int = 5, seed: int = 0) -> EmbeddedVideo:
    matrix = np.random.default_rng(seed).standard_normal((frames, 256)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return EmbeddedVideo(np.arange(frames, dtype=float), matrix, float(frames), "", "0" * 64)


def row(video_id: str = "a" * 32, frames: int = 5, path: str = "a.mp4") -> VideoRow:
    return VideoRow(
        id=video_id,
        path=path,
        content_hash="0" * 64,
        file_size=10,
        modified_ns=1,
        duration_s=float(frames),
        frame_count=frames,
        fps=1.0,
        model=NAME,
        ingested_at="2026-01-01T00:00:00+00:00",
        warning="",
        tags=["news", 'a "quoted" tag'],
    )


def opened(place: str, *, create: bool = True) -> LibraryStores:
    return LibraryStores(Place.of(place), create=FACTS if create else None)


def test_an_array_comes_back_from_its_record_with_shape_type_and_numbers() -> None:
    for array in (
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.zeros((0, 256), np.float32),
        np.array([1, -2], np.int64),
        np.arange(24, dtype=np.float16).reshape(2, 3, 4)[:, ::-1],
    ):
        back = unpack(pack(array))
        assert back.dtype == array.dtype
        assert back.shape == array.shape
        assert (back == array).all()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda record: b"XXXX" + record[4:], "not a matrix record"),
        (lambda record: record[:4] + b"\x09" + record[5:], "record version 9"),
        (lambda record: record[:-1], "cut short"),
        (lambda record: record[:-1] + bytes([record[-1] ^ 1]), "checksum"),
    ],
)
def test_a_damaged_record_is_told_by_what_is_wrong_with_it(damage: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        unpack(damage(pack(np.ones((2, 2), np.float32))))  # type: ignore[operator]


def test_leveldb_keeps_texts_bytes_and_arrays_over_a_reopening(tmp_path: Path) -> None:
    store = open_leveldb(tmp_path / "db")
    store.put("text", "grüße")
    store.put("array", np.eye(2, dtype=np.float32))
    close_leveldb(tmp_path / "db")
    store = open_leveldb(tmp_path / "db")
    assert store.get("text") == "grüße".encode()
    assert np.array_equal(store.get_array("array"), np.eye(2))  # type: ignore[arg-type]
    assert store.get("nothing") is None
    assert list(store.keys()) == ["array", "text"]
    store.delete("text")
    assert list(store.keys()) == ["array"]


def test_names_of_unfinished_writes_are_no_keys(tmp_path: Path) -> None:
    store = open_leveldb(tmp_path / "db")
    store.mark_pending("x")
    assert store.pending() == ["x"]
    assert list(store.keys()) == []
    store.clear_pending(["x"])
    assert store.pending() == []


def test_leveldb_gives_a_folder_to_one_process_at_a_time(tmp_path: Path) -> None:
    code = f"""
import plyvel, sys
db = plyvel.DB({str(tmp_path / "db")!r}, create_if_missing=True)
print("open", flush=True)
sys.stdin.read()
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(LibraryInUseError, match="another process"):
            open_leveldb(tmp_path / "db")
    finally:
        holder.communicate()


def test_a_video_is_in_both_stores_with_all_it_has(place: str) -> None:
    stores = opened(place)
    stores.add(row(), video())
    stores.flush()
    assert stores.videos.get(["a" * 32, "b" * 32]) == {"a" * 32: row()}
    assert stores.frames.count("a" * 32) == 5
    assert np.allclose(stores.frames.matrix("a" * 32), video().matrix)  # type: ignore[arg-type]
    assert np.array_equal(stores.matrices.get_array("a" * 32), video().matrix)  # type: ignore[arg-type]
    assert stores.videos.by_path("a.mp4") == [row()]
    assert stores.problems() == []
    stores.close()


def test_a_library_remembers_its_videos_and_facts_over_a_reopening(place: str) -> None:
    stores = opened(place)
    stores.add(row(), video())
    stores.flush()
    stores.close()
    stores = opened(place, create=False)
    assert stores.frames.facts() == FACTS
    assert list(stores.videos.all()) == [row()]
    assert stores.problems() == []
    stores.close()


def test_a_video_added_again_replaces_what_was_there(place: str) -> None:
    stores = opened(place)
    stores.add(row(frames=5), video(5, seed=0))
    stores.add(row(frames=3), video(3, seed=1))
    assert stores.frames.count() == 3
    assert [r.frame_count for r in stores.videos.all()] == [3]
    assert np.array_equal(stores.matrices.get_array("a" * 32), video(3, seed=1).matrix)  # type: ignore[arg-type]
    assert stores.problems() == []
    stores.close()


def test_a_removed_video_leaves_nothing_and_harms_no_other(place: str) -> None:
    stores = opened(place)
    stores.add(row("a" * 32, path="a.mp4"), video(seed=0))
    stores.add(row("b" * 32, path="b.mp4"), video(seed=1))
    stores.remove("a" * 32)
    assert [r.path for r in stores.videos.all()] == ["b.mp4"]
    assert stores.frames.counts() == {"b" * 32: 5}
    assert list(stores.matrices.keys()) == ["b" * 32]
    assert stores.problems() == []
    stores.close()


# The steps of an ingest in their order, each as the method that the process dies in.
STEPS = ("matrices.store", "_store_chain", "videos.put", "frames.flush", "matrices.clear_pending")


@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_dies_within_an_ingest_leaves_no_half_video(place: str, step: str) -> None:
    stores = opened(place)
    stores.add(row("b" * 32, path="b.mp4"), video(seed=1))
    stores.matrices.clear_pending(["b" * 32])
    stores.close()
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_stores import opened, row, video
stores = opened({place!r})
target = stores
*path, name = {step!r}.split(".")
for part in path:
    target = getattr(target, part)
setattr(target, name, lambda *args, **options: os._exit(9))
stores.add(row(), video())
stores.flush()
"""
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert died.returncode == 9, died.stderr

    stores = opened(place)
    kept = {r.id for r in stores.videos.all()}
    # From the moment on that LevelDB has it, it is finished with no decoding; before that nothing was done.
    assert kept == ({"b" * 32} if step == "matrices.store" else {"a" * 32, "b" * 32})
    assert set(stores.frames.counts()) == kept
    assert set(stores.matrices.keys()) == kept
    assert stores.matrices.pending() == []
    assert stores.problems() == []
    stores.add(row(), video())
    assert stores.frames.counts() == {"a" * 32: 5, "b" * 32: 5}
    stores.close()


def test_notes_are_kept_by_kind_and_key(place: str) -> None:
    with closing(opened(place)) as stores:
        assert stores.notes.get("mark", "a|b") is None
        assert list(stores.notes.all("mark")) == []
        stores.notes.put("mark", "a|b", {"by": "me"})
        stores.notes.put("mark", 'quote " and /', {"by": "you"})
        stores.notes.put("failure", "a|b", {"reason": "broken"})
        stores.notes.put("failure", "a|b", {"reason": "empty"})
    with closing(opened(place, create=False)) as stores:
        assert dict(stores.notes.all("mark")) == {"a|b": {"by": "me"}, 'quote " and /': {"by": "you"}}
        assert stores.notes.get("failure", "a|b") == {"reason": "empty"}
        stores.notes.delete("mark", ['quote " and /', "not there"])
        stores.notes.delete("failure", ["a|b"])
        assert dict(stores.notes.all("mark")) == {"a|b": {"by": "me"}}
        assert list(stores.notes.all("failure")) == []
        stores.notes.delete("mark", ["a|b"])


def test_a_row_keeps_size_and_codec_and_is_read_without_them(place: str) -> None:
    with closing(opened(place)) as stores:
        stores.add(replace(row(), width=1280, height=720, codec="h264"), video())
        stores.videos.update("a" * 32, path="b.mp4")
        (kept,) = stores.videos.all()
        assert (kept.path, kept.width, kept.height, kept.codec) == ("b.mp4", 1280, 720, "h264")
        milvus = connect(stores.place.milvus_uri)
        (values,) = milvus.rows("videos", ["*"], 'path == "b.mp4"')
        milvus.upsert("videos", {**values, "tags": {"tags": ["old"]}})  # as written before there was more in it
        (kept,) = stores.videos.with_content("0" * 64)
        assert (kept.tags, kept.width, kept.height, kept.codec) == (["old"], 0, 0, "")


def test_the_videos_most_like_a_vector_are_found_by_their_pooled_embeddings(place: str) -> None:
    with closing(opened(place)) as stores:
        for number in range(3):
            stores.add(row(str(number) * 32, path=f"{number}.mp4"), video(seed=number))
        (first, score), _ = stores.videos.nearest(video(seed=1).pooled, 2)
        assert first == "1" * 32
        assert score == pytest.approx(1, abs=1e-5)
        pooled = dict(stores.videos.embeddings())
        assert sorted(pooled) == ["0" * 32, "1" * 32, "2" * 32]
        np.testing.assert_allclose(pooled["2" * 32], video(seed=2).pooled, atol=1e-6)


def test_a_library_that_is_not_there_is_not_made_by_looking_for_it(bare_place: str) -> None:
    for _ in range(2):
        with pytest.raises(LibraryNotFoundError, match="no library there"):
            opened(bare_place, create=False)
    assert "://" in bare_place or not Path(bare_place).exists()


def test_a_folder_with_other_files_does_not_become_a_library(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(LibraryError, match="holds other files"):
        opened(str(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_library_that_another_process_holds_is_refused_and_not_harmed(tmp_path: Path) -> None:
    place = str(tmp_path / "library")
    stores = opened(place)
    stores.add(row(), video())
    stores.flush()
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_stores import opened
opened({place!r})
"""
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "LibraryInUseError" in other.stderr
    assert "in use by process" in other.stderr
    assert stores.problems() == []
    stores.close()


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (
            LibraryFacts("reprise-99", 256, 1.0),
            f"made with {NAME}, this program has reprise-99, whose vectors are others; ingest its videos again",
        ),
        (LibraryFacts(NAME, 256, 2.0), "made at 1 frames a second, not 2; give --fps 1"),
    ],
)
def test_vectors_made_otherwise_do_not_belong_into_a_library(wanted: LibraryFacts, told: str) -> None:
    with pytest.raises(LibraryMismatchError, match=told):
        FACTS.check(wanted, "library")


@pytest.mark.parametrize(
    ("model", "wanted", "told"),
    [
        (NAME, "isc", "made with model reprise, not with isc; leave --model out"),
        ("isc@0123456789ab", "reprise", "made with model isc, not with reprise; leave --model out"),
        ("other-3", None, "made with model other-3, which this program does not have"),
    ],
)
def test_a_library_of_another_network_is_named(model: str, wanted: str | None, told: str) -> None:
    with pytest.raises(LibraryMismatchError, match=told):
        LibraryFacts(model, 256, 1.0).check_model(name_of(model), wanted, "library")


def test_a_library_of_the_same_network_with_other_weights_asks_for_those() -> None:
    wanted = LibraryFacts("isc@ba9876543210", 256, 1.0)
    with pytest.raises(
        LibraryMismatchError, match=r"made with isc@0123456789ab, the weights given are isc@ba98.*--weights"
    ):
        LibraryFacts("isc@0123456789ab", 256, 1.0).check(wanted, "library")


def test_an_address_where_no_server_listens_is_named() -> None:
    with pytest.raises(StoreError, match=r"http://127\.0\.0\.1:9: no Milvus server answers there"):
        opened("http://127.0.0.1:9")


def test_leveldb_never_holds_a_pickle(tmp_path: Path) -> None:
    store = open_leveldb(tmp_path / "db")
    store.put("array", np.ones((2, 2), np.float32))
    with pytest.raises(ValueError, match="cannot be stored"):
        store.put("objects", np.array([object()], dtype=object))
    close_leveldb(tmp_path / "db")
    raw = plyvel.DB(str(tmp_path / "db"))
    assert raw.get(b"array")[:4] == b"RPVM"
    raw.close()
