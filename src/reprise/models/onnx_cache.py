"""Networks of torch as ONNX files: exported once, checked, stored beside the cache of weights."""

from __future__ import annotations

import contextlib
import fcntl
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from reprise.models.network import Network
from reprise.models.weights import cache_folder, identity

EXPORT_VERSION = 1  # counted up when files that are stored already must be made anew
OPSET = 18
MIN_COSINE = 0.9999  # of what ONNX Runtime and torch make of the same pictures
INPUT, OUTPUT = "pictures", "embeddings"
PROBE_SEED = 0


def folder() -> Path:
    """Where exports are stored: ~/.cache/reprise/onnx, beside the folder of weights."""
    return cache_folder().parent / "onnx"


def file_of(network: Network, weights: Path, shape: tuple[int, int]) -> Path:
    """Where the network's export is, or would be: named by its weights, its arguments and its pictures' size."""
    described = [identity(network, weights), *(f"{key}={value}" for key, value in network.arguments)]
    name = "-".join([*described, f"{shape[1]}x{shape[0]}", str(EXPORT_VERSION)])
    return folder() / f"{name.replace('/', '_')}.onnx"


def stored_session(file: Path, threads: int) -> Any:
    """A session of ONNX Runtime over a stored export; None if there is none, or a damaged one, which is removed."""
    if not file.is_file():
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001 - ONNX Runtime raises classes of its own; whatever it is, the file is no use
        with contextlib.suppress(OSError):
            file.unlink()
        return None
    return session


@contextlib.contextmanager
def one_at_a_time(file: Path) -> Iterator[None]:
    """While it is entered, no other process is in it for the same export: the others wait, and then find it made.

    Where the folder cannot be written nobody waits, and nothing is stored either.
    """
    lock: IO[bytes] | None = None
    try:
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            lock = file.with_suffix(".lock").open("wb")
            fcntl.flock(lock, fcntl.LOCK_EX)  # given back by the system if the process dies
        yield
    finally:
        if lock is not None:
            lock.close()


def reason_against(file: Path) -> str:
    """Why an earlier export into `file` could not be used with the installed torch; nothing if none was tried."""
    try:
        installed, _, reason = _note(file).read_text().partition("\n")
    except (OSError, UnicodeDecodeError):
        return ""
    return reason if installed == _installed() else ""


def export(torch: Any, module: Any, shape: tuple[int, int], expected: NDArray[np.float32], file: Path) -> str:
    """Stores the module, [n, 3, height, width] to [n, dimension], in `file` as ONNX with any n.

    expected: what torch makes of the pictures of noise with PROBE_SEED. Gives nothing, or why there is no such file
    now: the module cannot be exported, ONNX Runtime's outputs are not torch's, the folder cannot be written. Even if
    several processes do it at once the file is whole: each writes one of its own and renames it.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".onnx.part", prefix=f"{file.stem[:100]}-", dir=file.parent)
    except OSError as error:
        return f"{file.parent} cannot be written: {error.strerror}"
    os.close(handle)
    written = Path(name)
    try:
        reason = _exported(torch, module, shape, written) or _difference(written, shape, expected)
        if not reason:
            written.replace(file)
            return ""
        _note(written).write_text(f"{_installed()}\n{reason}")
        _note(written).replace(_note(file))
    except OSError as error:
        return f"{file} cannot be written: {error.strerror}"
    else:
        return reason
    finally:
        written.unlink(missing_ok=True)


def _exported(torch: Any, module: Any, shape: tuple[int, int], file: Path) -> str:
    # torch's older exporter: it takes TorchScript archives too, needs neither onnx nor onnxscript, is several times
    # faster than the newer one, and what it writes runs as fast.
    log = logging.getLogger("torch.onnx")
    level = log.level
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")
            log.setLevel(logging.CRITICAL)
            torch.onnx.export(
                module,
                (torch.zeros(2, 3, *shape),),
                str(file),
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=OPSET,
                dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
                dynamo=False,
            )
    except Exception as error:  # noqa: BLE001 - what torch raises for networks it cannot export has no common class
        return f"it cannot be exported: {(str(error).strip().splitlines() or [type(error).__name__])[0][:200]}"
    finally:
        log.setLevel(level)
    return ""


def _difference(file: Path, shape: tuple[int, int], expected: NDArray[np.float32]) -> str:
    session = stored_session(file, 1)
    if session is None:
        return "ONNX Runtime cannot load the export"
    probe = np.random.default_rng(PROBE_SEED).standard_normal((len(expected), 3, *shape)).astype(np.float32)
    try:
        found = np.asarray(session.run([OUTPUT], {INPUT: probe})[0], np.float32)
    except Exception as error:  # noqa: BLE001 - ONNX Runtime raises classes of its own
        return f"ONNX Runtime cannot run the export: {str(error).strip().splitlines()[0][:200]}"
    if found.shape != expected.shape or not isinstance(session.get_outputs()[0].shape[-1], int):
        return "the export gives vectors of another shape"
    cosine = least_cosine(found, expected)
    return "" if cosine > MIN_COSINE else f"its outputs differ from torch's (cosine {cosine:.5f})"


def least_cosine(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """The lowest cosine of a row of `found` with the same row of `expected`, both [rows, dimension]."""
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return float(((found * expected).sum(axis=1) / np.maximum(lengths, 1e-12)).min())


def write_whole(file: Path, text: str) -> None:
    """Writes a note, in one step; where the folder cannot be written it is left out."""
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(suffix=".part", dir=file.parent)
        with os.fdopen(handle, "w") as part:
            part.write(text)
        Path(name).replace(file)


def _note(file: Path) -> Path:
    return file.with_suffix(".txt")


def _installed() -> str:
    from importlib import metadata

    try:
        return f"torch {metadata.version('torch')}, onnxruntime {metadata.version('onnxruntime')}"
    except metadata.PackageNotFoundError:
        return ""
