"""Pipelines written for Towhee's Hub run unchanged on Reprise's operators, offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from footage import footage
from numpy.typing import NDArray
from pymilvus import DataType, MilvusClient
from towhee import ops, pipe
from towhee.runtime.operator_manager import OperatorRegistry

import reprise
from reprise.descriptor import NAME
from reprise.pipelines.ingest import ingest_pipeline
from reprise.registration import OPERATORS
from reprise.running import run
from reprise.settings import EmbedSettings
from reprise.stores.connections import connect, disconnect
from reprise.stores.frames import FrameStore, LibraryFacts
from reprise.stores.leveldb import open_leveldb
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("videos")
    return [str(footage(folder / f"{seed}.mp4", range(10), seed=seed)) for seed in range(3)]


@pytest.fixture
def collection(milvus_server: str) -> Iterator[str]:
    """The collection that the public notebook makes: automatic id, path, embedding; IVF_FLAT, inner product."""
    client = MilvusClient(milvus_server)
    schema = client.create_schema(auto_id=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("path", DataType.VARCHAR, max_length=500)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=256)
    index = client.prepare_index_params()
    index.add_index("embedding", index_type="IVF_FLAT", metric_type="IP", params={"nlist": 1})
    client.create_collection("video_deduplication", schema=schema, index_params=index, consistency_level="Strong")
    yield "video_deduplication"
    client.drop_collection("video_deduplication")
    client.close()
    disconnect(milvus_server)


def merge_ndarray(rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate(rows).reshape(-1, rows[0].shape[0])


def test_importing_reprise_registers_every_operator_under_its_hub_name() -> None:
    assert reprise.Library
    for name in OPERATORS:
        assert OperatorRegistry.resolve(name.replace(".", "/").replace("_", "-")) is not None, name


@pytest.mark.server
def test_the_public_notebooks_insert_and_query_pipelines_run_with_only_the_embedding_operator_changed(
    milvus_server: str, collection: str, videos: list[str], tmp_path: Path
) -> None:
    host, port = milvus_server.removeprefix("http://").split(":")
    leveldb = str(tmp_path / "url_vec.db")
    insert = (
        pipe.input("url")
        .map("url", "id", lambda x: x)
        .flat_map("url", "frames", ops.video_decode.ffmpeg(sample_type="time_step_sample", args={"time_step": 1}))
        .map("frames", "emb", ops.image_embedding.reprise())
        .map("emb", "emb", ops.towhee.np_normalize())
        .map(
            ("id", "emb"),
            "insert_res",
            ops.ann_insert.milvus_client(host=host, port=port, collection_name=collection),
        )
        .window_all("emb", "video_emb", merge_ndarray)
        .map(("url", "video_emb"), "url_vec_status", ops.kvstorage.insert_leveldb(leveldb))
        .output()
    )
    for path in videos:
        insert(path)

    query = (
        pipe.input("url")
        .map("url", "id", lambda x: x)
        .flat_map("url", "frames", ops.video_decode.ffmpeg(sample_type="time_step_sample", args={"time_step": 1}))
        .map("frames", "emb", ops.image_embedding.reprise())
        .map("emb", "emb", ops.towhee.np_normalize())
        .flat_map(
            "emb",
            "res",
            ops.ann_search.milvus_client(
                host=host,
                port=port,
                limit=64,
                collection_name=collection,
                output_fields=["path"],
                metric_type="IP",
            ),
        )
        .window_all("res", ("ret", "score"), lambda x: ([i[2] for i in x], [i[1] for i in x]))
        .flat_map(
            ("ret", "score"),
            "candidates",
            ops.video_copy_detection.select_video(top_k=5, reduce_function="sum", reverse=True),
        )
        .window_all("emb", "video_emb", merge_ndarray)
        .map("candidates", "retrieved_emb", ops.kvstorage.from_leveldb(leveldb, True))
        .map(
            ("video_emb", "retrieved_emb"),
            ("similar_segment", "segment_score"),
            ops.video_copy_detection.temporal_network(min_length=1),
        )
        .output("id", "candidates", "similar_segment", "segment_score")
    )
    answer = query(videos[1])
    found = {}
    while answer.size:
        asked, candidate, segments, scores = answer.get()
        assert asked == videos[1]
        found[candidate] = list(zip(segments, scores, strict=True))
    assert set(found) == set(videos)
    # Frames 0 to 9 of a video are itself; the Hub's operator counts the last frame in, and its score exceeds 1.
    box, score = found[videos[1]][0]
    assert box == [0, 0, 9, 9]
    assert score == pytest.approx(10 / 9, abs=1e-3)


def test_the_whole_ingest_chain_stores_what_the_library_stores(videos: list[str], tmp_path: Path) -> None:
    stores = LibraryStores(Place.of(tmp_path / "library"), create=LibraryFacts(NAME, 256, 1.0))
    chain = ingest_pipeline(
        EmbedSettings(), milvus_uri=stores.place.milvus_uri, matrices_path=str(stores.place.matrices)
    )
    times_s, matrix = run(chain, "some-id", videos[0])
    assert times_s.tolist() == [float(second) for second in range(10)]
    assert matrix.shape == (10, 256)
    assert np.array_equal(open_leveldb(stores.place.matrices).get_array("some-id"), matrix)  # type: ignore[arg-type]
    assert np.allclose(FrameStore(connect(stores.place.milvus_uri)).matrix("some-id"), matrix)  # type: ignore[arg-type]
    stores.close()


def test_hits_of_a_batch_are_the_hits_of_its_vectors(tmp_path: Path, videos: list[str]) -> None:
    with reprise.open(tmp_path / "library") as library:
        library.ingest(videos)
        uri = Place.of(tmp_path / "library").milvus_uri
        search = ops.ann_search.milvus_client(
            uri=uri, collection_name="frames", limit=4, output_fields=["video_id"], metric_type="IP"
        )
        vectors = np.random.default_rng(0).standard_normal((3, 256)).astype(np.float32)
        batch = search(vectors)
        assert [len(hits) for hits in batch] == [4, 4, 4]
        for vector, hits in zip(vectors, batch, strict=True):
            alone = search(vector)
            assert [hit[0] for hit in alone] == [hit[0] for hit in hits]
            assert [hit[1] for hit in hits] == sorted((hit[1] for hit in hits), reverse=True)


def test_normalised_vectors_have_length_one_and_zeros_stay_zeros() -> None:
    normalise = ops.towhee.np_normalize()
    assert normalise(np.array([3.0, 4.0])).tolist() == pytest.approx([0.6, 0.8])
    assert normalise(np.array([[0.0, 0.0], [0.0, 2.0]])).tolist() == [[0.0, 0.0], [0.0, 1.0]]


def test_an_operators_error_arrives_with_its_kind_and_its_line() -> None:
    chain = pipe.input("path").flat_map("path", "frame", ops.video_decode.ffmpeg()).output("frame")
    with pytest.raises(reprise.errors.MissingVideoError) as error:
        run(chain, "/no/such/video.mp4")
    assert str(error.value) == "/no/such/video.mp4: no such file; it was moved, deleted or mistyped"


def test_a_fault_that_no_one_foresaw_is_one_line_too() -> None:
    def divide(number: int) -> float:
        return 1 / number

    chain = pipe.input("number").map("number", "quotient", divide).output("quotient")
    with pytest.raises(reprise.ReprisError, match=r"unexpected fault.*ZeroDivisionError"):
        run(chain, 0)
