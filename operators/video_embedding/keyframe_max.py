"""`ops.video_embedding.keyframe_max`: one vector of a whole video, from its key frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.errors import ReprisError, SettingsError
from reprise.keyframes import MIN_FRAMES, THRESHOLD, colour_histogram, key_frames, max_pooled
from reprise.models.catalogue import network
from reprise.models.loading import load


@register(name="video_embedding/keyframe_max")
class KeyframeMax:
    """All frames of a video, [n, height, width, 3] uint8 RGB or a list of frames, to [dim] float32, L2-normalised.

    Key frames are where the colours change (see reprise.keyframes); their embeddings by `model` are pooled by the
    largest of each number.

    model            one of reprise.models.catalogue, with `weights`, `device` and `threads` as for other operators
    threshold        Bhattacharyya distance of adjacent frames' histograms, 0 to 1, above which the second counts
    min_frames       at least so many frames are embedded, where the video has them

    Raises SettingsError, or a reprise.ModelError if the network cannot be loaded; ReprisError for no frames.
    """

    def __init__(
        self,
        model: str = "resnet50",
        *,
        weights: str | None = None,
        device: str = "auto",
        threads: int = 1,
        threshold: float = THRESHOLD,
        min_frames: int = MIN_FRAMES,
    ) -> None:
        if not 0 <= threshold <= 1:
            raise SettingsError(f"threshold must be from 0 to 1, not {threshold:g}")
        if min_frames < 1:
            raise SettingsError(f"min_frames must be at least 1, not {min_frames}")
        self._embed = load(network(model), weights=weights, device=device, threads=threads)
        self._threshold, self._min_frames = threshold, min_frames

    def __call__(self, frames: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        pictures = [np.asarray(frame) for frame in frames]
        if not pictures:
            raise ReprisError("a video with no frame has no vector; give at least one frame")
        histograms = [colour_histogram(picture) for picture in pictures]
        chosen = key_frames(histograms, threshold=self._threshold, min_frames=self._min_frames)
        return max_pooled(self._embed([pictures[index] for index in chosen]))
