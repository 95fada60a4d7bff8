"""The network of the built-in descriptor: small, convolutional, one vector a picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DIMENSION = 256
WIDTHS = (32, 64, 256)  # channels at 1/4, 1/8 and 1/16 of the picture's side
BLOCKS = (1, 2, 2)
HIDDEN = 512
GEM_POWER = 3  # generalised mean: between average and maximum pooling (Radenovic et al. 2019)


class Block(nn.Module):
    """A residual block of two 3x3 convolutions (He et al. 2016); the way past a reduction averages first."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        # Starting near the identity makes the first steps stable at a high learning rate.
        nn.init.constant_(self.second_norm.weight, 0.2)
        self.past: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.past = nn.Sequential(
                nn.AvgPool2d(2) if stride == 2 else nn.Identity(),
                nn.Conv2d(inputs, outputs, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.first_norm(self.first(x)), inplace=True)
        return F.relu(self.second_norm(self.second(y)) + self.past(x), inplace=True)


class DescriptorNetwork(nn.Module):
    """Pictures [n, 3, height, width] RGB, 0 to 255, to embeddings [n, 256] of length 1."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, WIDTHS[0], 7, 4, 3, bias=False),
            nn.BatchNorm2d(WIDTHS[0]),
            nn.ReLU(inplace=True),
        ]
        channels = WIDTHS[0]
        for stage, (width, blocks) in enumerate(zip(WIDTHS, BLOCKS, strict=True)):
            for block in range(blocks):
                layers.append(Block(channels, width, 2 if stage and not block else 1))
                channels = width
        layers += [nn.Conv2d(channels, HIDDEN, 1, bias=False), nn.BatchNorm2d(HIDDEN), nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*layers)
        # Normalising what goes into and what comes out of the last layer was the largest single gain found.
        self.embed = nn.Sequential(
            nn.BatchNorm1d(HIDDEN), nn.Linear(HIDDEN, DIMENSION, bias=False), nn.BatchNorm1d(DIMENSION, affine=False)
        )

    def forward(self, pictures: Tensor, *, mixed_precision: bool = False) -> Tensor:
        """`mixed_precision` runs the convolutions in bfloat16, for training."""
        x = normalised(pictures.float()).contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=mixed_precision):
            y = self.features(x)
        return F.normalize(self.embed(pooled(y)), dim=-1)


def normalised(pictures: Tensor) -> Tensor:
    """Opponent colours, each brought to mean 0 and about deviation 1 picture by picture.

    What is left does not change with brightness, contrast, channel gains or casts: edits that every repost has.
    """
    red, green, blue = pictures[:, 0:1], pictures[:, 1:2], pictures[:, 2:3]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    luma = luma - luma.mean((2, 3), keepdim=True)
    # The constants keep a flat picture's noise from being blown up.
    luma = luma / (luma.square().mean((2, 3), keepdim=True).sqrt() + 8)
    opponents = torch.cat([blue - green, red - green], 1)
    opponents = opponents - opponents.mean((2, 3), keepdim=True)
    opponents = opponents / (2 * opponents.square().mean((2, 3), keepdim=True).sqrt() + 10)
    return torch.cat([luma, opponents], 1)


def pooled(features: Tensor) -> Tensor:
    """Generalised mean over the places: [n, channels, height, width] to [n, channels]."""
    # Written out as a product: the general power costs a quarter of a training step.
    x = features.clamp(min=1e-3)
    return (x * x * x).mean((2, 3), dtype=torch.float32).pow(1 / GEM_POWER)
