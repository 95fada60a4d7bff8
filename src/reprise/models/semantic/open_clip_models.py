"""Loading open_clip's networks: an image tower and a text tower that meet in one space."""

from __future__ import annotations

import functools
import os
import threading
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.descriptor import checked_frame
from reprise.errors import SettingsError
from reprise.models.checkpoints import fit, read_script, read_state, required
from reprise.models.network import Network
from reprise.models.semantic.known import architecture
from reprise.models.semantic.text import Tokenize, tokenizer

BATCH = 32  # pictures, or texts, that go through a tower at once
# Numbers that OpenAI's archives keep beside the weights.
OPENAI_NUMBERS = ("input_resolution", "context_length", "vocab_size")


class OpenClipEmbedder:
    """Pictures and texts to embeddings of one space; safe to call from several threads."""

    def __init__(
        self,
        model: Any,
        picture: Callable[[Any], Any],
        tokens: Callable[[], Tokenize],
        device: str,
        dimension: int,
        threads: int,
    ) -> None:
        """model: open_clip's, with its weights, on `device`. picture: its transform of PIL pictures."""
        self._model, self._picture, self._device, self._dimension = model, picture, device, dimension
        # The tokenizer's file is not needed to ingest videos.
        self._tokens = functools.cache(tokens)
        self._reading = threading.Lock()
        self._threads = threads

    @property
    def dimension(self) -> int:
        """Numbers in an embedding."""
        return self._dimension

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """As `reprise.models.loading.FrameEmbedder`."""
        import torch
        from PIL import Image

        def batch(part: Sequence[NDArray[np.uint8]]) -> Any:
            pictures = [self._picture(Image.fromarray(checked_frame(frame))) for frame in part]
            return self._model.encode_image(torch.stack(pictures).to(self._device, self._dtype))

        return self._embedded(frames, batch)

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `reprise.models.loading.TextEmbedder`."""
        with self._reading:
            tokenize = self._tokens()
        return self._embedded(texts, lambda part: self._model.encode_text(tokenize(part).to(self._device)))

    @property
    def _dtype(self) -> Any:
        return next(self._model.parameters()).dtype

    def _embedded(self, inputs: Sequence[Any], encode: Callable[[Sequence[Any]], Any]) -> NDArray[np.float32]:
        import torch

        if torch.get_num_threads() != self._threads:  # which is the process's, and other networks' too
            torch.set_num_threads(self._threads)
        embeddings = np.zeros((len(inputs), self._dimension), np.float32)
        with torch.inference_mode():
            for start in range(0, len(inputs), BATCH):
                batch = slice(start, start + BATCH)
                features = encode(inputs[batch]).float()
                embeddings[batch] = torch.nn.functional.normalize(features, dim=-1).cpu().numpy()
        return embeddings


def load(network: Network, weights: Path | None, device: str, threads: int) -> OpenClipEmbedder:
    """As `reprise.models.loading.Load`, for all networks of open_clip.

    Weights are OpenAI's own archive, or a state dict or safetensors file with open_clip's keys.
    """
    assert weights is not None  # each of these networks has published ones
    torch, open_clip = required("torch", network), required("open_clip", network)
    where = _device(device, torch)
    name = architecture(network)
    is_openai = _is_openai(weights)
    state = _openai_state(weights, network) if is_openai else _state(weights, network)
    config = open_clip.get_model_config(name)
    if is_openai:
        config["quick_gelu"] = True  # the activation that OpenAI trained with
    model = _built(open_clip, config)
    for key in ("logit_scale", "logit_bias"):  # of no use here, and by the version a number or a list of one
        if key in state and getattr(model, key, None) is not None and state[key].numel() == 1:
            state[key] = state[key].reshape(getattr(model, key).shape)
    fit(model, state, weights, network)
    model.eval().requires_grad_(False).to(where)
    if where == "cuda":
        model.half()
    return OpenClipEmbedder(
        model,
        _transform(open_clip, name, model),
        functools.partial(tokenizer, network, config["text_cfg"], weights),
        where,
        int(config["embed_dim"]),
        threads or os.cpu_count() or 1,
    )


def _built(open_clip: Any, config: dict[str, Any]) -> Any:
    """The network of open_clip's description, with the weights still to come."""
    # Not by open_clip.create_model: it looks for weights of its own, which are not to be downloaded here.
    described = {key: value for key, value in config.items() if key != "custom_text"}
    if "timm_model_name" in described["vision_cfg"]:
        described["vision_cfg"] = {**described["vision_cfg"], "timm_model_pretrained": False}
    if "multimodal_cfg" in described:
        return open_clip.CoCa(**described)
    return (open_clip.CustomTextCLIP if config.get("custom_text") else open_clip.CLIP)(**described)


def _transform(open_clip: Any, name: str, model: Any) -> Callable[[Any], Any]:
    """What the makers do to a picture: scaling, cropping, normalising, by what open_clip tells of the network."""
    from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict

    tags = open_clip.list_pretrained_tags_by_model(name)
    # All that is published for an architecture is as a rule treated alike; OpenAI's come first.
    published = open_clip.get_pretrained_cfg(name, tags[0]) if tags else {}
    settings = merge_preprocess_dict(PreprocessCfg(size=model.visual.image_size), published)
    transform: Callable[[Any], Any] = image_transform_v2(PreprocessCfg(**settings), is_train=False)
    return transform


def _is_openai(path: Path) -> bool:
    """Whether the weights are a TorchScript archive, which of these networks only OpenAI's are."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.partition("/")[2] == "constants.pkl" for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def _openai_state(path: Path, network: Network) -> dict[str, Any]:
    state = dict(read_script(path, network).state_dict())
    return {key: tensor for key, tensor in state.items() if key not in OPENAI_NUMBERS}


def _state(path: Path, network: Network) -> dict[str, Any]:
    return read_state(path, network, nested=("state_dict",), prefix="module.")


def _device(device: str, torch: Any) -> str:
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError("device cuda: this torch sees no CUDA device; use cpu")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
