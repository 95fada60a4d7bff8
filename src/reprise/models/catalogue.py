"""All networks by the name that `--model` gives them."""

from __future__ import annotations

from dataclasses import replace

from reprise import descriptor
from reprise.errors import SettingsError
from reprise.models.frame_networks import RESNET50, RESNET50_LOGITS, SSCD, SSCD_LARGE
from reprise.models.network import Network, WeightsFile
from reprise.models.timm_network import PREFIX, timm_network

BUILT_IN = Network(
    name="reprise",
    title="Reprise's own copy descriptor",
    operator="image_embedding.reprise",
    load="reprise.descriptor:load",
    picture=descriptor.PICTURE_SIZE,
    dimension=descriptor.DIMENSION,
    licence="Apache-2.0",
    source="part of Reprise",
    sees_widened=True,
    extra="",
)
ISC = Network(
    name="isc",
    title="ISC21 descriptor track winner, EfficientNetV2-M",
    operator="image_embedding.isc",
    load="reprise.models.isc:load",
    picture=(512, 512),
    dimension=256,
    weights=(
        WeightsFile(
            "isc_ft_v107.pth.tar",
            "https://github.com/lyakaap/ISC21-Descriptor-Track-1st/releases/download/v1.0.1/isc_ft_v107.pth.tar",
        ),
    ),
    licence="MIT",
    source="https://github.com/lyakaap/ISC21-Descriptor-Track-1st",
    citation="Yokoo, Contrastive Learning with Large Memory Bank and Negative Embedding Subtraction for Accurate "
    "Copy Detection, 2021 (arXiv:2112.04323)",
)
ISC_GEM1 = replace(ISC, name="isc-gem1", title=f"{ISC.title}, pooled with power 1", arguments=(("gem_p", "1"),))

# Beside these: every network of timm, as timm/NAME.
NETWORKS = {
    network.name: network for network in (BUILT_IN, ISC, ISC_GEM1, SSCD, SSCD_LARGE, RESNET50, RESNET50_LOGITS)
}


def is_known(name: str) -> bool:
    """Whether there is a network of this name; of timm's, which are not asked for here, any may be."""
    return name in NETWORKS or (name.startswith(PREFIX) and len(name) > len(PREFIX))


def network(name: str) -> Network:
    """The network of this name. Raises SettingsError for a name that there is not, MissingExtraError without timm."""
    if not is_known(name):
        raise SettingsError(f"model must be one of {', '.join(NETWORKS)} or {PREFIX}NAME, not {name!r}")
    return NETWORKS[name] if name in NETWORKS else timm_network(name)
