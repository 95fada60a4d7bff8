"""A video that is checked: decoded once, for what a query needs of it and for what a library stores of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from towhee import ops, pipe

from reprise.descriptor import BATCH_FRAMES
from reprise.pipelines.embed import embedder
from reprise.settings import EmbedSettings
from reprise.views import MAX_REGIONS, gathered, is_flat


def check_pipeline(settings: EmbedSettings) -> Any:
    """video_path -> times_s [frames], matrix [frames, dim], views [views, dim], frame_of [views].

    `views` and `frame_of` are a query's; `matrix` is that of an ingest, in which flat frames have their vectors too.
    """
    decode = ops.video_decode.ffmpeg(fps=settings.fps, size=settings.query_picture_size, threads=settings.threads)
    return (
        pipe.input("video_path")
        .flat_map("video_path", ("frame", "time_s"), decode)
        .window("frame", "embeddings", BATCH_FRAMES, BATCH_FRAMES, embedder(settings, max_regions=MAX_REGIONS))
        .window("frame", "flat_frames", BATCH_FRAMES, BATCH_FRAMES, _flat)
        .map("flat_frames", "flat_embeddings", embedder(settings))
        .window_all("embeddings", ("seen", "views", "frame_of"), gathered)
        .window_all("flat_embeddings", "flat", np.concatenate)
        .window_all("time_s", "times_s", np.array)
        .map(("seen", "flat"), "matrix", _completed)
        .output("times_s", "matrix", "views", "frame_of")
    )


def _flat(frames: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    # Queries have no vector for them (see reprise.views), libraries do.
    return [np.asarray(frame) for frame in frames if is_flat(np.asarray(frame))]


def _completed(seen: NDArray[np.float32], flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """`seen` [frames, dim] with its rows of zeros replaced by the rows of `flat`, in order."""
    matrix = seen.copy()
    matrix[~np.any(seen, axis=1)] = flat
    return matrix
