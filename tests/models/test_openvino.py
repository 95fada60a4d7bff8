"""OpenVINO gives the same vectors, is chosen where it is faster, and is left where it would spoil them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reprise.descriptor import Descriptor
from reprise.errors import MissingExtraError, SettingsError
from reprise.models import backends, openvino_runner, resnet50, sscd
from reprise.models.catalogue import network
from reprise.openvino_program import has_bf16

pytest.importorskip("openvino", reason="OpenVINO comes with the extra `openvino`")
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # SSCD is published as TorchScript

Frames = list[NDArray[np.uint8]]
Checkpoint = Callable[[str], Path]
SMALL = (64, 64)
KNOWN = replace(network("sscd"), picture=SMALL)
needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="this CPU has no bfloat16")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache: its folder of exports."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "reprise" / "onnx"


def test_in_full_precision_the_vectors_are_those_of_torch(checkpoint: Checkpoint, frames: Frames) -> None:
    by_torch, by_openvino = (
        sscd.load(KNOWN, checkpoint("sscd"), "cpu", 1, backend=backend) for backend in ("torch", "openvino")
    )
    assert (by_torch.backend, by_openvino.backend) == ("TorchRunner", "OpenVinoRunner")
    np.testing.assert_allclose(by_openvino(frames), by_torch(frames), atol=2e-5)


@needs_bf16
@pytest.mark.parametrize(("name", "module"), [("sscd", sscd), ("resnet50", resnet50)])
def test_in_bfloat16_the_vectors_are_nearly_those_of_torch(
    checkpoint: Checkpoint, frames: Frames, name: str, module: object
) -> None:
    load = module.load  # type: ignore[attr-defined]
    by_torch, by_openvino = (
        load(network(name), checkpoint(name), "cpu", 1, backend=backend) for backend in ("torch", "openvino-bf16")
    )
    cosines = (by_torch(frames) * by_openvino(frames)).sum(axis=1)
    assert cosines.min() > openvino_runner.MIN_BF16_COSINE
    assert not np.array_equal(by_torch(frames), by_openvino(frames))


def test_any_number_of_frames_and_several_threads_give_each_frame_its_vector(
    checkpoint: Checkpoint, frames: Frames
) -> None:
    embed = sscd.load(KNOWN, checkpoint("sscd"), "cpu", 1, backend="openvino")
    one_by_one = np.concatenate([embed([frame]) for frame in frames])
    np.testing.assert_allclose(embed(frames * 3), np.tile(one_by_one, (3, 1)), atol=1e-5)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(embed, [frames] * 12):
            np.testing.assert_allclose(found, one_by_one, atol=1e-5)


@needs_bf16
def test_it_is_chosen_by_itself_where_it_is_installed_and_onnx_runtime_where_not(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sscd.load(KNOWN, checkpoint("sscd"), "cpu", 1).backend == "OpenVinoRunner"
    monkeypatch.setitem(sys.modules, "openvino", None)  # what an import finds of a module that is not there
    assert sscd.load(KNOWN, checkpoint("sscd"), "cpu", 1).backend == "OnnxRunner"
    with pytest.raises(MissingExtraError, match=r"backend openvino needs OpenVINO; pip install '\.\[openvino\]'"):
        sscd.load(KNOWN, checkpoint("sscd"), "cpu", 1, backend="openvino")


class Coarse(torch.nn.Module):
    """Small differences of large numbers, of which nothing is left in bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = torch.nn.Linear(3, 3, bias=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.mix(pictures.mean(dim=(2, 3)) + 100) - self.mix.weight.sum(dim=1) * 100
        return mixed


@needs_bf16
def test_a_network_that_bfloat16_would_spoil_stays_in_onnx_runtime(cache: Path, checkpoint: Checkpoint) -> None:
    torch.manual_seed(0)
    known = replace(KNOWN, dimension=3)
    path = checkpoint("sscd")
    for _ in range(2):
        run = backends.run_on(known, path, lambda: Coarse().eval(), SMALL, device="cpu")
        assert isinstance(run, backends.OnnxRunner)
    (note,) = cache.glob("*.bf16.txt")
    assert "its vectors in bfloat16 are others" in note.read_text()
    with pytest.raises(SettingsError, match=r"cannot be run in bfloat16 \(.*cosine.*\); take backend onnx"):
        backends.run_on(known, path, lambda: Coarse().eval(), SMALL, device="cpu", backend="openvino-bf16")


@pytest.mark.parametrize("backend", ["auto", "openvino"])
def test_a_damaged_export_is_made_anew(cache: Path, checkpoint: Checkpoint, frames: Frames, backend: str) -> None:
    first = sscd.load(KNOWN, checkpoint("sscd"), "cpu", 1, backend=backend)
    (export,) = cache.glob("*.onnx")
    content = export.read_bytes()
    for damaged in (b"", b"no network", content[: len(content) // 2]):
        export.write_bytes(damaged)
        again = sscd.load(KNOWN, checkpoint("sscd"), "cpu", 1, backend=backend)
        assert again.backend == first.backend
        np.testing.assert_allclose(again(frames), first(frames), atol=1e-6)
        assert export.stat().st_size == len(content)


@pytest.mark.parametrize(("backend", "least"), [("openvino", 0.99999), ("openvino-bf16", 0.995)])
def test_the_built_in_descriptor_runs_in_it_where_the_variable_says_so(
    monkeypatch: pytest.MonkeyPatch, frames: Frames, backend: str, least: float
) -> None:
    if backend == "openvino-bf16" and not has_bf16():
        pytest.skip("this CPU has no bfloat16")
    usual = Descriptor("cpu", 1)(frames)
    monkeypatch.setenv("REPRISE_BACKEND", backend)
    found = Descriptor("cpu", 1)(frames)
    assert found.shape == usual.shape
    assert least < (found * usual).sum(axis=1).min() <= 1.0001
    assert not np.array_equal(found, usual)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_the_variable_chooses_for_the_other_networks_too(
    monkeypatch: pytest.MonkeyPatch, checkpoint: Checkpoint
) -> None:
    monkeypatch.setenv("REPRISE_BACKEND", "torch")
    assert sscd.load(KNOWN, checkpoint("sscd"), "cpu", 1).backend == "TorchRunner"
    assert sscd.load(KNOWN, checkpoint("sscd"), "cpu", 1, backend="openvino").backend == "OpenVinoRunner"
    monkeypatch.setenv("REPRISE_BACKEND", "fast")
    with pytest.raises(SettingsError, match=r"\$REPRISE_BACKEND must be one of auto, torch, .*, not 'fast'"):
        sscd.load(KNOWN, checkpoint("sscd"), "cpu", 1)
