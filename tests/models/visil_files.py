"""ViSiL's published files with random numbers in them: same names, same keys, same kinds of file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray

from reprise.models.visil.features import Features

DIMENSIONS = {"visil.pth": 3840, "visil_symmetric.pth": 512}


def write_visil(folder: Path, squares: list[NDArray[np.uint8]]) -> Path:
    """visil.pth, visil_symmetric.pth, pca_resnet50_vcdb_1M.pth and resnet50-0676ba61.pth; returns `folder`.

    The whitening is that of `squares`, each [224, 224, 3] uint8: without any, all frames would look alike to a
    network of random numbers.
    """
    torch.manual_seed(20)
    for name, dimension in DIMENSIONS.items():
        torch.save(head(dimension), folder / name)
    backbone = backbone_state()
    torch.save(backbone, folder / "resnet50-0676ba61.pth")
    torch.save(whitening_of(squares, backbone), folder / "pca_resnet50_vcdb_1M.pth")
    return folder


def whitening_of(squares: list[NDArray[np.uint8]], state: dict[str, Any]) -> dict[str, Any]:
    """Principal components of the squares' regions, made up to 3840 with random directions of unit length."""
    resnet = torchvision.models.resnet50(weights=None).eval()
    resnet.load_state_dict(state)
    plain = Features(torch, resnet, torch.zeros(3840), torch.eye(3840), torch.zeros(3840))
    regions = torch.from_numpy(plain(squares)).flatten(0, 1) * 2  # the context vector of 0 has halved them
    mean = regions.mean(dim=0)
    _, scales, found = torch.linalg.svd(regions - mean, full_matrices=False)
    count = len(scales) - 1
    variances = scales[:count] ** 2 / count
    others = variances.median() * torch.linspace(1.01, 1.1, 3840 - count)  # no two alike
    directions = torch.nn.functional.normalize(torch.randn(3840, 3840 - count), dim=0)
    order = torch.randperm(3840)  # nothing says that they are sorted
    return {
        "mean": mean,
        "d": torch.cat([variances, others])[order],
        "V": torch.cat([found[:count].T, directions], dim=1)[:, order],
    }


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
