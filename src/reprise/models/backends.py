"""What runs a network: torch; or on the CPU ONNX Runtime, which is about twice as fast, or OpenVINO.

The torch network is exported to ONNX once (see reprise.models.onnx_cache); from then on neither torch nor the
published weights need to be in memory. On a CPU that has bfloat16 OpenVINO is another two times faster, where it is
installed. On a GPU it is torch, in half precision.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reprise.backend import chosen
from reprise.errors import MissingExtraError, SettingsError, WeightsError, printable
from reprise.models import onnx_cache, openvino_runner
from reprise.models.checkpoints import required
from reprise.models.network import Network
from reprise.openvino_program import is_installed

# On a CPU more frames at once only cost memory; a GPU wants many.
CPU_BATCH_FRAMES = 4
CUDA_BATCH_FRAMES = 32
# Linux has one of these where a GPU of NVIDIA's can be reached: without them torch need not be asked, nor loaded.
GPU_FILES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))


class Runner(Protocol):
    """A network on a device; safe to call from several threads."""

    batch_frames: int  # as many as it should be given at once
    dimension: int

    def __call__(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """pictures [n, 3, height, width], prepared as the network wants them, to [n, dimension]; n above 0."""
        ...


def run_on(
    network: Network,
    weights: Path,
    build: Callable[[], Any],
    shape: tuple[int, int],
    *,
    device: str = "auto",
    threads: int = 1,
    backend: str = "auto",
) -> Runner:
    """What runs the network.

    weights: the file that `build` makes the torch module of. shape: (height, width) of its pictures.
    device: "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:1"; on a GPU in half precision where that is
    safe (autocast).
    threads: of the CPU; 0 for one a core. With torch they are those of the whole process.
    backend: "torch"; "onnx" for ONNX Runtime; "openvino", "openvino-bf16" for OpenVINO in full precision or bfloat16;
    or "auto": on a CPU what $REPRISE_BACKEND says, else the fastest: OpenVINO in bfloat16, where it is installed, the
    CPU has that and the network's vectors stay what they are (cosine above 0.99); or ONNX Runtime, if the network can
    be exported and its outputs are torch's.

    Raises a ModelError, or SettingsError for a device that is not there or a backend that cannot run the network.
    """
    place = torch_device(device, network)
    if place == "cpu" or backend != "auto":
        backend = chosen(backend)
    if place == "cpu" and backend != "torch":
        file = onnx_cache.file_of(network, weights, shape)
        runner = _stored_runner(file, network, shape, threads, backend)
        if runner is not None:
            return runner
        module: Any = None
        with onnx_cache.one_at_a_time(file):
            # Another process, which this one waited for, may have made it, or found that it cannot be made.
            runner = _stored_runner(file, network, shape, threads, backend)
            reason = "" if runner or backend != "auto" else onnx_cache.reason_against(file)
            if runner is None and not reason:
                module = build()
                reason = _export(module, network, weights, shape, file)
                runner = None if reason else _stored_runner(file, network, shape, threads, backend)
        if runner is not None:
            return runner
        if backend != "auto":
            program = "ONNX Runtime" if backend == "onnx" else "OpenVINO"
            reason = reason or "the export cannot be loaded"
            raise SettingsError(f"model {network.name} cannot be run by {program} ({reason}); take backend torch")
        return TorchRunner(module or build(), network, weights, shape, place, threads)
    if backend not in {"auto", "torch"}:
        raise SettingsError(f"backend {backend} runs on the CPU; take device cpu with it")
    return TorchRunner(build(), network, weights, shape, place, threads)


def _stored_runner(file: Path, network: Network, shape: tuple[int, int], threads: int, backend: str) -> Runner | None:
    """What runs a stored export; None if there is none or it cannot be loaded.

    Raises SettingsError where bfloat16 was asked for and will not do.
    """
    if backend == "openvino":
        return openvino_runner.stored_runner(file, threads, bf16=False)
    if file.is_file() and (backend == "openvino-bf16" or (backend == "auto" and is_installed())):
        reason = openvino_runner.reason_against_bf16(file, shape)
        if reason and backend != "auto":
            raise SettingsError(f"model {network.name} cannot be run in bfloat16 ({reason}); take backend onnx")
        runner = None if reason else openvino_runner.stored_runner(file, threads, bf16=True)
        if runner is not None or backend != "auto":
            return runner
    session = onnx_cache.stored_session(file, threads)
    return None if session is None else OnnxRunner(session)


def torch_device(device: str, network: Network) -> str:
    """The device as torch calls it: "cpu", "cuda" or "cuda:N".

    Raises SettingsError for one that is unknown or not there, MissingExtraError if torch must be asked and is not
    installed.
    """
    kind, _, number = device.partition(":")
    if kind not in {"auto", "cpu", "cuda"} or (number and not (kind == "cuda" and number.isdecimal())):
        raise SettingsError(f"device must be auto, cpu, cuda or cuda with a number (cuda:0), not {device!r}")
    if kind == "cpu" or (kind == "auto" and sys.platform == "linux" and not any(f.exists() for f in GPU_FILES)):
        return "cpu"
    try:
        torch = required("torch", network)
    except MissingExtraError:
        if kind == "auto":
            return "cpu"  # where an export may be stored
        raise
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "auto":
        return "cuda" if count else "cpu"
    if not count:
        raise SettingsError(f"device {device}: torch finds no CUDA device here; use cpu, or install torch with CUDA")
    if number and int(number) >= count:
        raise SettingsError(f"device {device}: there are {count} CUDA devices here, from cuda:0 on")
    return device


class OnnxRunner:
    """As `Runner`, by a session of ONNX Runtime on the CPU."""

    batch_frames = CPU_BATCH_FRAMES

    def __init__(self, session: Any) -> None:
        self._session = session
        self.dimension = int(session.get_outputs()[0].shape[-1])

    def __call__(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._session.run([onnx_cache.OUTPUT], {onnx_cache.INPUT: pictures})[0], np.float32)


class TorchRunner:
    """As `Runner`, by torch; `module` is in evaluation mode and maps [n, 3, height, width] to [n, dimension].

    Raises WeightsError for a module that does not.
    """

    def __init__(
        self, module: Any, network: Network, weights: Path, shape: tuple[int, int], device: str, threads: int
    ) -> None:
        self._torch = torch = required("torch", network)
        self._is_cuda = device != "cpu"
        self._device = torch.device(device)
        self._threads = threads or os.cpu_count() or 1
        # Channels last is what a GPU's half-precision convolutions want; on a CPU it was up to 15 % faster, but not
        # for TorchScript.
        self._is_channels_last = self._is_cuda or not isinstance(module, torch.jit.ScriptModule)
        module = module.to(self._device)
        self._module = module.to(memory_format=torch.channels_last) if self._is_channels_last else module
        self.batch_frames = CUDA_BATCH_FRAMES if self._is_cuda else CPU_BATCH_FRAMES
        self.dimension = checked_output(self, network, weights, shape).shape[1]

    def __call__(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        torch = self._torch
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        given = torch.from_numpy(pictures).to(self._device)
        if self._is_channels_last:
            given = given.contiguous(memory_format=torch.channels_last)
        # Autocast and not .half(): the powers of GeM pooling overflow half precision.
        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=self._is_cuda):
            embeddings = self._module(given)
        return np.asarray(embeddings.float().cpu().numpy(), np.float32)


def checked_output(
    run: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    network: Network,
    weights: Path,
    shape: tuple[int, int],
    count: int = 1,
) -> NDArray[np.float32]:
    """What the network makes of `count` pictures of noise: [count, dimension].

    Raises WeightsError if it takes no such pictures, or gives no vectors of the network's length.
    """
    probe = np.random.default_rng(0).standard_normal((count, 3, *shape)).astype(np.float32)
    try:
        vectors = run(probe)
    except MemoryError:
        raise
    except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
        text = printable((str(error).strip().splitlines() or [type(error).__name__])[-1].strip())
        raise WeightsError(
            f"{printable(weights)}: not the weights of {network.name}: it does not take pictures of "
            f"{shape[1]}x{shape[0]} ({text[:160]}); give others"
        ) from error
    wanted = network.dimension
    if vectors.ndim != 2 or len(vectors) != count or (wanted is not None and vectors.shape[1] != wanted):
        raise WeightsError(
            f"{printable(weights)}: not the weights of {network.name}: {count} pictures give numbers of shape "
            f"{list(vectors.shape)}, not {[count, wanted or 'dimension']}; give others"
        )
    if not np.isfinite(vectors).all():
        raise WeightsError(f"{printable(weights)}: the weights give numbers that are not finite; give others")
    return vectors


def _export(module: Any, network: Network, weights: Path, shape: tuple[int, int], file: Path) -> str:
    """Exports the module into `file`. Gives why it cannot be used, or nothing. Raises WeightsError."""
    torch = required("torch", network)

    def run(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of TorchScript's own deprecation
            return np.asarray(module(torch.from_numpy(pictures)).numpy(), np.float32)

    # More pictures than it is exported with: a batch size that got fixed while exporting is found here.
    expected = checked_output(run, network, weights, shape, count=3)
    return onnx_cache.export(torch, module, shape, expected, file)
