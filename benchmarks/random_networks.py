"""Checkpoints of random numbers in the layouts in which the networks are published, for tests and speed benchmarks.

The numbers are drawn from a fixed seed.
"""

from __future__ import annotations

import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
from safetensors.torch import save_file

ISC_BACKBONE = "tf_efficientnetv2_m.in21k_ft_in1k"
ISC_FILE = "isc_ft_v107.pth.tar"
SSCD_FILE = "sscd_disc_mixup.torchscript.pt"
RESNET50_FILE = "resnet50-11ad3fa6.pth"
BLOCK_ENDS = ("bn3", "bn2", "bn1")


class GeM(torch.nn.Module):
    """Generalised-mean pooling as in the published TorchScript files of SSCD."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.flatten(2).clamp(min=1e-6).pow(3.0).mean(dim=2).pow(1 / 3.0)


class Sscd(torch.nn.Module):
    """SSCD on torchvision's ResNet50."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.backbone = torchvision.models.resnet50(num_classes=dimension)
        self.backbone.avgpool = GeM()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(self.backbone(pictures))


def isc(path: Path, *, backbone: str = ISC_BACKBONE) -> Path:
    """What lyakaap's training saves of a network on several GPUs."""
    torch.manual_seed(1)
    features = settled(timm.create_model(backbone, features_only=True))
    state = {f"module.backbone.{key}": tensor for key, tensor in features.state_dict().items()}
    draw = torch.Generator().manual_seed(1)
    state["module.fc.weight"] = torch.randn(256, features.feature_info.info[-1]["num_chs"], generator=draw) * 0.05
    state["module.bn.weight"] = torch.rand(256, generator=draw) + 0.5
    state["module.bn.bias"] = torch.randn(256, generator=draw) * 0.1
    state["module.bn.running_mean"] = torch.randn(256, generator=draw) * 0.1
    state["module.bn.running_var"] = torch.rand(256, generator=draw) + 0.5
    state["module.bn.num_batches_tracked"] = torch.tensor(3)
    options = Namespace(arch="tf_efficientnetv2_m_in21ft1k", input_size=512, gem_p=1.0, gem_eval_p=4.0)
    torch.save({"epoch": 10, "arch": options.arch, "state_dict": state, "args": options}, path)
    return path


def sscd(path: Path, *, dimension: int = 512, seed: int = 2) -> Path:
    """A TorchScript archive."""
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated; it is what is published
        torch.jit.script(settled(Sscd(dimension))).save(str(path))
    return path


def resnet50(path: Path) -> Path:
    """A bare state dict, as torchvision publishes it."""
    torch.manual_seed(3)
    torch.save(settled(torchvision.models.resnet50()).state_dict(), path)
    return path


def of_timm(path: Path, name: str, *, classes: int = 1000) -> Path:
    """A state dict of a network of timm, as on the Hugging Face hub for `.safetensors`."""
    torch.manual_seed(4)
    model = timm.create_model(name, num_classes=classes)
    state = settled(model).state_dict()
    if path.suffix == ".safetensors":
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, path)
    else:
        torch.save(state, path)
    return path


def settled(module: Any) -> Any:
    """The module in evaluation mode, so drawn that what it is shown neither fades nor grows on its way through it.

    As untrained networks are, most deep ones give next to nothing, and make much of the least difference.
    """
    for part in module.modules():
        if isinstance(part, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(part.weight, mode="fan_in")
        elif isinstance(part, torch.nn.BatchNorm2d):
            for numbers, low, high in ((part.weight, 0.8, 1.2), (part.running_var, 0.8, 1.2)):
                torch.nn.init.uniform_(numbers, low, high)
            for numbers in (part.bias, part.running_mean):
                torch.nn.init.normal_(numbers, std=0.02)
    for part in module.modules():
        # The last of a block's: what the block adds to its input is then little.
        last = next((getattr(part, name) for name in BLOCK_ENDS if part is not module and hasattr(part, name)), None)
        if isinstance(last, torch.nn.BatchNorm2d):
            low = 0.1 if getattr(part, "has_skip", True) else 1.0
            torch.nn.init.uniform_(last.weight, low, 1.5 * low)
    return module.eval()
