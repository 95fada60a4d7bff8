"""Networks in OpenVINO on the CPU: in bfloat16 where the CPU has it, which is the fastest way that was measured.

It runs the exports of reprise.models.onnx_cache. bfloat16 keeps 8 bits of each number's 24: whether a network's
embeddings bear that is checked once for each export, and remembered beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.models import onnx_cache
from reprise.openvino_program import OpenVinoProgram, has_bf16

MIN_BF16_COSINE = 0.99  # of a network's vectors in bfloat16 and in full precision
PROBE_PICTURES = 3


class OpenVinoRunner:
    """As `reprise.models.backends.Runner`, by OpenVINO on the CPU."""

    batch_frames = 4  # as with the others on a CPU; all batches but the last have the same size, which OpenVINO likes

    def __init__(self, program: OpenVinoProgram) -> None:
        self._program = program
        self.dimension = program.dimension

    def __call__(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._program(pictures)


def stored_runner(file: Path, threads: int, *, bf16: bool) -> OpenVinoRunner | None:
    """What runs a stored export; None if there is none, or OpenVINO cannot run it.

    threads: 0 for one a core. bf16: whether in bfloat16, for which see `reason_against_bf16` first.
    """
    if not file.is_file():
        return None
    try:
        return OpenVinoRunner(OpenVinoProgram(file, threads, bf16=bf16))
    except Exception:  # noqa: BLE001 - OpenVINO raises classes of its own; whatever it is, others may run the file
        return None


def reason_against_bf16(file: Path, shape: tuple[int, int]) -> str:
    """Why a stored export must not be run in bfloat16 on this machine; nothing if it may be.

    shape: (height, width) of its pictures. The first call for an export runs it both ways (some seconds).
    """
    if not has_bf16():
        return "this CPU has no bfloat16"
    try:
        installed, _, reason = _note(file).read_text().partition("\n")
    except (OSError, UnicodeDecodeError):
        installed, reason = "", ""
    if installed == _installed():
        return reason
    exact = onnx_cache.stored_session(file, 1)
    if exact is None:
        return "the export is damaged"  # and removed: the next one is another
    reason = _difference(exact, file, shape)
    onnx_cache.write_whole(_note(file), f"{_installed()}\n{reason}")
    return reason


def _difference(exact: Any, file: Path, shape: tuple[int, int]) -> str:
    coarse = stored_runner(file, 1, bf16=True)
    if coarse is None:
        return "OpenVINO cannot run the export"
    probe = np.random.default_rng(onnx_cache.PROBE_SEED).standard_normal((PROBE_PICTURES, 3, *shape))
    pictures = probe.astype(np.float32)
    expected = np.asarray(exact.run([onnx_cache.OUTPUT], {onnx_cache.INPUT: pictures})[0], np.float32)
    cosine = onnx_cache.least_cosine(coarse(pictures), expected)
    return "" if cosine > MIN_BF16_COSINE else f"its vectors in bfloat16 are others (cosine {cosine:.4f})"


def _note(file: Path) -> Path:
    return file.with_suffix(".bf16.txt")


def _installed() -> str:
    from importlib import metadata

    return f"openvino {metadata.version('openvino')}"
