"""All networks by the name that `--model` gives them."""

from __future__ import annotations

from collections.abc import Callable

from reprise import descriptor
from reprise.errors import SettingsError
from reprise.models.network import Network, WeightsFile
from reprise.models.semantic.known import CLIP, SIGLIP, clip_network
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

NETWORKS = {network.name: network for network in (BUILT_IN, ISC, VISIL, VISIL_SYMMETRIC, CLIP, SIGLIP)}


# Families with more members than are listed: each gives the network of a name, or None for a name not of its family.
FAMILIES: tuple[Callable[[str], Network | None], ...] = (clip_network,)
FAMILY_NAMES = ("clip/MODEL",)


def is_known(name: str) -> bool:
    """Whether there is a network of this name."""
    return _resolved(name) is not None


def network(name: str) -> Network:
    """The network of this name. Raises SettingsError for a name that there is not."""
    found = _resolved(name)
    if found is None:
        raise SettingsError(f"model must be one of {', '.join([*NETWORKS, *FAMILY_NAMES])}, not {name!r}")
    return found


def _resolved(name: str) -> Network | None:
    listed = NETWORKS.get(name)
    return listed or next(filter(None, (family(name) for family in FAMILIES)), None)
