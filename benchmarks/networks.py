"""Descriptors that are networks: the built-in one, and others from ONNX files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photometric_edits import Rgb
from reprise.decoding.picture import resized
from reprise.descriptor import NAME, Descriptor

BATCH_FRAMES = 32
USUAL_PICTURE_SIDE = 128  # pixels, for weights whose input has no fixed size


class Embedder(Protocol):
    """Frames, [h, w, 3] uint8 RGB each, to [frames, dim] float32 rows whose inner product is their score."""

    @property
    def name(self) -> str: ...

    def __call__(self, frames: Sequence[Rgb]) -> NDArray[np.float32]: ...


class BuiltIn:
    """The descriptor that Reprise comes with, as it runs in every command."""

    name = NAME

    def __init__(self) -> None:
        self._describe = Descriptor("cpu", threads=1)

    def __call__(self, frames: Sequence[Rgb]) -> NDArray[np.float32]:
        return self._describe(frames)


class OnnxNetwork:
    """Weights from a file: of the form that ships, or of that of `reprise-0`.

    The one has the input `frames`, [n, height, width, 3] uint8 RGB, and the output `embeddings`; the other `bgr`,
    [n, 3, height, width] float32 of 0 to 255, and `emb`. `picture_side` overrides the size that the file gives its
    input, where the file leaves it open.
    """

    def __init__(self, weights: Path, picture_side: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        taken = self._session.get_inputs()[0]
        self._input = taken.name
        sides = taken.shape[1:3] if self._input == "frames" else taken.shape[2:]
        fixed = [side for side in sides if isinstance(side, int)]
        height, width = fixed if len(fixed) == 2 else (USUAL_PICTURE_SIDE, USUAL_PICTURE_SIDE)
        self._size = (picture_side or width, picture_side or height)
        self.name = weights.stem if picture_side is None else f"{weights.stem} {picture_side} px"

    def __call__(self, frames: Sequence[Rgb]) -> NDArray[np.float32]:
        rows = []
        for start in range(0, len(frames), BATCH_FRAMES):
            pictures = np.stack([resized(frame, self._size) for frame in frames[start : start + BATCH_FRAMES]])
            if self._input == "bgr":
                pictures = np.ascontiguousarray(pictures[..., ::-1].transpose(0, 3, 1, 2), np.float32)
            rows.append(self._session.run(None, {self._input: pictures})[0])
        embeddings = np.concatenate(rows)
        return np.asarray(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), np.float32)
