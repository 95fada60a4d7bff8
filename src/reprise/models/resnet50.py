"""Torchvision's ResNet50 with the weights IMAGENET1K_V2: its pooled features, or its logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reprise.errors import MissingWeightsError, SettingsError
from reprise.models.backends import run_on
from reprise.models.checkpoints import fit, read_state, required
from reprise.models.embedder import NetworkEmbedder
from reprise.models.network import Network
from reprise.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

OUTPUTS = ("pooled", "logits")
CROP = 224


def load(
    network: Network, weights: Path | None, device: str, threads: int, *, backend: str = "auto"
) -> NetworkEmbedder:
    """As `reprise.models.loading.Load`; `backend` as in `reprise.models.backends.run_on`.

    Of the network's arguments, output is "pooled" (2048 numbers, the mean of the last feature map) or "logits" (1000,
    one a class of ImageNet).
    """
    if weights is None:
        raise MissingWeightsError(f"model {network.name}: give the file of its weights")
    output = dict(network.arguments).get("output", OUTPUTS[0])
    if output not in OUTPUTS:
        raise SettingsError(f"output must be one of {', '.join(OUTPUTS)}, not {output!r}")
    prepare = Preprocessing(network, IMAGENET_MEAN, IMAGENET_STD, crop=CROP)

    def build() -> Any:
        torch = required("torch", network)
        module = required("torchvision", network).models.resnet50(weights=None)
        fit(module, read_state(weights, network, nested=("state_dict",), prefix="module."), weights, network)
        if output == "pooled":
            module.fc = torch.nn.Identity()
        return module.eval()

    run = run_on(network, weights, build, prepare.shape, device=device, threads=threads, backend=backend)
    return NetworkEmbedder(run, prepare, prepare.shape)
