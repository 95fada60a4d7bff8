"""`ops.image_text_embedding.clip`: pictures and texts by CLIP and SigLIP networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.errors import SettingsError
from reprise.models.catalogue import network
from reprise.models.loading import TextEmbedder, load
from reprise.models.operator import FrameOperator, Frames
from reprise.models.semantic.known import TOWHEE_NAMES

MODALITIES = ("image", "text")


@register(name="image_text_embedding/clip")
class Clip:
    """Pictures to [dim] float32, or texts likewise, of one space; rows L2-normalised.

    model_name       as on Towhee's Hub, e.g. "clip_vit_base_patch16", or as `--model`, e.g. "siglip"
    modality         "image" (one RGB picture or a batch, see `FrameOperator`) or "text" (one text or a list of them)
    device           "auto", "cpu", "cuda"; also a CUDA device's number or "cuda:0", or -1 for the CPU, as on the Hub
    checkpoint_path  a file in place of where the weights are looked for; `weights` is the same

    Raises a reprise.ModelError if the network cannot be loaded, SettingsError for another name or modality.
    """

    def __init__(
        self,
        model_name: str,
        modality: str = "image",
        device: str | int = "auto",
        checkpoint_path: str | None = None,
        *,
        weights: str | None = None,
        threads: int = 1,
        max_regions: int = 0,
    ) -> None:
        if modality not in MODALITIES:
            raise SettingsError(f"modality must be one of {', '.join(MODALITIES)}, not {modality!r}")
        name = TOWHEE_NAMES.get(model_name, model_name)
        if not network(name).reads_text:
            raise SettingsError(f"image_text_embedding.clip: {model_name} is no network for texts and pictures")
        where, file = _device(device), weights or checkpoint_path
        self._text: TextEmbedder | None = None
        self._frames: FrameOperator | None = None
        if modality == "image":
            self._frames = FrameOperator(name, weights=file, device=where, threads=threads, max_regions=max_regions)
        else:
            embedder = load(network(name), weights=file, device=where, threads=threads)
            assert isinstance(embedder, TextEmbedder)
            self._text = embedder

    def __call__(self, given: Frames | str | Sequence[str]) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        if self._frames is not None:
            return self._frames(given)  # type: ignore[arg-type]
        assert self._text is not None
        if isinstance(given, str):
            return np.asarray(self._text.embed_text([given])[0])
        return self._text.embed_text([str(text) for text in given])


def _device(device: str | int) -> str:
    if isinstance(device, int):
        return "cuda" if device >= 0 else "cpu"
    return "cuda" if device.startswith("cuda:") else device
