"""The built-in copy descriptor: frames to embeddings by a small network in ONNX Runtime."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Callable, Sequence
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from reprise.backend import VARIABLE, chosen
from reprise.errors import ModelError, ReprisError, SettingsError
from reprise.openvino_program import OpenVinoProgram, has_bf16

NAME = "reprise-1"  # of the weights; stored in every library
WEIGHTS_SHA256 = "4195bbc241acde95753570b7cb66b3de36b0efedae19ee2136be5ccff6b4fc57"
DIMENSION = 256
PICTURE_SIZE = (128, 128)  # width, height
BATCH_FRAMES = 32  # as many as keep one core's caches busy; more only costs memory
DEVICES = ("auto", "cpu", "cuda")


class Descriptor:
    """Frames to 256-dimensional embeddings whose inner product says how alike two frames are.

    It runs in ONNX Runtime, or on a CPU in OpenVINO where $REPRISE_BACKEND asks for that (see `reprise.backend`).

    `device` is "auto" (a CUDA device where ONNX Runtime has one, else the CPU), "cpu" or "cuda"; `threads` is
    the number of CPU threads of the network. Safe to call from several threads.
    Raises SettingsError for a device that is not there, ReprisError for damaged weights, ModelError where the CPU
    cannot do what the variable asks for.
    """

    def __init__(self, device: str = "auto", threads: int = 1) -> None:
        backend = chosen()
        check_device(device)
        if backend.startswith("openvino") and not runs_on_gpu(device):
            self._run = _in_openvino(threads, bf16=backend == "openvino-bf16")
        else:
            self._run = _in_onnx_runtime(device, threads)

    @property
    def dimension(self) -> int:
        """Numbers in an embedding."""
        return DIMENSION

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Embeddings of RGB frames, each [height, width, 3] uint8 of any size (they are scaled here).

        Returns [frames, 256] float32, rows L2-normalised; [0, 256] for no frames.
        Raises ReprisError for arrays that are no such frames.
        """
        from reprise.decoding.picture import resized  # and FFmpeg's libraries

        embeddings = np.zeros((len(frames), DIMENSION), np.float32)
        for start in range(0, len(frames), BATCH_FRAMES):
            batch = slice(start, start + BATCH_FRAMES)
            rgb = np.stack([resized(checked_frame(frame), PICTURE_SIZE) for frame in frames[batch]])
            embeddings[batch] = self._run(rgb)
        return embeddings


# [n, 128, 128, 3] uint8 to [n, 256] float32.
Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def _in_onnx_runtime(device: str, threads: int) -> Run:
    import onnxruntime  # 0.2 s that a command with nothing to embed need not spend

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only: warnings of the graph optimiser help nobody here
    session = onnxruntime.InferenceSession(weights(), options, providers=_providers(device))
    return lambda frames: np.asarray(session.run(["embeddings"], {"frames": frames})[0], np.float32)


def _in_openvino(threads: int, *, bf16: bool) -> Run:
    if bf16 and not has_bf16():
        raise ModelError(f"this CPU has no bfloat16; set ${VARIABLE} to onnx, or unset it")
    program = OpenVinoProgram(weights(), threads, bf16=bf16)

    def run(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        vectors = program(frames)  # of length 1 as far as bfloat16 goes
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    return run


_build = threading.Lock()


@functools.cache
def _built(device: str, threads: int) -> Descriptor:
    return Descriptor(device, threads)


def shared_descriptor(device: str = "auto", threads: int = 1) -> Descriptor:
    """One descriptor a process and setting: loading the weights again for every pipeline would be waste."""
    with _build:
        return _built(device, threads)


def load(_network: object, _weights: object, device: str, threads: int) -> Descriptor:
    """As `reprise.models.loading.Load`: the weights are part of the package."""
    return shared_descriptor(device, max(1, threads))


def check_device(device: str, *, here: bool = True) -> None:
    """Raises SettingsError if `device` is unknown or, with `here`, not there for ONNX Runtime."""
    if device not in DEVICES:
        raise SettingsError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    if here and device == "cuda" and not _has_cuda():
        raise SettingsError("device cuda: this ONNX Runtime has no CUDA; install onnxruntime-gpu, or use cpu")


def runs_on_gpu(device: str) -> bool:
    """Whether a descriptor with this `device` runs on a GPU."""
    return device != "cpu" and _has_cuda()


def _providers(device: str) -> list[str]:
    check_device(device)
    if runs_on_gpu(device):
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


def _has_cuda() -> bool:
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def checked_frame(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame, if it is [height, width, 3] uint8; raises ReprisError otherwise."""
    if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape or frame.dtype != np.uint8:
        raise ReprisError(f"a frame must be [height, width, 3] uint8 RGB, not {list(frame.shape)} {frame.dtype}")
    return frame


def weights() -> bytes:
    """The shipped weights as an ONNX file. Raises ReprisError if they are missing or damaged."""
    try:
        content = (resources.files("reprise.weights") / f"{NAME}.onnx").read_bytes()
    except OSError as error:
        raise ReprisError(f"the weights {NAME}.onnx cannot be read; install reprise again") from error
    if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
        raise ReprisError(f"the weights {NAME}.onnx are damaged; install reprise again")
    return content
