"""Texts to the tokens that a text tower reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reprise.errors import WeightsError, printable
from reprise.models.checkpoints import required
from reprise.models.network import Network
from reprise.models.weights import find_companions

# What fills a text up to the length that the tower reads. SigLIP's tokenizers are T5's with the end as filling
# (open_clip, SigLipTokenizer), SigLIP 2's are Gemma's.
FILLINGS = {32_000: "</s>", 250_000: "</s>", 256_000: "<pad>"}
Tokenize = Callable[[Sequence[str]], Any]  # texts to [texts, length] int64 on the CPU


def tokenizer(network: Network, text_config: dict[str, Any], weights: Path) -> Tokenize:
    """The network's tokenizer: CLIP's own, which comes with open_clip, or the one in the file beside its weights.

    text_config: "text_cfg" of open_clip's description. Raises MissingWeightsError where the file is not on this
    machine, WeightsError for one of another tokenizer, MissingExtraError.
    """
    if not network.companions:
        clip = required("open_clip.tokenizer", network)
        made: Tokenize = clip.SimpleTokenizer(
            context_length=text_config.get("context_length", clip.DEFAULT_CONTEXT_LENGTH),
            **text_config.get("tokenizer_kwargs", {}),
        )
        return lambda texts: made(list(texts))
    return _from_file(_found(network, weights), network, text_config)


def _found(network: Network, weights: Path) -> Path:
    """The tokenizer's file: beside the weights, or where weights are looked for."""
    beside = weights.parent / Path(network.companions[0].name).name
    return beside if beside.is_file() else find_companions(network, weights)[0]


def _from_file(path: Path, network: Network, text_config: dict[str, Any]) -> Tokenize:
    # Read by Hugging Face's small library of this name; open_clip would have transformers download the file.
    tokenizers, torch = required("tokenizers", network), required("torch", network)
    clean = required("open_clip.tokenizer", network).get_clean_fn(
        text_config.get("tokenizer_kwargs", {}).get("clean", "whitespace")
    )
    length, vocabulary = int(text_config["context_length"]), int(text_config["vocab_size"])
    try:
        reader = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more special
        raise WeightsError(f"{printable(path)}: not a tokenizer, or damaged; get {network.source}'s again") from error
    filling = FILLINGS.get(vocabulary, "<pad>")
    filling_id = reader.token_to_id(filling)
    if filling_id is None or reader.get_vocab_size(with_added_tokens=False) > vocabulary:
        raise WeightsError(
            f"{printable(path)}: not the tokenizer of {network.name}, which has {vocabulary} tokens and {filling}; "
            f"get {network.source}'s"
        )
    reader.enable_truncation(max_length=length)
    reader.enable_padding(length=length, pad_id=filling_id, pad_token=filling)

    def tokenize(texts: Sequence[str]) -> Any:
        return torch.tensor([encoded.ids for encoded in reader.encode_batch([clean(text) for text in texts])])

    return tokenize
