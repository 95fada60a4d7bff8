"""`ops.image_embedding.sscd`: Meta's descriptor for image copy detection."""

from __future__ import annotations

from towhee import register

from reprise.errors import SettingsError
from reprise.models.frame_networks import SSCD, SSCD_LARGE
from reprise.models.hub_operator import HubOperator

NETWORKS = {network.name: network for network in (SSCD, SSCD_LARGE)}


@register(name="image_embedding/sscd")
class Sscd(HubOperator):
    """Frames to 512 numbers each; see `HubOperator` for frames, device, skip_preprocess and what it raises.

    model_name: "sscd", or "sscd-large" for the ResNeXt101 that gives 1024 numbers. checkpoint_path, or weights: the
    TorchScript file, in place of where the published one is looked for.
    """

    def __init__(
        self,
        model_name: str = SSCD.name,
        checkpoint_path: str | None = None,
        skip_preprocess: bool = False,
        device: str | int | None = None,
        *,
        weights: str | None = None,
        threads: int = 1,
        max_regions: int = 0,
    ) -> None:
        if model_name not in NETWORKS:
            raise SettingsError(f"model_name must be one of {', '.join(NETWORKS)}, not {model_name!r}")
        super().__init__(
            NETWORKS[model_name],
            weights=weights or checkpoint_path,
            device=device,
            threads=threads,
            max_regions=max_regions,
            skip_preprocess=skip_preprocess,
        )
