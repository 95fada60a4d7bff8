"""What runs a network: exports are made once, checked, made anew when damaged; wrong weights and devices are told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from footage import footage
from numpy.typing import NDArray

import random_networks
from reprise.errors import MissingWeightsError, SettingsError, WeightsError
from reprise.models import backends, isc, onnx_cache, resnet50, sscd, timm_network
from reprise.models.catalogue import network
from reprise.models.loading import load

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # SSCD is published as TorchScript

Frames = list[NDArray[np.uint8]]
Checkpoint = Callable[[str], Path]
SMALL = (64, 64)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache: its folder of exports."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "reprise" / "onnx"


def embed_sscd(path: Path, frames: Frames, backend: str = "onnx") -> tuple[str, NDArray[np.float32]]:
    embed = sscd.load(replace(network("sscd"), picture=SMALL), path, "cpu", 1, backend=backend)
    return embed.backend, embed(frames)


def test_a_network_is_exported_once_and_then_runs_without_its_weights(
    cache: Path, checkpoint: Checkpoint, frames: Frames
) -> None:
    kind, first = embed_sscd(checkpoint("sscd"), frames)
    assert kind == "OnnxRunner"
    (export,) = cache.glob("*.onnx")
    written = export.stat().st_mtime_ns
    assert np.array_equal(embed_sscd(checkpoint("sscd"), frames)[1], first)
    assert export.stat().st_mtime_ns == written
    assert {file.suffix for file in cache.iterdir()} == {".onnx", ".lock"}


def test_a_damaged_export_is_made_anew(cache: Path, checkpoint: Checkpoint, frames: Frames) -> None:
    _, first = embed_sscd(checkpoint("sscd"), frames)
    (export,) = cache.glob("*.onnx")
    content = export.read_bytes()
    for damaged in (b"", b"no network", content[: len(content) // 2], content[:-3]):
        export.write_bytes(damaged)
        kind, again = embed_sscd(checkpoint("sscd"), frames)
        assert kind == "OnnxRunner"
        assert np.array_equal(again, first)
        assert export.stat().st_size == len(content)


def test_processes_that_want_an_export_at_once_make_one(cache: Path, checkpoint: Checkpoint) -> None:
    script = (
        "import os, sys\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from reprise.models import onnx_cache, sscd\n"
        "from reprise.models.catalogue import network\n"
        "made = onnx_cache.export\n"
        "def counted(*arguments):\n"
        "    print('exports')\n"
        "    return made(*arguments)\n"
        "onnx_cache.export = counted\n"
        f"known = replace(network('sscd'), picture={SMALL})\n"
        f"print(sscd.load(known, Path({str(checkpoint('sscd'))!r}), 'cpu', 1, backend='onnx').backend)\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=120)[0].split() for process in both)
    assert said == [["OnnxRunner"], ["exports", "OnnxRunner"]]
    assert [file.suffix for file in cache.iterdir()].count(".onnx") == 1


def test_other_weights_sizes_and_arguments_have_exports_of_their_own(checkpoint: Checkpoint) -> None:
    known = network("isc")
    files = {
        onnx_cache.file_of(known, checkpoint("sscd"), SMALL),
        onnx_cache.file_of(known, checkpoint("resnet50"), SMALL),
        onnx_cache.file_of(known, checkpoint("sscd"), (512, 512)),
        onnx_cache.file_of(network("isc-gem1"), checkpoint("sscd"), SMALL),
        onnx_cache.file_of(replace(known, arguments=(("gem_p", "2"),)), checkpoint("sscd"), SMALL),
    }
    assert len(files) == 5


class Unlike(torch.nn.Module):
    """Gives other numbers while it is traced for an export than when it runs."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        means = pictures.mean(dim=(2, 3))
        return means.flip(1) if torch.jit.is_tracing() else means


def test_an_export_whose_outputs_differ_is_not_used_and_not_tried_again(cache: Path, checkpoint: Checkpoint) -> None:
    known = replace(network("sscd"), picture=SMALL, dimension=3)
    built = []

    def build() -> torch.nn.Module:
        built.append(Unlike().eval())
        return built[-1]

    path = checkpoint("sscd")
    for _ in range(2):
        assert isinstance(backends.run_on(known, path, build, SMALL, device="cpu"), backends.TorchRunner)
    (note,) = cache.glob("*.txt")
    assert "its outputs differ from torch's" in note.read_text()
    with pytest.raises(SettingsError, match=r"cannot be run by ONNX Runtime.*take backend torch"):
        backends.run_on(known, path, build, SMALL, device="cpu", backend="onnx")


def test_where_the_cache_cannot_be_written_torch_runs_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Checkpoint, frames: Frames
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert embed_sscd(checkpoint("sscd"), frames, "auto")[0] == "TorchRunner"


@pytest.mark.usefixtures("cache")
def test_several_threads_are_the_same_numbers(checkpoint: Checkpoint, frames: Frames) -> None:
    known = replace(network("sscd"), picture=SMALL)
    for backend in ("torch", "onnx"):
        one, two = (sscd.load(known, checkpoint("sscd"), "cpu", threads, backend=backend) for threads in (1, 2))
        np.testing.assert_allclose(one(frames), two(frames), atol=2e-6)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_cuda_device_that_is_not_there_is_told(checkpoint: Checkpoint) -> None:
    for device in ("cuda", "cuda:0"):
        with pytest.raises(SettingsError, match=f"device {device}: torch finds no CUDA device here; use cpu"):
            load(network("sscd"), weights=str(checkpoint("sscd")), device=device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_what_the_cpu_gives_to_half_precision(checkpoint: Checkpoint, frames: Frames) -> None:
    for name, module in (("sscd", sscd), ("resnet50", resnet50)):
        path = checkpoint(name)
        cpu, gpu = (module.load(network(name), path, device, 1, backend="torch") for device in ("cpu", "cuda"))
        assert (cpu(frames) * gpu(frames)).sum(axis=1).min() > 0.999


# --- wrong weights


@pytest.mark.usefixtures("cache")
def test_weights_of_another_network_are_refused_by_name(checkpoint: Checkpoint) -> None:
    with pytest.raises(WeightsError, match=r"resnet50-11ad3fa6.*not the weights of isc: .*missing"):
        isc.load(network("isc"), checkpoint("resnet50"), "cpu", 1)
    with pytest.raises(WeightsError, match=r"isc_ft_v107.*not the weights of resnet50: .*missing"):
        resnet50.load(network("resnet50"), checkpoint("isc"), "cpu", 1)
    with pytest.raises(WeightsError, match=r"resnet50-11ad3fa6.*not the weights of sscd: "):
        sscd.load(network("sscd"), checkpoint("resnet50"), "cpu", 1)
    known = network("timm/vit_tiny_patch16_224")
    with pytest.raises(WeightsError, match=r"resnet50-11ad3fa6.*not the weights of timm/vit_tiny"):
        timm_network.load(known, checkpoint("resnet50"), "cpu", 1)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_a_script_of_another_dimension_is_refused(checkpoint: Checkpoint, backend: str) -> None:
    large = replace(network("sscd-large"), picture=SMALL)
    with pytest.raises(WeightsError, match=r"not the weights of sscd-large: .*\[\d, 512\], not \[\d, 1024\]"):
        sscd.load(large, checkpoint("sscd"), "cpu", 1, backend=backend)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", ["isc", "sscd", "resnet50", "timm/vit_tiny_patch16_224"])
def test_truncated_weights_are_refused(checkpoint: Checkpoint, tmp_path: Path, name: str) -> None:
    whole = checkpoint(name)
    cut = tmp_path / whole.name
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match=f"{cut.name}: not the weights of {name}"):
        load(network(name), weights=str(cut), device="cpu")


@pytest.mark.usefixtures("cache")
def test_missing_weights_of_timm_are_told_by_their_file_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPRISE_WEIGHTS", raising=False)
    with pytest.raises(MissingWeightsError, match=r"vit_tiny_patch16_224\.augreg_in21k_ft_in1k\.safetensors or "):
        load(network("timm/vit_tiny_patch16_224"), device="cpu")
    hub = "https://huggingface.co/timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k/resolve/main/model.safetensors"
    assert network("timm/vit_tiny_patch16_224").weights[0].url == hub


@pytest.mark.usefixtures("cache")
def test_weights_with_other_classes_or_none_serve_too(tmp_path: Path, frames: Frames) -> None:
    known = network("timm/resnet18")
    for classes in (7, 0):
        path = random_networks.of_timm(tmp_path / f"of-{classes}.pth", "resnet18", classes=classes)
        assert timm_network.load(known, path, "cpu", 1, backend="torch")(frames).shape == (3, 512)


# --- nothing installed

WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision", "timm", "open_clip"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
"""


@pytest.mark.parametrize(
    ("name", "file"),
    [("isc", "isc"), ("sscd", "sscd"), ("resnet50", "resnet50"), ("timm/resnet18", "resnet50")],
)
def test_without_torch_the_extra_is_named(checkpoint: Checkpoint, tmp_path: Path, name: str, file: str) -> None:
    footage(tmp_path / "video.mp4", range(2))
    script = WITHOUT + (
        "from command_line import run\n"
        f"done = run('ingest', '--workers', '1', {str(tmp_path)!r}, '--library', {str(tmp_path / 'library')!r}, "
        f"'--model', {name!r}, '--weights', {str(checkpoint(file))!r})\n"
        "print(done.err)"
    )
    tests = str(Path(__file__).parents[1])
    environment = {"PYTHONPATH": ":".join([tests, *sys.path]), "XDG_CACHE_HOME": str(tmp_path), "PATH": ""}
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert f"model {name}: " in said.stdout
    assert "is not installed; pip install '.[models]'" in said.stdout
    assert "Traceback" not in said.stdout + said.stderr


def test_importing_reprise_loads_no_torch() -> None:
    script = "import sys, reprise, reprise.cli, towhee; [c.load() for c in reprise.cli.COMMANDS.values()]; " + (
        "sys.exit(any(name in sys.modules for name in ('torch', 'torchvision', 'timm', 'open_clip')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
