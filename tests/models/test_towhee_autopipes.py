"""Towhee's own built-in pipelines, video_embedding and video_copy_detection, unchanged, offline, on ISC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from footage import footage
from pymilvus import DataType, MilvusClient
from towhee import AutoConfig, AutoPipes

from reprise.registration import register_all
from reprise.stores.connections import disconnect
from reprise.stores.leveldb import open_leveldb

COLLECTION = "video_deduplication"
IMG_SIZE = 64  # ISC is convolutional throughout: at 512 pixels a frame would cost half a second


@pytest.fixture
def collection(milvus_server: str) -> Iterator[str]:
    """A collection as Towhee's notebook makes it: automatic id, path, embedding."""
    client = MilvusClient(milvus_server)
    schema = client.create_schema(auto_id=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("path", DataType.VARCHAR, max_length=500)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=256)
    index = client.prepare_index_params()
    index.add_index("embedding", index_type="FLAT", metric_type="IP")
    client.create_collection(COLLECTION, schema=schema, index_params=index, consistency_level="Strong")
    yield COLLECTION
    client.drop_collection(COLLECTION)
    client.close()
    disconnect(milvus_server)


@pytest.mark.server
@pytest.mark.usefixtures("stored_exports")
def test_towhees_own_pipelines_find_a_copy(
    milvus_server: str,
    collection: str,
    checkpoint: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    register_all()
    monkeypatch.setenv("REPRISE_WEIGHTS", str(checkpoint("isc").parent))
    host, port = milvus_server.removeprefix("http://").split(":")
    leveldb = str(tmp_path / "url_vec.db")
    videos = [str(footage(tmp_path / f"{seed}.mp4", range(8), seed=seed)) for seed in range(2)]
    copy = str(footage(tmp_path / "copy.mp4", range(2, 7), seed=1))

    def configured(name: str) -> object:
        config = AutoConfig.load_config(name)
        config.img_size = IMG_SIZE
        config.milvus_host, config.milvus_port, config.collection = host, port, collection
        config.leveldb_path = leveldb
        return config

    insert = AutoPipes.pipeline("video_embedding", configured("video_embedding"))
    for path in videos:
        insert(path)
    stored = open_leveldb(Path(leveldb)).get_array(videos[1])
    assert stored is not None
    assert stored.shape == (8, 256)

    detect = AutoPipes.pipeline("video_copy_detection", configured("video_copy_detection"))
    answer = detect(copy)
    found = {}
    while answer.size:
        asked, candidate, segments, scores = answer.get()
        assert asked == copy
        found[candidate] = list(zip(segments, scores, strict=True))
    # Frames 0 to 4 of the copy are frames 2 to 6 of its original; the Hub's operator counts the last frame in.
    box, score = max(found[videos[1]], key=lambda segment: segment[1])
    assert box == [0, 2, 4, 6]
    assert score > 1
