"""`ops.image_embedding.resnet50`: torchvision's ResNet50, trained on ImageNet."""

from __future__ import annotations

from towhee import register

from reprise.errors import SettingsError
from reprise.models.frame_networks import RESNET50, RESNET50_LOGITS
from reprise.models.hub_operator import HubOperator

NETWORKS = {"pooled": RESNET50, "logits": RESNET50_LOGITS}


@register(name="image_embedding/resnet50")
class Resnet50(HubOperator):
    """Frames to 2048 pooled features or 1000 logits each; see `HubOperator` for the rest and what it raises.

    output: "pooled" or "logits". normalize: with False the vectors are what the network gives, not L2-normalised.
    """

    def __init__(
        self,
        output: str = "pooled",
        skip_preprocess: bool = False,
        device: str | int | None = None,
        *,
        weights: str | None = None,
        normalize: bool = True,
        threads: int = 1,
        max_regions: int = 0,
    ) -> None:
        if output not in NETWORKS:
            raise SettingsError(f"output must be one of {', '.join(NETWORKS)}, not {output!r}")
        super().__init__(
            NETWORKS[output],
            weights=weights,
            device=device,
            threads=threads,
            max_regions=max_regions,
            skip_preprocess=skip_preprocess,
            normalize=normalize,
        )
