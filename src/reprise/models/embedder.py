"""Frames to embeddings by a network of torch: prepared, run in batches, normalised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from reprise.errors import ReprisError
from reprise.models.backends import Runner
from reprise.models.preprocessing import Prepare


class NetworkEmbedder:
    """As `reprise.models.loading.FrameEmbedder`, with what a network gives before it is normalised.

    prepare: frames to what the network takes. shape: (height, width) of that.
    """

    def __init__(self, run: Runner, prepare: Prepare, shape: tuple[int, int]) -> None:
        self._run = run
        self._prepare = prepare
        self._shape = shape

    @property
    def dimension(self) -> int:
        """Numbers in an embedding."""
        return self._run.dimension

    @property
    def backend(self) -> str:
        """What runs the network: its class in reprise.models.backends."""
        return type(self._run).__name__

    @property
    def batch_frames(self) -> int:
        """As many frames as it should be given at once."""
        return self._run.batch_frames

    def prepared(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """RGB frames, at least one, as the network wants them: [frames, 3, height, width] float32."""
        return self._prepare(frames)

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Embeddings of RGB frames, each [height, width, 3] uint8 of any size.

        Returns [frames, dimension] float32, rows L2-normalised; [0, dimension] for no frames.
        Raises ReprisError for arrays that are no such frames.
        """
        return normalised(self.features(frames))

    def features(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """As a call, but as long as the network gives them."""
        found = np.zeros((len(frames), self.dimension), np.float32)
        for batch in self._batches(len(frames)):
            found[batch] = self._run(self._prepare(frames[batch]))
        return found

    def prepared_features(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `features`, of pictures [n, 3, height, width] float32 that are prepared as the network wants them.

        Raises ReprisError for pictures of another size than the network's own.
        """
        if pictures.dtype != np.float32 or pictures.shape[1:] != (3, *self._shape):
            raise ReprisError(
                f"a prepared picture must be {[3, *self._shape]} float32, not {list(pictures.shape[1:])} "
                f"{pictures.dtype}"
            )
        found = np.zeros((len(pictures), self.dimension), np.float32)
        for batch in self._batches(len(pictures)):
            found[batch] = self._run(np.ascontiguousarray(pictures[batch]))
        return found

    def _batches(self, count: int) -> Iterator[slice]:
        step = self._run.batch_frames
        return (slice(start, start + step) for start in range(0, count, step))


def normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows divided by their lengths; rows of zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.float32(1e-12)), np.float32)
