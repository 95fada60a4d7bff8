"""What is known of open_clip's networks, by name, without importing open_clip."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise.models.network import Network, WeightsFile

FAMILY = "clip/"  # with a name of open_clip after it
QUICK = "-quickgelu"  # open_clip's ending for architectures with the activation of OpenAI's own networks
OPENAI = "https://openaipublic.azureedge.net/clip/models"
HUB = "https://huggingface.co"
# All networks on the hub have files of these names: they are looked for in a folder that is called as the network is.
HUB_FILE = "open_clip_model.safetensors"
TOKENIZER_FILE = "tokenizer.json"

RADFORD = (
    "Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021 "
    "(arXiv:2103.00020)"
)
ZHAI = "Zhai et al., Sigmoid Loss for Language Image Pre-Training, ICCV 2023 (arXiv:2303.15343)"

# Towhee's names, those of the Hugging Face hub, and what they are here.
TOWHEE_NAMES = {
    "clip_vit_base_patch32": "clip",
    "clip_vit_base_patch16": "clip/ViT-B-16",
    "clip_vit_large_patch14": "clip/ViT-L-14",
    "clip_vit_large_patch14_336": "clip/ViT-L-14-336",
}


@dataclass(frozen=True, slots=True)
class _OpenAi:
    """A network that OpenAI published; the hash is a part of its address."""

    file: str
    sha256: str
    dimension: int
    picture: int


OPENAI_NETWORKS = {
    "RN50": _OpenAi("RN50.pt", "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762", 1024, 224),
    "RN101": _OpenAi("RN101.pt", "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599", 512, 224),
    "RN50x4": _OpenAi("RN50x4.pt", "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd", 640, 288),
    "RN50x16": _OpenAi("RN50x16.pt", "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa", 768, 384),
    "RN50x64": _OpenAi("RN50x64.pt", "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c", 1024, 448),
    "ViT-B-32": _OpenAi("ViT-B-32.pt", "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af", 512, 224),
    "ViT-B-16": _OpenAi("ViT-B-16.pt", "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f", 512, 224),
    "ViT-L-14": _OpenAi("ViT-L-14.pt", "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836", 768, 224),
    "ViT-L-14-336": _OpenAi(
        "ViT-L-14-336px.pt", "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02", 768, 336
    ),
}


def architecture(network: Network) -> str:
    """The name of the network's architecture in open_clip."""
    return {CLIP.name: f"ViT-B-32{QUICK}", SIGLIP.name: "ViT-B-16-SigLIP"}.get(
        network.name, network.name.removeprefix(FAMILY)
    )


def clip_network(name: str) -> Network | None:
    """The network of a name such as "clip/ViT-B-16": an architecture of open_clip; None for another name.

    What OpenAI published is known without open_clip, all else only where open_clip is installed.
    """
    if not name.startswith(FAMILY):
        return None
    model = name.removeprefix(FAMILY)
    if model.removesuffix(QUICK) in OPENAI_NETWORKS:
        return _of_openai(name, f"CLIP {model}", model.removesuffix(QUICK))
    return _of_open_clip(name, model)


def _of_openai(name: str, title: str, model: str, *also: WeightsFile) -> Network:
    known = OPENAI_NETWORKS[model]
    weights = WeightsFile(known.file, f"{OPENAI}/{known.sha256}/{known.file}", sha256=known.sha256)
    return Network(
        name=name,
        title=title,
        operator="image_text_embedding.clip",
        load="reprise.models.semantic.open_clip_models:load",
        picture=known.picture,
        dimension=known.dimension,
        arguments=(("model_name", name),),
        weights=(weights, *also),
        licence="MIT",
        source="https://github.com/openai/CLIP",
        citation=RADFORD,
        reads_text=True,
    )


@functools.cache
def _of_open_clip(name: str, model: str) -> Network | None:
    config = _config(model)
    if config is None or not _is_usable(config):
        return None
    side = config["vision_cfg"].get("image_size", 224)
    hub = config["text_cfg"].get("hf_tokenizer_name", "")
    is_siglip = hub.startswith("timm/") and "siglip" in model.lower()
    # Only where the tokenizer lies beside the weights is it known where both are.
    address = f"{HUB}/{hub}/resolve/main" if hub == f"timm/{model}" else ""
    return Network(
        name=name,
        title=f"open_clip {model}",
        operator="image_text_embedding.clip",
        load="reprise.models.semantic.open_clip_models:load",
        # SigLIP's pictures are squashed into the square, CLIP's are cropped to it.
        picture=((side, side) if is_siglip else side) if isinstance(side, int) else (side[1], side[0]),
        dimension=int(config["embed_dim"]),
        arguments=(("model_name", name),),
        weights=(WeightsFile(f"{model}/{HUB_FILE}", address and f"{address}/{HUB_FILE}"),),
        companions=(WeightsFile(f"{model}/{TOKENIZER_FILE}", f"{HUB}/{hub}/resolve/main/{TOKENIZER_FILE}"),)
        if hub
        else (),
        source=f"{HUB}/{hub}" if address else "https://github.com/mlfoundations/open_clip",
        citation=ZHAI if is_siglip else "",
        reads_text=True,
    )


def _config(model: str) -> dict[str, Any] | None:
    """open_clip's own description of an architecture; None where there is none, or no open_clip."""
    if not re.fullmatch(r"[\w.-]+", model):
        return None
    installed = importlib.util.find_spec("open_clip")
    if installed is None or not installed.submodule_search_locations:
        return None
    path = Path(installed.submodule_search_locations[0]) / "model_configs" / f"{model}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found


def _is_usable(config: dict[str, Any]) -> bool:
    # Text towers of the library transformers, and tokenizers with rules of their own, are left out.
    text = config["text_cfg"]
    rules = {"tokenizer_mode", "strip_sep_token"} & {*text, *text.get("tokenizer_kwargs", {})}
    return "hf_model_name" not in text and not rules


CLIP = _of_openai(
    "clip",
    "CLIP ViT-B/32, OpenAI's weights",
    "ViT-B-32",
    WeightsFile(
        f"vit_base_patch32_clip_224.openai/{HUB_FILE}",
        f"{HUB}/timm/vit_base_patch32_clip_224.openai/resolve/main/{HUB_FILE}",
    ),
)
SIGLIP = Network(
    name="siglip",
    title="SigLIP ViT-B/16 at 224 pixels",
    operator="image_text_embedding.clip",
    load="reprise.models.semantic.open_clip_models:load",
    picture=(224, 224),
    dimension=768,
    arguments=(("model_name", "siglip"),),
    weights=(
        WeightsFile(
            f"ViT-B-16-SigLIP/{HUB_FILE}",
            f"{HUB}/timm/ViT-B-16-SigLIP/resolve/main/{HUB_FILE}",
            sha256="81942ea8c09b9e41963357cca5d2682118bf7eb7491c2ae51a28bc4f4f95b194",
        ),
    ),
    companions=(
        WeightsFile(f"ViT-B-16-SigLIP/{TOKENIZER_FILE}", f"{HUB}/timm/ViT-B-16-SigLIP/resolve/main/{TOKENIZER_FILE}"),
    ),
    licence="Apache-2.0",
    source=f"{HUB}/timm/ViT-B-16-SigLIP",
    citation=ZHAI,
    reads_text=True,
)
