"""The matrices of a library's videos for a run over all of them: what counts in them, held within bounds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from reprise.ignoring import IgnoredFrames
from reprise.models.loading import FrameEmbedder

Floats = NDArray[np.float32]
MatrixOf = Callable[[str], Floats | None]

FLAT_SIMILARITY = 0.9  # with the picture of one colour, from which a frame shows next to nothing
_COLOURS = (0, 128, 255)  # grey levels; the built-in network sees all colours as one
HELD_BYTES = 512 << 20


def flat_vectors(embed: FrameEmbedder) -> Floats:
    """[n, dim] what the network makes of frames of one colour."""
    return embed([np.full((64, 64, 3), level, np.uint8) for level in _COLOURS])


class CountingFrames:
    """The frames of videos that count, by video id.

    Flat frames are like all other flat frames, which says nothing of what was copied: they become 0, as in a query.
    So do those on the library's ignore list.
    """

    def __init__(
        self,
        matrix_of: MatrixOf,
        flat: Floats,
        *,
        ignored: IgnoredFrames | None = None,
        held_bytes: int = HELD_BYTES,
    ) -> None:
        """`matrix_of(id)` gives a video matrix [frames, dim], or None; `flat`: [n, dim] vectors of flat frames."""
        self._matrix_of, self._flat, self._ignored = matrix_of, flat, ignored
        self._most, self._held = held_bytes, 0
        self._cache: OrderedDict[str, Floats] = OrderedDict()
        self.loaded = 0  # matrices

    def read(self, video_id: str) -> Floats | None:
        """[frames, dim] float32, rows L2-normalised or 0; None where the library has no matrix. Not held."""
        self.loaded += 1
        matrix = self._matrix_of(video_id)
        if matrix is None or not len(matrix):
            return None
        if self._ignored is not None:
            matrix = self._ignored.silenced(matrix)
        if not len(self._flat):
            return matrix
        counts = (matrix @ self._flat.T).max(axis=1) < FLAT_SIMILARITY
        return matrix if counts.all() else matrix * counts[:, None]

    def of(self, video_id: str) -> Floats | None:
        """As `read`, and held for the next time, as far as there is room."""
        if video_id in self._cache:
            self._cache.move_to_end(video_id)
            return self._cache[video_id]
        matrix = self.read(video_id)
        if matrix is not None:
            self._cache[video_id] = matrix
            self._held += matrix.nbytes
            while self._held > self._most and len(self._cache) > 1:
                self._held -= self._cache.popitem(last=False)[1].nbytes
        return matrix
