"""`ops.image_embedding.reprise`: the built-in copy descriptor."""

from __future__ import annotations

from towhee import register

from reprise.models.operator import FrameOperator


@register(name="image_embedding/reprise")
class Reprise(FrameOperator):
    """Frames to 256 numbers each, of the descriptor that is part of Reprise; see `FrameOperator`."""

    def __init__(self, device: str = "auto", threads: int = 1, *, max_regions: int = 0) -> None:
        super().__init__("reprise", device=device, threads=threads, max_regions=max_regions)
