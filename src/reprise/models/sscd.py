"""SSCD: Meta's self-supervised descriptor for image copy detection, of the published TorchScript files.

A ResNet50 (the large one: a ResNeXt101 32x4), GeM pooling with power 3, a linear layer, L2: all of it in the file.
"""

from __future__ import annotations

from pathlib import Path

from reprise.errors import MissingWeightsError
from reprise.models.backends import run_on
from reprise.models.checkpoints import read_script
from reprise.models.embedder import NetworkEmbedder
from reprise.models.network import Network
from reprise.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing


def load(
    network: Network, weights: Path | None, device: str, threads: int, *, backend: str = "auto"
) -> NetworkEmbedder:
    """As `reprise.models.loading.Load`; `backend` as in `reprise.models.backends.run_on`."""
    if weights is None:
        raise MissingWeightsError(f"model {network.name}: give the file of its weights")
    prepare = Preprocessing(network, IMAGENET_MEAN, IMAGENET_STD)
    run = run_on(
        network,
        weights,
        lambda: read_script(weights, network),
        prepare.shape,
        device=device,
        threads=threads,
        backend=backend,
    )
    return NetworkEmbedder(run, prepare, prepare.shape)
