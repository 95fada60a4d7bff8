"""Checkpoints in every published layout are read; what runs code, is damaged or does not fit is refused by name."""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reprise.errors import MissingExtraError, WeightsError
from reprise.models.checkpoints import fit, is_web_page, read_script, read_state, required
from reprise.models.network import Network, WeightsFile

torch = pytest.importorskip("torch", reason="the networks of the extra models run on torch")
safetensors_torch = pytest.importorskip("safetensors.torch", reason="comes with timm, of the extra models")

NETWORK = Network("tiny", "", "", "", 32, 4, weights=(WeightsFile("tiny.pth", "https://tiny.example/tiny.pth"),))
REMEDY = "; `reprise models fetch --again tiny` downloads them"


def tiny(seed: int = 0, channels: int = 4) -> Any:
    """A network with a convolution and a batch normalisation."""
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Conv2d(3, channels, 3), torch.nn.BatchNorm2d(channels))


def trained(path: Path, *, old: bool = False, **more: Any) -> Path:
    """A checkpoint as ISC's training saves it: on several GPUs, with its optimiser, its options and what else."""
    module = torch.nn.DataParallel(tiny())
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    module(torch.ones(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    checkpoint = {
        "epoch": 10,
        "arch": "tf_efficientnetv2_m_in21ft1k",
        "state_dict": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(
            input_size=512, gpu=0, seed=99999, weight="x.pth.tar", tta=False, lr=0.5, data=None
        ),
        **more,
    }
    torch.save(checkpoint, path, _use_new_zipfile_serialization=not old)
    return path


def script(path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to give TorchScript up
        torch.jit.save(torch.jit.script(tiny().eval()), path)
    return path


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def refused(path: Path, reader: Callable[..., Any] = read_state, **how: Any) -> str:
    """Why a file is refused, without what is the same for all."""
    with pytest.raises(WeightsError) as error:
        reader(path, NETWORK, **how)
    message = str(error.value)
    assert "\n" not in message
    beginning = f"{path}: not the weights of tiny: "
    assert message.startswith(beginning)
    assert message.endswith(REMEDY)
    return message.removeprefix(beginning).removesuffix(REMEDY)


# Layouts


@pytest.mark.parametrize("old", [False, True], ids=["ZIP", "before torch 1.6"])
def test_a_training_checkpoint_is_read_with_its_options_and_fits(old: bool, tmp_path: Path) -> None:
    path = trained(tmp_path / "isc.pth.tar", old=old)
    state = read_state(path, NETWORK, nested=("state_dict",), prefix="module.")
    assert list(state) == list(tiny().state_dict())
    module = tiny(seed=1)
    fit(module, state, path, NETWORK)
    saved = torch.load(path, weights_only=False)["state_dict"]
    assert all(torch.equal(saved[f"module.{key}"], tensor) for key, tensor in module.state_dict().items())


def test_a_bare_state_is_read_whatever_nesting_is_usual(tmp_path: Path) -> None:
    torch.save(tiny().state_dict(), tmp_path / "bare.pth")
    state = read_state(tmp_path / "bare.pth", NETWORK, nested=("state_dict", "model"), prefix="module.")
    assert list(state) == list(tiny().state_dict())


def test_the_first_nesting_that_is_there_is_taken(tmp_path: Path) -> None:
    torch.save({"model": {"a": torch.ones(2)}, "teacher": {"b": torch.ones(3)}}, tmp_path / "nested.pth")
    assert list(read_state(tmp_path / "nested.pth", NETWORK, nested=("state_dict", "model"))) == ["a"]
    assert list(read_state(tmp_path / "nested.pth", NETWORK, nested=("teacher", "model"))) == ["b"]


@pytest.mark.parametrize("name", ["tiny.safetensors", "tiny.bin"])
def test_safetensors_are_read_by_their_content(name: str, tmp_path: Path) -> None:
    saved = tiny().state_dict()
    safetensors_torch.save_file(saved, tmp_path / name)
    state = read_state(tmp_path / name, NETWORK)
    assert set(state) == set(saved)
    assert all(torch.equal(saved[key], tensor) for key, tensor in state.items())


def test_half_precision_is_widened_into_the_network(tmp_path: Path) -> None:
    torch.save({key: tensor.half() for key, tensor in tiny().state_dict().items()}, tmp_path / "half.pth")
    module = tiny(seed=1)
    fit(module, read_state(tmp_path / "half.pth", NETWORK), tmp_path / "half.pth", NETWORK)
    assert module[0].weight.dtype == torch.float32
    assert torch.allclose(module[0].weight, tiny()[0].weight, atol=1e-3)


def test_a_state_from_before_batches_were_counted_fits(tmp_path: Path) -> None:
    state = {key: tensor for key, tensor in tiny().state_dict().items() if "num_batches" not in key}
    torch.save(state, tmp_path / "early.pth")
    module = tiny(seed=1)
    fit(module, read_state(tmp_path / "early.pth", NETWORK), tmp_path / "early.pth", NETWORK)
    assert torch.equal(module[0].weight, tiny()[0].weight)


def test_a_torchscript_archive_computes_what_was_saved(tmp_path: Path) -> None:
    loaded = read_script(script(tmp_path / "tiny.torchscript.pt"), NETWORK)
    frames = torch.rand(2, 3, 8, 8)
    assert not loaded.training
    assert torch.equal(loaded(frames), tiny().eval()(frames))


# What does not fit


def test_keys_that_do_not_fit_are_named_and_counted(tmp_path: Path) -> None:
    torch.save(tiny().state_dict(), tmp_path / "tiny.pth")
    wanted = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.Identity(), torch.nn.BatchNorm1d(4))
    state = read_state(tmp_path / "tiny.pth", NETWORK)
    assert refused(tmp_path / "tiny.pth", lambda path, network: fit(wanted, state, path, network)) == (
        "4 keys missing (2.weight, 2.bias, 2.running_mean and 1 more), "
        "5 keys unexpected (1.weight, 1.bias, 1.running_mean and 2 more), "
        "2 keys of another shape (0.weight [4, 3, 3, 3], not [5, 3, 3, 3], 0.bias [4], not [5])"
    )


def test_one_key_that_is_missing_is_named(tmp_path: Path) -> None:
    state = tiny().state_dict()
    del state["0.bias"]
    torch.save(state, tmp_path / "tiny.pth")
    read = read_state(tmp_path / "tiny.pth", NETWORK)
    reason = refused(tmp_path / "tiny.pth", lambda path, network: fit(tiny(), read, path, network))
    assert reason == "1 key missing (0.bias)"


def test_a_checkpoint_that_is_nested_otherwise_is_told_by_what_it_holds(tmp_path: Path) -> None:
    reason = refused(trained(tmp_path / "isc.pth.tar"), nested=("model",))
    assert reason == "beside tensors it holds epoch, arch, state_dict and 2 more"


@pytest.mark.parametrize("content", [{}, [1, 2], 3.0])
def test_a_checkpoint_without_names_is_refused(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "odd.pth")
    assert refused(tmp_path / "odd.pth") == "holds no tensors by name"


# Code


class Touching:
    """What an attacker puts into a pickle: loading it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self._path}'",)


@pytest.mark.parametrize("old", [False, True], ids=["ZIP", "before torch 1.6"])
def test_code_in_a_checkpoint_is_refused_and_does_not_run(old: bool, tmp_path: Path) -> None:
    path = trained(tmp_path / "evil.pth", old=old, more=Touching(tmp_path / "ran"))
    reason = refused(path, nested=("state_dict",))
    assert reason == "holds code or objects (posix.system), and is refused: only tensors are loaded"
    assert not (tmp_path / "ran").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "ran").exists()  # so it would have


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_a_plain_pickle_does_not_run(protocol: int, tmp_path: Path) -> None:
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(Touching(tmp_path / "ran"), protocol))
    assert "and is refused: only tensors are loaded" in refused(tmp_path / "plain.pkl")
    assert not (tmp_path / "ran").exists()


def test_a_whole_network_saved_as_an_object_is_refused(tmp_path: Path) -> None:
    torch.save(tiny(), tmp_path / "object.pth")
    assert refused(tmp_path / "object.pth").startswith("holds code or objects (torch.nn.modules.")


# Damage, and other kinds of files


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.5, 0.9, 0.999])
def test_a_truncated_file_of_any_kind_is_told(share: float, tmp_path: Path) -> None:
    end = "truncated: the end of its archive is missing"
    assert refused(cut(trained(tmp_path / "new.pth"), share)) == end
    assert refused(cut(script(tmp_path / "script.pt"), share), read_script) == end
    assert refused(cut(trained(tmp_path / "old.pth", old=True), share)).startswith(
        ("truncated or dam", "damaged, or")
    )
    safetensors_torch.save_file(tiny().state_dict(), tmp_path / "a.safetensors")
    cut_safe = cut(tmp_path / "a.safetensors", share)
    assert refused(cut_safe).startswith("a truncated or damaged safetensors file (")


FILES: dict[str, tuple[bytes, str]] = {
    "empty.pth": (b"", "the file is empty (0 bytes)"),
    "page.pth": (b"\xef\xbb\xbf\n<!-- mirror -->\n<!DOCTYPE HTML><html>", "a web page, saved in place of a download"),
    "pointer.pth": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n",
        "a pointer of Git LFS, not the file that it stands for",
    ),
    "text.pth": (b"these are no weights\n" * 9, "no checkpoint of torch"),
    "noise.pth": (b"\x01" + np.random.default_rng(3).bytes(5000), "no checkpoint of torch"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_checkpoint_is_told_by_what_it_is(name: str, tmp_path: Path) -> None:
    content, reason = FILES[name]
    (tmp_path / name).write_bytes(content)
    assert refused(tmp_path / name) == reason
    assert refused(tmp_path / name, read_script) in (reason, "no TorchScript archive, which is wanted here")


def test_archives_that_are_not_torchs_are_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("weights/readme.txt", "unzip me")
    for reader in (read_state, read_script):
        assert refused(tmp_path / "other.zip", reader) == "a ZIP archive, but none of torch's"
    with tarfile.open(tmp_path / "other.pth.tar", "w") as tar:
        tar.add(tmp_path / "other.zip", "other.zip")
    assert refused(tmp_path / "other.pth.tar") == "no checkpoint of torch"


def test_a_script_is_no_state_and_a_state_no_script(tmp_path: Path) -> None:
    reason = refused(script(tmp_path / "script.pt"))
    assert reason == "a TorchScript archive, where a checkpoint with a state dict is wanted"
    assert refused(trained(tmp_path / "state.pth"), read_script) == "no TorchScript archive, which is wanted here"


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=rf"^{tmp_path}: cannot be read \(Is a directory\)$"):
        read_state(tmp_path, NETWORK)


@pytest.mark.parametrize("head", [b"<html>", b" \n<HTML lang=en>", b'<?xml version="1.0"?>', b"<!doctype html>"])
def test_the_beginnings_of_web_pages_are_known(head: bytes) -> None:
    assert is_web_page(head)
    assert not is_web_page(b"PK\x03\x04" + head)


# Libraries that are not there


def test_a_library_that_is_not_installed_is_named_with_what_to_install() -> None:
    with pytest.raises(MissingExtraError) as missing:
        required("torch_of_the_future", NETWORK)
    assert str(missing.value) == ("model tiny: torch_of_the_future is not installed; pip install '.[models]'")


def test_without_torch_a_checkpoint_is_told_what_it_needs(tmp_path: Path) -> None:
    path = trained(tmp_path / "isc.pth.tar")
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path\nfrom reprise.models.checkpoints import read_state\n"
        "from reprise.models.catalogue import ISC\n"
        "try:\n    read_state(Path(sys.argv[1]), ISC)\n"
        "except Exception as error:\n    print(f'{type(error).__name__}: {error}')\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True, timeout=60
    )
    expected = "MissingExtraError: model isc: torch is not installed; pip install '.[models]'\n"
    assert finished.stdout == expected
