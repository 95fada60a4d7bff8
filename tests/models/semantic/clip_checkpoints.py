"""Networks of open_clip with random weights, and files of them as their makers publish them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file

SMALL = "ViT-S-32-alt"  # the smallest architecture of open_clip: 43 million numbers
HUB_FILE = "open_clip_model.safetensors"


def random_network(name: str, *, seed: int = 0, quick: bool = False) -> Any:
    """open_clip's network of this architecture as it is before training."""
    torch.manual_seed(seed)
    config = open_clip.get_model_config(name)
    if quick:
        config["quick_gelu"] = True
    made = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    return made(**config).eval()


def as_safetensors(network: Any, path: Path) -> Path:
    """The network as open_clip's are on the Hugging Face hub; returns `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: tensor.contiguous() for key, tensor in network.state_dict().items()}, path)
    return path


def as_openai_archive(network: Any, path: Path) -> Path:
    """The network as OpenAI's are: TorchScript in half precision, with three numbers beside the weights.

    The network itself is rounded to what the file holds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for parameter in network.parameters():
        parameter.data = parameter.data.half().float()
    side = network.visual.image_size
    side = side[0] if isinstance(side, tuple) else side
    context, vocabulary = network.positional_embedding.shape[0], network.vocab_size
    numbers = {"input_resolution": side, "context_length": context, "vocab_size": vocabulary}
    for key, number in numbers.items():
        held = getattr(network, key, None)
        if held is not None:
            delattr(network, key)
        network.register_buffer(key, torch.tensor(number))
    # OpenAI's network keeps its mask as a plain tensor, which is no weight.
    mask = network.attn_mask
    del network.attn_mask
    object.__setattr__(network, "attn_mask", mask)
    pictures, texts = torch.zeros(1, 3, side, side), torch.zeros(1, context, dtype=torch.long)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would have other formats used, OpenAI does not
        script = torch.jit.trace_module(
            network, {"encode_image": (pictures,), "encode_text": (texts,)}, check_trace=False
        )
        script.half()
        torch.jit.save(script, str(path))
    network.float()  # the archive shares its numbers
    return path


def sentencepiece_tokenizer(path: Path, words: tuple[str, ...], *, vocabulary: int = 32_000) -> Path:
    """A tokenizer.json as SigLIP's are: unigrams with a marked beginning of words, the end appended.

    Token 0 is <pad>, 1 is </s>, 2 is <unk>; then come the words, then the letters.
    """
    letters = "▁abcdefghijklmnopqrstuvwxyz"
    pieces = [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]
    pieces += [[f"▁{word}", -2.0] for word in words] + [[letter, -10.0] for letter in letters]
    pieces += [[f"<extra_{i}>", -100.0] for i in range(vocabulary - len(pieces))]
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(
            {
                "version": "1.0",
                "truncation": None,
                "padding": None,
                "added_tokens": [
                    {"id": i, "content": token, **special} for i, token in enumerate(["<pad>", "</s>", "<unk>"])
                ],
                "normalizer": None,
                "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
                "post_processor": {
                    "type": "TemplateProcessing",
                    "single": [
                        {"Sequence": {"id": "A", "type_id": 0}},
                        {"SpecialToken": {"id": "</s>", "type_id": 0}},
                    ],
                    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
                    "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
                },
                "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
                "model": {"type": "Unigram", "unk_id": 2, "vocab": pieces, "byte_fallback": False},
            }
        )
    )
    return path


def pictures(count: int = 3, *, size: tuple[int, int] = (200, 130)) -> list[NDArray[np.uint8]]:
    """Soft random pictures [height, width, 3], of `size` = (width, height)."""
    rng = np.random.default_rng(0)
    coarse = [Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)) for _ in range(count)]
    return [np.asarray(picture.resize(size, Image.Resampling.BICUBIC)) for picture in coarse]


def image_embeddings(network: Any, transform: Any, frames: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """The network's own embeddings of pictures, normalised."""
    with torch.no_grad():
        batch = torch.stack([transform(Image.fromarray(frame)) for frame in frames])
        found: NDArray[np.float32] = network.encode_image(batch, normalize=True).numpy()
    return found


def text_embeddings(network: Any, tokens: Any) -> NDArray[np.float32]:
    """The network's own embeddings of tokens, normalised."""
    with torch.no_grad():
        found: NDArray[np.float32] = network.encode_text(tokens, normalize=True).numpy()
    return found
