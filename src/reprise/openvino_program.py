"""A network compiled by OpenVINO for the CPU, in full precision or in bfloat16."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class OpenVinoProgram:
    """A compiled network with one input and one output of vectors; safe to call from several threads.

    model: a file of ONNX, or its content. threads: of the CPU; 0 for one a core.
    Raises whatever OpenVINO raises for a model that it cannot read or compile.
    """

    def __init__(self, model: Path | bytes, threads: int, *, bf16: bool) -> None:
        import openvino

        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
            "NUM_STREAMS": 1,
            # Else every worker process would bind itself to the same core.
            "ENABLE_CPU_PINNING": False,
        }
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        core = openvino.Core()
        self._compiled = core.compile_model(core.read_model(model), "CPU", settings)
        self._requests = threading.local()  # each serves one thread at a time
        self.dimension = int(self._compiled.output(0).get_partial_shape()[-1].get_length())

    def __call__(self, pictures: NDArray[Any]) -> NDArray[np.float32]:
        """Vectors [n, dimension] of n pictures, as the network takes them."""
        request = getattr(self._requests, "request", None)
        if request is None:
            request = self._requests.request = self._compiled.create_infer_request()
        request.infer({0: pictures})
        return np.array(request.get_output_tensor(0).data, np.float32)  # a copy: the next call writes over it


def is_installed() -> bool:
    """Whether OpenVINO is there; it is not loaded for that."""
    return importlib.util.find_spec("openvino") is not None


def has_bf16() -> bool:
    """Whether this CPU computes in bfloat16 (AVX-512 BF16, AMX); elsewhere it would be slower than full precision."""
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
