"""All networks by the name that `--model` gives them."""

from __future__ import annotations

from dataclasses import replace

from reprise import descriptor
from reprise.errors import SettingsError
from reprise.models.frame_networks import RESNET50, RESNET50_LOGITS, SSCD, SSCD_LARGE
from reprise.models.network import Network, WeightsFile
from reprise.models.semantic.known import CLIP, SIGLIP, clip_network
from reprise.models.timm_network import PREFIX, timm_network
from reprise.models.visil.known import VISIL, VISIL_SYMMETRIC

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

NETWORKS = {
    network.name: network
    for network in (
        BUILT_IN,
        ISC,
        ISC_GEM1,
        SSCD,
        SSCD_LARGE,
        RESNET50,
        RESNET50_LOGITS,
        VISIL,
        VISIL_SYMMETRIC,
        CLIP,
        SIGLIP,
    )
}
# Families with more members than are listed.
FAMILY_NAMES = ("clip/MODEL", f"{PREFIX}NAME")


def is_known(name: str) -> bool:
    """Whether there is a network of this name; of timm's, which are not asked for here, any may be."""
    return name in NETWORKS or _is_of_timm(name) or clip_network(name) is not None


def network(name: str) -> Network:
    """The network of this name. Raises SettingsError for a name that there is not, MissingExtraError without timm."""
    found = timm_network(name) if _is_of_timm(name) else NETWORKS.get(name) or clip_network(name)
    if found is None:
        raise SettingsError(f"model must be one of {', '.join([*NETWORKS, *FAMILY_NAMES])}, not {name!r}")
    return found


def _is_of_timm(name: str) -> bool:
    return name.startswith(PREFIX) and len(name) > len(PREFIX)
