"""A video into the library: decode, embed in batches, frame vectors to Milvus, the video matrix to LevelDB."""

from __future__ import annotations

from typing import Any

from towhee import ops, pipe

from reprise.pipelines.embed import decode_and_embed
from reprise.settings import EmbedSettings
from reprise.stores.frames import FRAMES, frame_ids


def store(videos: Any, *, milvus_uri: str, matrices_path: str) -> Any:
    """The chain `videos` with columns video_id, times_s and matrix, carried on into both stores."""
    insert_matrix = ops.kvstorage.insert_leveldb(path=matrices_path)
    stored = store_frames(videos, milvus_uri=milvus_uri)
    return stored.map(("video_id", "matrix"), "matrix_stored", insert_matrix)


def store_frames(videos: Any, *, milvus_uri: str) -> Any:
    """The chain `videos` with columns video_id, times_s and matrix, carried on into Milvus."""
    # Nobody else writes to an embedded library, and what a video had there was taken out.
    insert_frames = ops.ann_insert.milvus_client(uri=milvus_uri, collection_name=FRAMES, replace="://" in milvus_uri)
    return videos.map(("video_id", "times_s"), ("frame_ids", "frame_indices"), _frame_ids).map(
        ("frame_ids", "video_id", "frame_indices", "times_s", "matrix"), "frames_stored", insert_frames
    )


def ingest_pipeline(settings: EmbedSettings, *, milvus_uri: str, matrices_path: str) -> Any:
    """video_id, video_path -> times_s, matrix; both stores hold the video afterwards."""
    embedded = decode_and_embed(pipe.input("video_id", "video_path"), settings)
    return store(embedded, milvus_uri=milvus_uri, matrices_path=matrices_path).output("times_s", "matrix")


def store_pipeline(*, milvus_uri: str) -> Any:
    """video_id, times_s, matrix -> frames_stored: for videos that were embedded elsewhere, whose matrix the library
    has in LevelDB already, with what it needs to finish this after a crash.
    """
    embedded = pipe.input("video_id", "times_s", "matrix")
    return store_frames(embedded, milvus_uri=milvus_uri).output("frames_stored")


def _frame_ids(video_id: str, times_s: Any) -> tuple[list[str], list[int]]:
    return frame_ids(video_id, len(times_s))
