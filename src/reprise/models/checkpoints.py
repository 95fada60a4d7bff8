"""Published checkpoints of torch, read without running what is in them.

A checkpoint is a pickle, and a pickle can run anything. Here only tensors, plain containers and numbers are taken out
of one (torch.load with weights_only); whatever else is in it makes the file refused, not obeyed.
"""

from __future__ import annotations

import argparse
import importlib
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from reprise.errors import MissingExtraError, WeightsError, printable
from reprise.models.network import Network

# A bare holder of attributes, which training scripts save their options in (ISC's does); building one runs nothing.
HARMLESS = (argparse.Namespace,)
NAMED_KEYS = 3  # keys of each kind that an error names; the rest is counted
_WEB_PAGE = re.compile(rb"(?is)(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|\?xml)\b")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"  # torch.save's files since 1.6, and before
HEAD_BYTES = 1024  # what is looked at to tell kinds of files apart


def required(module: str, network: Network) -> Any:
    """The module of a library that the network runs on, imported.

    Raises MissingExtraError where it is not installed, or does not import.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        wanted = f"pip install '.[{network.extra}]'" if network.extra else "install reprise again"
        raise MissingExtraError(f"model {network.name}: {error.name} is not installed; {wanted}") from error
    except ImportError as error:
        raise MissingExtraError(
            f"model {network.name}: {module} is installed but does not import ({_one_line(error)}); install it again"
        ) from error


def is_web_page(head: bytes) -> bool:
    """Whether a file that begins so is HTML: what servers send with a login or an error in place of a download."""
    return _WEB_PAGE.match(head) is not None


def read_state(path: Path, network: Network, *, nested: Sequence[str] = (), prefix: str = "") -> dict[str, Any]:
    """The tensors of a checkpoint by their keys, on the CPU; mapped from the file where its format allows it.

    The file is one of torch.save, of today's (ZIP) or the older kind, or a safetensors file.
    nested: names under which checkpoints of this network keep the state beside other things; the first that is there
    is taken, and the file itself is the state where none is. prefix: what is taken off the beginnings of keys, as
    "module." of a network that was saved while it was trained on several GPUs.

    Raises WeightsError for a file that is no such checkpoint, is damaged, or holds code; MissingExtraError.
    """
    head = _checked_head(path, network)
    content: Any
    if path.suffix == ".safetensors" or _is_safetensors(head):
        content = _read_safetensors(path, network)
    elif head.startswith(_ZIP):
        if _is_script(path, network):
            raise _wrong(path, network, "a TorchScript archive, where a checkpoint with a state dict is wanted")
        content = _unpickled(path, network, mapped=True)
    elif head.startswith(_PICKLE):
        content = _unpickled(path, network, mapped=False)
    else:
        raise _wrong(path, network, "no checkpoint of torch")
    for name in nested:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
            break
    torch = required("torch", network)
    if not isinstance(content, dict) or not content:
        raise _wrong(path, network, "holds no tensors by name")
    strangers = [str(key) for key, value in content.items() if not isinstance(value, torch.Tensor)]
    if strangers:
        raise _wrong(path, network, f"beside tensors it holds {_listed(strangers)}")
    if prefix:
        required("torch.nn.modules.utils", network).consume_prefix_in_state_dict_if_present(content, prefix)
    return content


def fit(module: Any, state: dict[str, Any], path: Path, network: Network) -> None:
    """Puts the tensors of `read_state` into a torch module, each into its place, none left over.

    Raises WeightsError, which names keys that are missing, unexpected or of another shape; the module is then not to
    be used.
    """
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise _wrong(path, network, _misfit(module, state) or _one_line(error)) from error


def read_script(path: Path, network: Network) -> Any:
    """The module of a TorchScript archive, on the CPU, in evaluation mode.

    Loading and calling it runs TorchScript's own interpreter, no Python and no pickled objects: such a file cannot
    import modules or start programs. Its code can still call every operator of torch (one of which maps files), use
    up memory, and never end, so take such files only from their makers.

    Raises WeightsError for a file that is no such archive, or is damaged; MissingExtraError.
    """
    if not _checked_head(path, network).startswith(_ZIP) or not _is_script(path, network):
        raise _wrong(path, network, "no TorchScript archive, which is wanted here")
    torch = required("torch", network)
    try:
        with warnings.catch_warnings():
            # Deprecated in favour of torch.export, which does not read what is published.
            warnings.simplefilter("ignore")
            return torch.jit.load(str(path), map_location="cpu").eval()
    except Exception as error:  # as above
        raise _wrong(path, network, f"damaged ({_one_line(error)})") from error


def _checked_head(path: Path, network: Network) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise WeightsError(f"{printable(path)}: cannot be read ({error.strerror})") from error
    if not head:
        raise _wrong(path, network, "the file is empty (0 bytes)")
    if is_web_page(head):
        raise _wrong(path, network, "a web page, saved in place of a download")
    if head.startswith(_LFS_POINTER):
        raise _wrong(path, network, "a pointer of Git LFS, not the file that it stands for")
    return head


def _is_safetensors(head: bytes) -> bool:
    # Eight bytes with the length of a JSON object, then the object.
    return len(head) > 9 and head[8:9] == b"{" and head[7] == 0


def _is_script(path: Path, network: Network) -> bool:
    """Whether an archive of torch is TorchScript. Raises WeightsError for archives of others."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
    except zipfile.BadZipFile as error:
        raise _wrong(path, network, "truncated: the end of its archive is missing") from error
    except (OSError, ValueError, NotImplementedError) as error:
        raise _wrong(path, network, f"damaged ({_one_line(error)})") from error
    if "data.pkl" not in names:
        raise _wrong(path, network, "a ZIP archive, but none of torch's")
    return "constants.pkl" in names


def _read_safetensors(path: Path, network: Network) -> dict[str, Any]:
    refused = required("safetensors", network).SafetensorError
    try:
        return dict(required("safetensors.torch", network).load_file(path, device="cpu"))
    except (refused, OSError) as error:
        raise _wrong(path, network, f"a truncated or damaged safetensors file ({_one_line(error)})") from error


def _unpickled(path: Path, network: Network, *, mapped: bool) -> Any:
    torch = required("torch", network)
    try:
        with torch.serialization.safe_globals([*HARMLESS]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles of other programs, which are refused right after
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL (\w+(?:\.\w+)+)", str(error))
        reason = f"holds code or objects ({refused[1]})" if refused else "damaged, or holds more than tensors"
        raise _wrong(path, network, f"{reason}, and is refused: only tensors are loaded") from error
    except Exception as error:  # what torch raises for a damaged file depends on where the damage is
        raise _wrong(path, network, f"truncated or damaged ({_one_line(error)})") from error


def _misfit(module: Any, state: dict[str, Any]) -> str:
    wanted = module.state_dict()
    # Batch normalisation counts its batches only since torch 0.4.1, and takes older checkpoints without the count.
    missing = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in state if key not in wanted]
    shapes = [
        f"{key} {list(state[key].shape)}, not {list(tensor.shape)}"
        for key, tensor in wanted.items()
        if key in state and state[key].shape != tensor.shape
    ]
    kinds = [(missing, "missing"), (unexpected, "unexpected"), (shapes, "of another shape")]
    counted = [
        f"{len(keys)} {'key' if len(keys) == 1 else 'keys'} {kind} ({_listed(keys)})" for keys, kind in kinds if keys
    ]
    return ", ".join(counted)


def _listed(keys: Iterable[str]) -> str:
    every = [printable(key) for key in keys]
    more = len(every) - NAMED_KEYS
    return ", ".join(every[:NAMED_KEYS]) + (f" and {more} more" if more > 0 else "")


def _wrong(path: Path, network: Network, reason: str) -> WeightsError:
    return WeightsError(f"{printable(path)}: not the weights of {network.name}: {reason}; {_remedy(network)}")


def _remedy(network: Network) -> str:
    return f"`reprise models fetch --again {network.name}` downloads them" if network.weights else "give another file"


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = printable(lines[0].strip()) if lines else type(error).__name__
    return text if len(text) <= 160 else f"{text[:157]}..."
