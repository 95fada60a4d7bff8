"""ISC: the winner of the descriptor track of Meta's Image Similarity Challenge 2021, by Shuhei Yokoo (lyakaap).

EfficientNetV2-M up to its last feature map, generalised-mean (GeM) pooling, 256 numbers by a linear layer without
bias, batch normalisation, L2. The class is Towhee's own, of the package towhee.models.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from reprise.errors import MissingWeightsError, SettingsError
from reprise.models.backends import run_on
from reprise.models.checkpoints import fit, read_state, required
from reprise.models.embedder import NetworkEmbedder
from reprise.models.network import Network
from reprise.models.preprocessing import Preprocessing, Triple
from reprise.models.timm_network import config_of

BACKBONE = "tf_efficientnetv2_m.in21k_ft_in1k"  # timm's name
PUBLISHED_BACKBONE = "tf_efficientnetv2_m_in21ft1k"  # timm's name when it was published; Towhee's operator has it
# The power of GeM pooling: Towhee's and the training script's defaults. The published extractor pools with power 1,
# as does the command that made the challenge's submission from these very weights; that is the model isc-gem1.
TRAINING_POWER = 3.0
EVALUATION_POWER = 4.0
MEAN = STD = (0.5, 0.5, 0.5)  # of the published preprocessor: the backbone's own


def load(
    network: Network, weights: Path | None, device: str, threads: int, *, backend: str = "auto"
) -> NetworkEmbedder:
    """As `reprise.models.loading.Load`; `backend` as in `reprise.models.backends.run_on`.

    Of the network's arguments, gem_p is the power of the pooling and timm_backbone another backbone, of which the
    weights then must be.
    """
    if weights is None:
        raise MissingWeightsError(f"model {network.name}: give the file of its weights")
    arguments = dict(network.arguments)
    power = _power(arguments.get("gem_p", EVALUATION_POWER))
    mean: Triple = MEAN
    std: Triple = STD
    backbone = arguments.get("timm_backbone", BACKBONE)
    if backbone not in {BACKBONE, PUBLISHED_BACKBONE}:
        config = config_of(backbone, network)
        mean, std = config["mean"], config["std"]
    prepare = Preprocessing(network, mean, std)

    def build() -> Any:
        module = untrained(network, backbone, power)
        fit(module, read_state(weights, network, nested=("state_dict",), prefix="module."), weights, network)
        return module.eval()

    run = run_on(network, weights, build, prepare.shape, device=device, threads=threads, backend=backend)
    return NetworkEmbedder(run, prepare, prepare.shape)


def untrained(network: Network, backbone: str = BACKBONE, power: float = EVALUATION_POWER) -> Any:
    """The network's module of torch, with numbers that mean nothing yet.

    Raises MissingExtraError, or SettingsError for a backbone that timm does not have.
    """
    required("torch", network)
    isc = required("towhee.models.isc", network)
    timm = required("timm", network)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old names of networks, which Towhee's pipelines use
            features = timm.create_model(backbone, features_only=True, pretrained=False)
    except (RuntimeError, ValueError, AttributeError) as error:
        raise SettingsError(f"model {network.name}: timm has no backbone {backbone!r}; take {BACKBONE}") from error
    return isc.ISCNet(features, p=TRAINING_POWER, eval_p=power)


def _power(given: float | str) -> float:
    try:
        power = float(given)
    except ValueError:
        power = 0.0
    if not 0 < power <= 100:
        raise SettingsError(f"gem_p must be above 0 and at most 100, not {given}")
    return power
