"""`ops.image_embedding.isc`: the ISC21 descriptor track's winner."""

from __future__ import annotations

from dataclasses import replace

from towhee import register

from reprise.errors import SettingsError
from reprise.models.catalogue import ISC, ISC_GEM1
from reprise.models.hub_operator import HubOperator


@register(name="image_embedding/isc")
class Isc(HubOperator):
    """Frames to 256 numbers each; see `HubOperator` for frames, device, skip_preprocess and what it raises.

    timm_backbone: the name of the backbone that the weights have, as timm has it; by default EfficientNetV2-M.
    img_size: frames are resized to squares of so many pixels a side; the weights are trained for 512.
    checkpoint_path, or weights: the file, in place of where the published one is looked for.
    gem_p: power of the pooling: 4 as in Towhee's class; 1 is what the authors' own extractor pools with.
    """

    def __init__(
        self,
        timm_backbone: str | None = None,
        img_size: int = 512,
        checkpoint_path: str | None = None,
        skip_preprocess: bool = False,
        device: str | int | None = None,
        *,
        weights: str | None = None,
        gem_p: float | str | None = None,
        threads: int = 1,
        max_regions: int = 0,
    ) -> None:
        # Below a cell of the last feature map there is nothing to pool.
        if not 32 <= img_size <= 4096:
            raise SettingsError(f"img_size must be from 32 to 4096, not {img_size}")
        arguments = {"timm_backbone": timm_backbone, "gem_p": None if gem_p is None else f"{float(gem_p):g}"}
        given = tuple((name, value) for name, value in arguments.items() if value is not None)
        known = ISC_GEM1 if arguments["gem_p"] == dict(ISC_GEM1.arguments)["gem_p"] else ISC
        super().__init__(
            replace(known, picture=(img_size, img_size), arguments=given),
            weights=weights or checkpoint_path,
            device=device,
            threads=threads,
            max_regions=max_regions,
            skip_preprocess=skip_preprocess,
        )
