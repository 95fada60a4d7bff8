"""ViSiL's published files with random numbers in them: same names, same keys, same kinds of file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torchvision

DIMENSIONS = {"visil.pth": 3840, "visil_symmetric.pth": 512}


def write_visil(folder: Path) -> Path:
    """visil.pth, visil_symmetric.pth, pca_resnet50_vcdb_1M.pth and resnet50-0676ba61.pth; returns `folder`."""
    torch.manual_seed(20)
    for name, dimension in DIMENSIONS.items():
        torch.save(head(dimension), folder / name)
    directions = torch.linalg.qr(torch.randn(3840, 512))[0]
    whitening = {
        "mean": torch.randn(3840) * 0.01,
        "d": torch.linspace(1e-6, 1e-4, 3840)[torch.randperm(3840)],  # in no order, no two alike
        # Of unit length; a whole orthogonal matrix would take a minute.
        "V": torch.cat([directions, torch.nn.functional.normalize(torch.randn(3840, 3328), dim=0)], dim=1),
    }
    torch.save(whitening, folder / "pca_resnet50_vcdb_1M.pth")
    torch.save(backbone_state(), folder / "resnet50-0676ba61.pth")
    return folder


def head(dimension: int) -> dict[str, Any]:
    """The state of ViSiL's head, by its published keys."""
    sizes = {"conv1": (1, 32, 3), "conv2": (32, 64, 3), "conv3": (64, 128, 3), "fconv": (128, 1, 1)}
    state = {"attention.context_vector.weight": torch.nn.functional.normalize(torch.randn(1, dimension), dim=1)}
    for name, (inputs, outputs, width) in sizes.items():
        scale = (2 / (inputs * width * width)) ** 0.5
        state[f"video_comperator.{name}.weight"] = torch.randn(outputs, inputs, width, width) * scale
        state[f"video_comperator.{name}.bias"] = torch.randn(outputs) * 0.05
    return state


def backbone_state() -> dict[str, Any]:
    """The state of torchvision's ResNet50, with normalisation statistics that keep activations alive."""
    state = dict(torchvision.models.resnet50(weights=None).state_dict())
    for key, tensor in state.items():
        if key.endswith("running_var"):
            state[key] = torch.rand_like(tensor) + 0.5
        elif key.endswith("running_mean"):
            state[key] = torch.randn_like(tensor) * 0.1
    return state
