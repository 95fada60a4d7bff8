"""A video against the library: decode, embed, search all frames, vote, fetch the candidates' matrices, align."""

from __future__ import annotations

from typing import Any

from towhee import ops, pipe

from reprise.pipelines.embed import decode_and_embed_views
from reprise.settings import EmbedSettings, QuerySettings
from reprise.stores.frames import FRAMES, METRIC
from reprise.voting import weighted_votes


def query_pipeline(
    embedding: EmbedSettings,
    settings: QuerySettings,
    *,
    milvus_uri: str,
    matrices_path: str,
    search_params: dict[str, int],
) -> Any:
    """video_path -> times_s, matrix, candidates, segments; segments[i] are those of candidate i, in frames."""
    search = ops.ann_search.milvus_client(
        uri=milvus_uri,
        collection_name=FRAMES,
        limit=settings.hits_per_frame,
        output_fields=["video_id"],
        metric_type=METRIC,
        **search_params,
    )
    select = ops.video_copy_detection.select_video(top_k=settings.top_k, reduce_function="sum", reverse=True)
    fetch = ops.kvstorage.from_leveldb(path=matrices_path, is_ndarray=True)
    fill = ops.kvstorage.fill_from_milvus(uri=milvus_uri)
    return (
        decode_and_embed_views(pipe.input("video_path"), embedding)
        .map("views", "hits", search)
        .map(("hits", "frame_of"), ("videos", "votes"), weighted_votes)
        .map(("videos", "votes"), "candidates", select)
        .map("candidates", "matrices", fetch)
        .map(("candidates", "matrices"), "matrices", fill)
        .map(("views", "matrices", "frame_of"), "segments", align(settings, embedding.fps))
        .output("times_s", "matrix", "candidates", "segments")
    )


def align(settings: QuerySettings, fps: float) -> Any:
    """The aligning step with its lengths in frames."""
    return ops.video_copy_detection.align(
        aligner=settings.aligner, min_score=settings.min_score, **settings.aligner_parameters(fps)
    )
