"""Each network gives what an independent forward pass with the same weights gives, on torch and ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torchvision import transforms

import random_networks
from reprise.models import isc, resnet50, sscd, timm_network
from reprise.models.catalogue import network
from reprise.models.network import Network

pytestmark = [
    pytest.mark.usefixtures("stored_exports"),
    pytest.mark.filterwarnings("ignore:`torch.jit"),  # SSCD is published as TorchScript
]

Frames = list[NDArray[np.uint8]]
Checkpoint = Callable[[str], Path]
BACKENDS = ["torch", "onnx"]
IMAGENET = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
TIMM = "timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k"
SMALL = (64, 64)  # the networks that are convolutional throughout take any size


def pictures(frames: Frames, *steps: Any) -> torch.Tensor:
    prepare = transforms.Compose(steps)
    return torch.stack([prepare(Image.fromarray(frame)) for frame in frames])


def agree(found: NDArray[np.float32], expected: torch.Tensor) -> None:
    unit = torch.nn.functional.normalize(expected).numpy()
    np.testing.assert_allclose(found, unit, rtol=0, atol=1e-5)
    # Were all frames one to the network, agreeing would say little.
    assert (unit @ unit.T).min() < 0.999


@pytest.mark.parametrize(
    ("name", "power", "backend"), [("isc", 4.0, "torch"), ("isc", 4.0, "onnx"), ("isc-gem1", 1.0, "torch")]
)
def test_isc_is_efficientnet_gem_linear_batch_normalisation_and_l2(
    checkpoint: Checkpoint, frames: Frames, name: str, power: float, backend: str
) -> None:
    path = checkpoint(name)
    found = isc.load(replace(network(name), picture=SMALL), path, "cpu", 1, backend=backend)(frames)

    content = torch.load(path, weights_only=False)["state_dict"]
    state = {key.removeprefix("module."): tensor for key, tensor in content.items()}
    backbone = timm.create_model(random_networks.ISC_BACKBONE, features_only=True).eval()
    backbone.load_state_dict(
        {key.removeprefix("backbone."): tensor for key, tensor in state.items() if key.startswith("backbone.")}
    )
    half = transforms.Normalize([0.5] * 3, [0.5] * 3)
    with torch.no_grad():
        maps = backbone(pictures(frames, transforms.Resize(SMALL), transforms.ToTensor(), half))[-1]
        pooled = maps.clamp(min=1e-6).pow(power).mean(dim=(2, 3)).pow(1 / power)
        linear = pooled @ state["fc.weight"].T
        normal = (linear - state["bn.running_mean"]) / (state["bn.running_var"] + 1e-5).sqrt()
        expected = normal * state["bn.weight"] + state["bn.bias"]
    agree(found, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_sscd_is_resnet50_gem_linear_and_l2(checkpoint: Checkpoint, frames: Frames, backend: str) -> None:
    path = checkpoint("sscd")
    found = sscd.load(network("sscd"), path, "cpu", 1, backend=backend)(frames)

    plain = random_networks.Sscd(512).eval()
    plain.load_state_dict(torch.jit.load(path).state_dict())
    backbone = plain.backbone
    with torch.no_grad():
        maps = pictures(frames, transforms.Resize([320, 320]), transforms.ToTensor(), IMAGENET)
        for part in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"):
            maps = getattr(backbone, part)(maps)
        pooled = maps.clamp(min=1e-6).pow(3).mean(dim=(2, 3)).pow(1 / 3)
        expected = pooled @ backbone.fc.weight.T + backbone.fc.bias
    agree(found, expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["resnet50", "resnet50-logits"])
def test_resnet50_is_torchvisions_with_its_own_transforms(
    checkpoint: Checkpoint, frames: Frames, backend: str, name: str
) -> None:
    path = checkpoint(name)
    found = resnet50.load(network(name), path, "cpu", 1, backend=backend)(frames)

    model = torchvision.models.resnet50()
    model.load_state_dict(torch.load(path))
    if name == "resnet50":
        model.fc = torch.nn.Identity()
    published = torchvision.models.ResNet50_Weights.IMAGENET1K_V2.transforms()
    with torch.no_grad():
        expected = model.eval()(pictures(frames, published))
    agree(found, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_network_of_timm_gives_its_pooled_features(checkpoint: Checkpoint, frames: Frames, backend: str) -> None:
    path = checkpoint(TIMM)
    found = timm_network.load(network(TIMM), path, "cpu", 1, backend=backend)(frames)

    model = timm.create_model(TIMM.removeprefix("timm/"), num_classes=0).eval()
    model.load_state_dict({key: tensor for key, tensor in load_file(path).items() if not key.startswith("head.")})
    config = timm.data.resolve_model_data_config(model)
    with torch.no_grad():
        expected = model(pictures(frames, timm.data.create_transform(**config)))
    agree(found, expected)


def test_pooling_as_towhees_takes_the_first_token(checkpoint: Checkpoint, frames: Frames) -> None:
    name = "timm/gmixer_12_224"
    path = checkpoint(name)
    known = network(name)
    towhee = replace(known, arguments=(*known.arguments, ("pooling", "towhee")))
    found = timm_network.load(towhee, path, "cpu", 1, backend="torch")(frames)

    model = timm.create_model("gmixer_12_224").eval()
    model.load_state_dict(load_file(path))
    config = timm.data.resolve_model_data_config(model)
    with torch.no_grad():
        tokens = model.forward_features(pictures(frames, timm.data.create_transform(**config)))
    np.testing.assert_allclose(found, torch.nn.functional.normalize(tokens[:, 0]).numpy(), rtol=0, atol=1e-5)
    own = timm_network.load(known, path, "cpu", 1, backend="torch")(frames)
    np.testing.assert_allclose(own, torch.nn.functional.normalize(tokens.mean(dim=1)).numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(120, 160), (160, 120), (232, 232), (232, 301), (50, 400), (720, 1280)])
def test_frames_of_any_size_are_prepared_as_torchvision_does_it(size: tuple[int, int]) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    published = torchvision.models.ResNet50_Weights.IMAGENET1K_V2.transforms()
    cropped = resnet50.Preprocessing(network("resnet50"), resnet50.IMAGENET_MEAN, resnet50.IMAGENET_STD, crop=224)
    np.testing.assert_allclose(cropped([frame])[0], published(Image.fromarray(frame)).numpy(), rtol=0, atol=1e-5)
    stretched = resnet50.Preprocessing(network("sscd"), resnet50.IMAGENET_MEAN, resnet50.IMAGENET_STD)
    expected = pictures([frame], transforms.Resize([320, 320]), transforms.ToTensor(), IMAGENET)
    np.testing.assert_allclose(stretched([frame]), expected.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["timm/vit_small_patch16_224", "timm/tf_efficientnetv2_m", "timm/cait_xxs24_224"])
def test_frames_decoded_to_a_networks_picture_are_only_cropped(name: str) -> None:
    known: Network = network(name)
    side = known.picture
    height, width = (side, 2 * side) if isinstance(side, int) else (side[1], side[0])
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    config = timm_network.config_of(name.removeprefix("timm/"), known)
    prepared = timm_network.Prepare(known, config)([frame])[0]
    _, high, wide = config["input_size"]
    top, left = round((height - high) / 2), round((width - wide) / 2)
    middle = frame[top : top + high, left : left + wide] / 255.0
    expected = (middle - np.array(config["mean"])) / np.array(config["std"])
    np.testing.assert_allclose(prepared, expected.transpose(2, 0, 1), rtol=0, atol=1e-5)
