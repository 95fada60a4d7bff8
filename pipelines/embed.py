"""A video's frames to its matrix: decode, then embed in batches."""

from __future__ import annotations

from typing import Any

import numpy as np
from towhee import ops, pipe

from reprise.decoding.picture import Size
from reprise.descriptor import BATCH_FRAMES
from reprise.settings import EmbedSettings
from reprise.views import MAX_REGIONS, gathered


def decode_and_embed(
    videos: Any,
    settings: EmbedSettings,
    *,
    video_path: str = "video_path",
    times_s: str = "times_s",
    matrix: str = "matrix",
) -> Any:
    """The chain `videos`, carried on from column `video_path` to `times_s` [frames] and `matrix` [frames, dim]."""
    decode = decoder(settings, settings.picture_size)
    embed = embedder(settings)
    return (
        videos.flat_map(video_path, ("frame", "time_s"), decode)
        .window("frame", "embeddings", BATCH_FRAMES, BATCH_FRAMES, embed)
        .window_all("embeddings", matrix, np.concatenate)
        .window_all("time_s", times_s, np.array)
    )


def decode_and_embed_views(
    videos: Any, settings: EmbedSettings, *, video_path: str = "video_path", times_s: str = "times_s"
) -> Any:
    """As `decode_and_embed`, for a query: to `times_s`, `matrix`, `views` [views, dim] and `frame_of` [views]."""
    decode = decoder(settings, settings.query_picture_size)
    embed = embedder(settings, max_regions=MAX_REGIONS)
    return (
        videos.flat_map(video_path, ("frame", "time_s"), decode)
        .window("frame", "embeddings", BATCH_FRAMES, BATCH_FRAMES, embed)
        .window_all("embeddings", ("matrix", "views", "frame_of"), gathered)
        .window_all("time_s", times_s, np.array)
    )


def decode_and_embed_regions(videos: Any, settings: EmbedSettings) -> Any:
    """As `decode_and_embed`, with a matrix [frames, regions, dim]."""
    decode = decoder(settings, settings.region_picture_size)
    is_its_own = settings.network.regions > 1
    embed = ops.video_embedding.visil if is_its_own else ops.video_embedding.regions
    vectors = embed(model=settings.model, weights=settings.weights, device=settings.device)
    return (
        videos.flat_map("video_path", ("frame", "time_s"), decode)
        .window("frame", "embeddings", BATCH_FRAMES, BATCH_FRAMES, vectors)
        .window_all("embeddings", "matrix", np.concatenate)
        .window_all("time_s", "times_s", np.array)
    )


def decode_and_embed_video(videos: Any, settings: EmbedSettings) -> Any:
    """As `decode_and_embed`, with a matrix [1, dim]: the video's one vector, from its key frames."""
    decode = decoder(settings, settings.picture_size)
    embed = ops.video_embedding.keyframe_max(model=settings.model, weights=settings.weights, device=settings.device)
    return (
        videos.flat_map("video_path", ("frame", "time_s"), decode)
        .window_all("frame", "vector", embed)
        .window_all("time_s", "times_s", np.array)
        .map("vector", "matrix", np.atleast_2d)
    )


def decoder(settings: EmbedSettings, size: Size) -> Any:
    """The decoding operator of these settings, in a process of its own."""
    return ops.video_decode.ffmpeg(fps=settings.fps, size=size, threads=settings.threads, limits=settings.limits)


def embedder(settings: EmbedSettings, *, max_regions: int = 0, modality: str | None = None) -> Any:
    """The embedding operator of these settings, for a chain; `modality` "text" for the text tower of one with two."""
    folder, name = settings.network.operator.split(".")
    operator = getattr(getattr(ops, folder), name)
    arguments: dict[str, Any] = {**dict(settings.network.arguments), "device": settings.device}
    if settings.network.weights:
        arguments["weights"] = settings.weights
    if modality is not None:
        return operator(**arguments, modality=modality)
    return operator(**arguments, max_regions=max_regions)


def embed_pipeline(settings: EmbedSettings) -> Any:
    """video_path -> times_s, matrix: [frames, dim], or as `settings.vectors_of` says."""
    if settings.in_regions:
        embed = decode_and_embed_regions
    else:
        embed = decode_and_embed_video if settings.vectors_of == "video" else decode_and_embed
    return embed(pipe.input("video_path"), settings).output("times_s", "matrix")


def embed_views_pipeline(settings: EmbedSettings) -> Any:
    """video_path -> times_s, matrix, views, frame_of: what a query needs of its video."""
    return decode_and_embed_views(pipe.input("video_path"), settings).output("times_s", "matrix", "views", "frame_of")
