"""A video against the library: decode, embed, search all frames, vote, fetch the candidates' matrices, align."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from towhee import ops, pipe

from reprise.pipelines.embed import decode_and_embed_views
from reprise.settings import EmbedSettings, QuerySettings
from reprise.stores.frames import FRAMES, METRIC
from reprise.voting import weighted_votes

Matrices = list[NDArray[np.float32] | None]  # [frames, dim] each; None for one that is gone
Silenced = Callable[[Matrices], Matrices]
# What is waited for before the candidates' rows are read: it gives the candidates as they are.
CaughtUp = Callable[[list[str]], list[str]]


def query_pipeline(
    embedding: EmbedSettings,
    settings: QuerySettings,
    *,
    milvus_uri: str,
    matrices_path: str,
    search_params: dict[str, int],
    caught_up: CaughtUp | None = None,
) -> Any:
    """video_path -> times_s, matrix, candidates, segments, rows.

    segments[i] are those of candidate i, in frames; rows holds the VideoRow of each candidate that is in the library.
    """
    embedded = decode_and_embed_views(pipe.input("video_path"), embedding)
    voted = search_and_vote(embedded, settings, milvus_uri=milvus_uri, search_params=search_params)
    return fetch_and_align(
        voted,
        settings,
        milvus_uri=milvus_uri,
        matrices_path=matrices_path,
        fps=embedding.fps,
        caught_up=caught_up,
    ).output("times_s", "matrix", "candidates", "segments", "rows")


def embedded_query_pipeline(
    settings: QuerySettings,
    *,
    milvus_uri: str,
    matrices_path: str,
    search_params: dict[str, int],
    fps: float,
    silenced: Silenced | None = None,
    caught_up: CaughtUp | None = None,
) -> Any:
    """views, frame_of -> candidates, segments, rows: the second half, for queries that were embedded elsewhere.

    `silenced` gives the candidates' matrices as they are aligned: see reprise.ignoring.
    """
    voted = search_and_vote(
        pipe.input("views", "frame_of"), settings, milvus_uri=milvus_uri, search_params=search_params
    )
    return fetch_and_align(
        voted,
        settings,
        milvus_uri=milvus_uri,
        matrices_path=matrices_path,
        fps=fps,
        silenced=silenced,
        caught_up=caught_up,
    ).output("candidates", "segments", "rows")


def candidates_pipeline(settings: QuerySettings, *, milvus_uri: str, search_params: dict[str, int]) -> Any:
    """views, frame_of -> candidates: the videos that the frames vote for, best first."""
    return search_and_vote(
        pipe.input("views", "frame_of"), settings, milvus_uri=milvus_uri, search_params=search_params
    ).output("candidates")


def search_and_vote(queries: Any, settings: QuerySettings, *, milvus_uri: str, search_params: dict[str, int]) -> Any:
    """The chain `queries` with columns views and frame_of, carried on to `candidates`."""
    search = ops.ann_search.milvus_client(
        uri=milvus_uri,
        collection_name=FRAMES,
        limit=settings.hits_per_frame,
        output_fields=["video_id"],
        metric_type=METRIC,
        **search_params,
    )
    select = ops.video_copy_detection.select_video(top_k=settings.top_k, reduce_function="sum", reverse=True)
    return (
        queries.map("views", "hits", search)
        .map(("hits", "frame_of"), ("videos", "votes"), weighted_votes)
        .map(("videos", "votes"), "candidates", select)
    )


def fetch_and_align(
    voted: Any,
    settings: QuerySettings,
    *,
    milvus_uri: str,
    matrices_path: str,
    fps: float,
    silenced: Silenced | None = None,
    caught_up: CaughtUp | None = None,
) -> Any:
    """The chain `voted` with columns views, frame_of and candidates, carried on to `segments` and `rows`."""
    fetch = ops.kvstorage.from_leveldb(path=matrices_path, is_ndarray=True)
    match = ops.kvstorage.match_rows(uri=milvus_uri, at_once=caught_up is not None)
    if caught_up is not None:
        voted = voted.map("candidates", "candidates", caught_up)
    fetched = voted.map("candidates", "matrices", fetch).map(("candidates", "matrices"), ("matrices", "rows"), match)
    if silenced is not None:
        fetched = fetched.map("matrices", "matrices", silenced)
    return fetched.map(("views", "matrices", "frame_of"), "segments", align(settings, fps))


def align(settings: QuerySettings, fps: float) -> Any:
    """The aligning step with its lengths in frames."""
    return ops.video_copy_detection.align(
        aligner=settings.aligner, min_score=settings.least_score, **settings.aligner_parameters(fps)
    )
