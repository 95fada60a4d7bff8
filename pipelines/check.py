"""A video that is checked: decoded once, for what a query needs of it and for what a library stores of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from towhee import pipe

from reprise.blank import is_blank
from reprise.descriptor import BATCH_FRAMES
from reprise.pipelines.embed import decoder, embedder
from reprise.settings import EmbedSettings
from reprise.views import MAX_REGIONS, gathered


def check_pipeline(settings: EmbedSettings) -> Any:
    """video_path -> times_s [frames], matrix [frames, dim], views [views, dim], frame_of [views].

    `views` and `frame_of` are a query's; `matrix` is that of an ingest, in which blank frames have their vectors too.
    """
    decode = decoder(settings, settings.query_picture_size)
    return (
        pipe.input("video_path")
        .flat_map("video_path", ("frame", "time_s"), decode)
        .window("frame", "embeddings", BATCH_FRAMES, BATCH_FRAMES, embedder(settings, max_regions=MAX_REGIONS))
        .window("frame", "blank_frames", BATCH_FRAMES, BATCH_FRAMES, _blank)
        .map("blank_frames", "blank_embeddings", embedder(settings))
        .window_all("embeddings", ("seen", "views", "frame_of"), gathered)
        .window_all("blank_embeddings", "blank", np.concatenate)
        .window_all("time_s", "times_s", np.array)
        .map(("seen", "blank"), "matrix", _completed)
        .output("times_s", "matrix", "views", "frame_of")
    )


def _blank(frames: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    # Queries have no vector for them (see reprise.blank), libraries do.
    return [np.asarray(frame) for frame in frames if is_blank(np.asarray(frame))]


def _completed(seen: NDArray[np.float32], blank: NDArray[np.float32]) -> NDArray[np.float32]:
    """`seen` [frames, dim] with its rows of zeros replaced by the rows of `blank`, in order."""
    matrix = seen.copy()
    matrix[~np.any(seen, axis=1)] = blank
    return matrix
