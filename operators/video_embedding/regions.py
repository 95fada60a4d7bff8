"""`ops.video_embedding.regions`: nine vectors a frame by any network."""

from __future__ import annotations

from towhee import register

from reprise.models.operator import RegionOperator


@register(name="video_embedding/regions")
class Regions(RegionOperator):
    """Frames [n, height, width, 3] uint8 RGB, or a list of frames, to [n, 9, dim] float32; see `RegionOperator`."""

    def __init__(
        self, model: str = "reprise", *, weights: str | None = None, device: str = "auto", threads: int = 1
    ) -> None:
        super().__init__(model, weights=weights, device=device, threads=threads)
