"""`ops.image_embedding.timm`: any network of timm by its name."""

from __future__ import annotations

from dataclasses import replace

from towhee import register

from reprise.errors import SettingsError
from reprise.models.hub_operator import HubOperator
from reprise.models.timm_network import PREFIX, timm_network


@register(name="image_embedding/timm")
class Timm(HubOperator):
    """Frames to the features before the classifier; see `HubOperator` for the rest and what it raises.

    model_name: as timm spells it, with or without the tag of the weights. num_classes: as Towhee's operator takes
    it; the features do not depend on it. pooling: "timm", the network's own, or "towhee", see
    `reprise.models.timm_network.load`. normalize: with False the vectors are what the network gives, as those of
    Towhee's operator are.
    """

    def __init__(
        self,
        model_name: str,
        num_classes: int = 1000,  # noqa: ARG002 - Towhee's
        skip_preprocess: bool = False,
        device: str | int | None = None,
        *,
        weights: str | None = None,
        pooling: str | None = None,
        normalize: bool = True,
        threads: int = 1,
        max_regions: int = 0,
    ) -> None:
        if not model_name:
            raise SettingsError("model_name must be the name of a network of timm")
        known = timm_network(f"{PREFIX}{model_name.removeprefix(PREFIX)}")
        if pooling is not None:
            known = replace(known, arguments=(*known.arguments, ("pooling", pooling)))
        super().__init__(
            known,
            weights=weights,
            device=device,
            threads=threads,
            max_regions=max_regions,
            skip_preprocess=skip_preprocess,
            normalize=normalize,
        )
