"""A text or a picture against the library: embed, search the nearest frames, fetch their videos, smooth, cluster."""

from __future__ import annotations

from functools import partial
from typing import Any

from towhee import ops, pipe

from reprise.pipelines.embed import embedder
from reprise.semantic import best_clips, scored
from reprise.settings import EmbedSettings, SearchSettings
from reprise.stores.frames import FRAMES, METRIC


def search_pipeline(
    embedding: EmbedSettings,
    settings: SearchSettings,
    *,
    is_text: bool,
    nearest: int,
    where: str,
    milvus_uri: str,
    matrices_path: str,
    search_params: dict[str, int],
) -> Any:
    """text or picture_path -> videos (ids), scores, clips and rows (by id); scores[i] are those of video i.

    `nearest` frames are searched, of those that the Milvus expression `where` names, and as many form the clips.
    """
    embedded = embed_text(embedding) if is_text else embed_picture(embedding)
    search = ops.ann_search.milvus_client(
        uri=milvus_uri,
        collection_name=FRAMES,
        limit=nearest,
        output_fields=["video_id"],
        metric_type=METRIC,
        expr=where,
        **search_params,
    )
    return (
        embedded.map("vector", "hits", search)
        .map("hits", "videos", _videos)
        .map("videos", "matrices", ops.kvstorage.from_leveldb(path=matrices_path, is_ndarray=True))
        .map(("videos", "matrices"), ("matrices", "rows"), ops.kvstorage.match_rows(uri=milvus_uri))
        .map(("vector", "matrices"), "scores", partial(scored, kernel=settings.kernel))
        .map("scores", "clips", partial(best_clips, hits=nearest, fps=embedding.fps))
        .output("videos", "scores", "clips", "rows")
    )


def embed_text(settings: EmbedSettings) -> Any:
    """query -> vector [dim]: by the text tower of the network."""
    return pipe.input("query").map("query", "vector", embedder(settings, modality="text"))


def embed_picture(settings: EmbedSettings) -> Any:
    """query -> vector [dim]: the picture decoded as the library's frames were, then embedded as they were."""
    decode = ops.image_decode.cv2_rgb(size=settings.picture_size, limits=settings.limits)
    return pipe.input("query").map("query", "picture", decode).map("picture", "vector", embedder(settings))


def _videos(hits: list[list[Any]]) -> list[str]:
    """The videos of hits `[frame id, score, video id]`, each once, in the order of their first hits."""
    return list(dict.fromkeys(hit[2] for hit in hits))
