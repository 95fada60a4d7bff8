"""`ops.video_embedding.visil`: ViSiL's nine vectors a frame."""

from __future__ import annotations

from towhee import register

from reprise.models.operator import RegionOperator


@register(name="video_embedding/visil")
class Visil(RegionOperator):
    """Frames [n, height, width, 3] uint8 RGB, or a list of frames, to [n, 9, 3840] float32; see `RegionOperator`.

    `model="visil-symmetric"` gives [n, 9, 512], of the network that was trained for symmetric comparison.
    """

    def __init__(
        self, model: str = "visil", *, weights: str | None = None, device: str = "auto", threads: int = 1
    ) -> None:
        super().__init__(model, weights=weights, device=device, threads=threads)
