"""Whitening and negative-embedding subtraction, fitted on drawn images and baked into the weights.

Raw embeddings crowd: some directions are shared by all pictures, and a picture of little content is close to
many others, so that one score means one thing here and another there. Whitening makes all directions count
alike; then each embedding is moved away from the drawn images that are nearest to it, which no copy of it can
be (negative embedding subtraction: Yokoo 2021, the winning descriptor of the Image Similarity Challenge).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from reprise.training.edits import medium_view, mild_view
from reprise.training.images import draw
from reprise.training.network import DIMENSION, HIDDEN, DescriptorNetwork, normalised, pooled

FITTING = 3  # beside the streams of stream.py: no image of the training or its validation


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """How the correction of the embeddings is fitted; chosen on drawn images and the benchmark's choosing part."""

    seed: int = 1
    images: int = 8_192  # drawn images for the whitening
    shrinkage: float = 0.005  # share of the largest variance that is added to all: full whitening blows up noise
    negatives: int = 2_048  # of those, kept in the weights
    nearest: int = 32  # negatives that an embedding is moved away from
    weight: float = 0.5  # of their mean


class CalibratedDescriptor(nn.Module):
    """Frames [n, height, width, 3] uint8 RGB to embeddings [n, 256] of length 1: what is exported."""

    def __init__(self, network: DescriptorNetwork, settings: CalibrationSettings) -> None:
        super().__init__()
        self.features = network.features
        self.embed = nn.Linear(HIDDEN, DIMENSION)
        with torch.no_grad():
            weight, bias = _as_one_layer(network.embed)
            self.embed.weight.copy_(weight)
            self.embed.bias.copy_(bias)
        self.negatives: Tensor
        self.register_buffer("negatives", torch.zeros(settings.negatives, DIMENSION))
        self.nearest, self.weight = settings.nearest, settings.weight

    def whitened(self, frames: Tensor) -> Tensor:
        """Embeddings before the subtraction."""
        x = normalised(frames.permute(0, 3, 1, 2).float())
        return F.normalize(self.embed(pooled(self.features(x))), dim=-1)

    def forward(self, frames: Tensor) -> Tensor:
        embeddings = self.whitened(frames)
        similarity = embeddings @ self.negatives.T
        nearest = similarity.topk(self.nearest, dim=1).indices
        return F.normalize(embeddings - self.weight * self.negatives[nearest].mean(1), dim=-1)


@torch.inference_mode()
def calibrated(
    network: DescriptorNetwork, picture_size: int, settings: CalibrationSettings | None = None
) -> CalibratedDescriptor:
    """The network with its correction, for pictures of `picture_size` pixels a side."""
    settings = settings or CalibrationSettings()
    descriptor = CalibratedDescriptor(network.eval(), settings).eval()
    raw = torch.cat([_raw(descriptor, frames) for frames in _drawn(settings, picture_size)])
    projection, mean = _whitening(raw.numpy().astype(np.float64), settings.shrinkage)
    with torch.no_grad():
        weight, bias = descriptor.embed.weight.double(), descriptor.embed.bias.double()
        descriptor.embed.weight.copy_(projection @ weight)
        descriptor.embed.bias.copy_(projection @ (bias - mean))
        whitened = F.normalize((raw.double() - mean) @ projection.T, dim=-1).float()
        descriptor.negatives.copy_(whitened[: settings.negatives])
    return descriptor


def _raw(descriptor: CalibratedDescriptor, frames: NDArray[np.uint8]) -> Tensor:
    x = normalised(torch.from_numpy(frames).permute(0, 3, 1, 2).float())
    return descriptor.embed(pooled(descriptor.features(x)))


def _drawn(settings: CalibrationSettings, size: int) -> Iterator[NDArray[np.uint8]]:
    """Batches of drawn images, half as they are and half edited, as library frames and queries are."""
    batch = 64
    for start in range(0, settings.images, batch):
        views = []
        for number in range(start, min(start + batch, settings.images)):
            rng = np.random.default_rng((settings.seed, FITTING, number))
            image = draw(rng)
            if number % 2:
                other = draw(rng)
                views.append(cv2.resize(medium_view(rng, image, other, len(image)), (size, size)))
            else:
                views.append(cv2.resize(mild_view(rng, image, len(image)), (size, size)))
        yield np.stack(views).astype(np.uint8)


def _as_one_layer(embed: nn.Sequential) -> tuple[Tensor, Tensor]:
    """Weight and bias of the one linear layer that BatchNorm, Linear and BatchNorm amount to when trained."""
    first, linear, last = embed
    assert isinstance(first, nn.BatchNorm1d)
    assert isinstance(linear, nn.Linear)
    assert isinstance(last, nn.BatchNorm1d)
    assert first.running_var is not None
    assert first.running_mean is not None
    assert last.running_var is not None
    assert last.running_mean is not None
    scale_in = first.weight / (first.running_var + first.eps).sqrt()
    shift_in = first.bias - first.running_mean * scale_in
    scale_out = 1 / (last.running_var + last.eps).sqrt()
    weight = linear.weight * scale_in * scale_out[:, None]
    bias = (linear.weight @ shift_in - last.running_mean) * scale_out
    return weight, bias


def _whitening(raw: NDArray[np.float64], shrinkage: float) -> tuple[Tensor, Tensor]:
    """(projection [dim, dim], mean [dim]): principal components to (nearly) equal variance."""
    mean = raw.mean(0)
    variance, axes = np.linalg.eigh(np.cov(raw - mean, rowvar=False))
    projection = (axes / np.sqrt(variance + shrinkage * variance.max())).T
    return torch.from_numpy(projection), torch.from_numpy(mean)
