"""Which program runs networks on the CPU: what a caller says, else $REPRISE_BACKEND, else the fastest."""

from __future__ import annotations

import os

from reprise.errors import MissingExtraError, SettingsError
from reprise.openvino_program import is_installed

BACKENDS = ("auto", "torch", "onnx", "openvino", "openvino-bf16")
VARIABLE = "REPRISE_BACKEND"


def chosen(backend: str = "auto") -> str:
    """One of BACKENDS: `backend`, or for "auto" what the variable says.

    Raises SettingsError for one that is unknown, MissingExtraError for one whose program is not installed.
    """
    if backend not in BACKENDS:
        raise SettingsError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
    if backend == "auto":
        backend = os.environ.get(VARIABLE) or "auto"
        if backend not in BACKENDS:
            raise SettingsError(f"${VARIABLE} must be one of {', '.join(BACKENDS)}, not {backend!r}")
    if backend.startswith("openvino") and not is_installed():
        raise MissingExtraError(f"backend {backend} needs OpenVINO; pip install '.[openvino]'")
    return backend
