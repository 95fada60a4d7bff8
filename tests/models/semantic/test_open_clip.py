"""open_clip's networks from published files: the same embeddings as open_clip's own, and errors that tell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("open_clip", reason="the networks' libraries come with the extra models")
pytest.importorskip("tokenizers", reason="the networks' libraries come with the extra models")

import open_clip
import torch
from clip_checkpoints import (
    HUB_FILE,
    SMALL,
    as_openai_archive,
    as_safetensors,
    image_embeddings,
    pictures,
    random_network,
    sentencepiece_tokenizer,
    text_embeddings,
)
from torchvision.transforms import Compose, InterpolationMode, Normalize, Resize, ToTensor

from reprise.errors import MissingExtraError, MissingWeightsError, SettingsError, WeightsError
from reprise.models.catalogue import NETWORKS, is_known, network
from reprise.models.loading import TextEmbedder, load
from reprise.models.semantic.open_clip_models import OpenClipEmbedder
from reprise.models.semantic.open_clip_models import load as load_open_clip

TEXTS = ["a dog on a beach", "Two people shake hands; it's RAINING.", ""]


def loaded(name: str, path: Path) -> OpenClipEmbedder:
    """Loaded anew and not kept: these networks are large."""
    return load_open_clip(network(name), path, "cpu", 1)


def transform_of_clip() -> Any:
    """What open_clip does to a picture for CLIP's networks at 224 pixels."""
    return open_clip.image_transform(
        224, is_train=False, mean=open_clip.OPENAI_DATASET_MEAN, std=open_clip.OPENAI_DATASET_STD
    )


def assert_alike(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3  # or all would be alike whatever the weights


def test_a_hub_file_gives_open_clips_own_embeddings_of_pictures_and_texts(small: Any) -> None:
    embed = load(network(small.name), weights=str(small.path), device="cpu")
    transform = transform_of_clip()
    frames = [*pictures(2), *pictures(1, size=(90, 300)), *pictures(1, size=(224, 224))]
    assert_alike(embed(frames), image_embeddings(small.network, transform, frames))
    assert isinstance(embed, TextEmbedder)
    assert_alike(embed.embed_text(TEXTS), text_embeddings(small.network, open_clip.get_tokenizer(SMALL)(TEXTS)))
    assert embed.dimension == network(small.name).dimension == 256


def test_more_pictures_and_texts_than_a_batch_holds_come_out_one_by_one_the_same(small: Any) -> None:
    embed = load(network(small.name), weights=str(small.path), device="cpu")
    frames = pictures(35, size=(64, 64))
    assert np.allclose(embed(frames)[[0, 33]], embed([frames[0], frames[33]]), atol=1e-5)
    assert embed([]).shape == (0, 256)
    assert isinstance(embed, TextEmbedder)
    assert embed.embed_text([]).shape == (0, 256)


def test_openais_own_archive_of_vit_b_32_gives_open_clips_embeddings(tmp_path: Path) -> None:
    reference = random_network("ViT-B-32-quickgelu")
    path = as_openai_archive(reference, tmp_path / "ViT-B-32.pt")
    assert path.name == NETWORKS["clip"].weights[0].name
    embed = loaded("clip", path)
    path.unlink()
    _, _, transform = open_clip.create_model_and_transforms(
        SMALL, pretrained=None
    )  # the same for all of CLIP's at 224
    frames = pictures(2)
    assert_alike(embed(frames), image_embeddings(reference, transform, frames))
    assert_alike(embed.embed_text(TEXTS), text_embeddings(reference, open_clip.get_tokenizer("ViT-B-32")(TEXTS)))
    assert embed.dimension == NETWORKS["clip"].dimension == 512


def test_the_activation_is_openais_for_its_archives_and_the_names_for_other_files(small: Any, tmp_path: Path) -> None:
    quick = random_network(SMALL, quick=True)
    archive = as_openai_archive(quick, tmp_path / "archive.pt")
    plain = random_network(SMALL)
    plain.load_state_dict({key: quick.state_dict()[key] for key in plain.state_dict()})
    frames = pictures(2)
    transform = transform_of_clip()
    assert_alike(loaded(small.name, archive)(frames), image_embeddings(quick, transform, frames))
    file = as_safetensors(plain, tmp_path / HUB_FILE)
    assert_alike(loaded(small.name, file)(frames), image_embeddings(plain, transform, frames))
    assert (
        np.abs(image_embeddings(plain, transform, frames) - image_embeddings(quick, transform, frames)).max() > 1e-4
    )


def test_a_checkpoint_of_a_training_run_on_several_gpus_is_read(small: Any, tmp_path: Path) -> None:
    state = {f"module.{key}": tensor for key, tensor in small.network.state_dict().items()}
    torch.save({"epoch": 3, "name": "run", "state_dict": state}, tmp_path / "epoch_3.pt")
    frames = pictures(1)
    again = loaded(small.name, tmp_path / "epoch_3.pt")
    assert np.array_equal(again(frames), loaded(small.name, small.path)(frames))


def test_siglips_hub_file_and_tokenizer_give_open_clips_embeddings(tmp_path: Path) -> None:
    folder = tmp_path / "ViT-B-16-SigLIP"
    reference = random_network("ViT-B-16-SigLIP")
    path = as_safetensors(reference, folder / HUB_FILE)
    embed = loaded("siglip", path)
    path.unlink()
    squashed = Compose(
        [
            Resize((224, 224), interpolation=InterpolationMode.BICUBIC),
            ToTensor(),
            Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ]
    )
    frames = pictures(2)
    assert_alike(embed(frames), image_embeddings(reference, squashed, frames))
    assert embed.dimension == NETWORKS["siglip"].dimension == 768

    with pytest.raises(MissingWeightsError) as missing:
        embed.embed_text(["a dog"])
    assert "open_clip_model.safetensors it needs ViT-B-16-SigLIP/tokenizer.json, which is not in" in str(
        missing.value
    )
    assert "`reprise models fetch siglip` downloads it" in str(missing.value)
    sentencepiece_tokenizer(folder / "tokenizer.json", ("a", "dog", "on"))
    # Canonical: small letters, no punctuation; words are 3, 4 and 5, "sea" is spelt, then ends fill up.
    tokens = torch.ones(2, 64, dtype=torch.long)
    tokens[0, :4] = torch.tensor([3, 4, 5, 3])
    letters = "▁abcdefghijklmnopqrstuvwxyz"
    spelt = [4, *(6 + letters.index(letter) for letter in "▁sea")]
    tokens[1, : len(spelt)] = torch.tensor(spelt)
    assert_alike(embed.embed_text(["A dog, on_a", "DOG sea!"]), text_embeddings(reference, tokens))
    long = embed.embed_text(["dog " * 100, "dog " * 63])
    assert np.allclose(long[0], long[1], atol=1e-6)  # cut off before the end


def test_a_tokenizer_of_another_network_and_a_broken_one_are_told(tmp_path: Path) -> None:
    from reprise.models.semantic.text import tokenizer

    weights = tmp_path / HUB_FILE
    config = open_clip.get_model_config("ViT-B-16-SigLIP")["text_cfg"]
    sentencepiece_tokenizer(tmp_path / "tokenizer.json", ("a",), vocabulary=40_000)
    with pytest.raises(WeightsError, match=r"tokenizer.json: not the tokenizer of siglip, which has 32000 tokens"):
        tokenizer(network("siglip"), config, weights)
    (tmp_path / "tokenizer.json").write_text("<!doctype html>")
    with pytest.raises(WeightsError, match=r"tokenizer.json: not a tokenizer, or damaged; get https://.*'s again"):
        tokenizer(network("siglip"), config, weights)


def test_weights_of_another_network_are_named_by_their_keys(small: Any) -> None:
    with pytest.raises(WeightsError) as error:
        loaded("clip", small.path)
    assert str(error.value).startswith(f"{small.path}: not the weights of clip: ")
    assert "missing" in str(error.value)
    assert "of another shape" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["hub file", "archive"])
def test_a_truncated_file_is_told(small: Any, kind: str, tmp_path: Path) -> None:
    whole = small.path
    if kind == "archive":
        whole = tmp_path / "whole.pt"
        torch.save(small.network.state_dict(), whole)
    path = tmp_path / f"half{whole.suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(WeightsError, match="truncated") as error:
        loaded(small.name, path)
    assert "\n" not in str(error.value)


def test_missing_weights_tell_where_they_were_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(
        MissingWeightsError, match=r"model clip: its weights ViT-B-32\.pt or .*safetensors are not in"
    ):
        load(network("clip"))


@pytest.mark.parametrize("library", ["torch", "open_clip"])
def test_a_missing_library_is_one_line_that_names_the_extra(
    small: Any, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[models\]'"):
        loaded(small.name, small.path)


def test_a_device_that_is_not_there_is_told(small: Any) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(SettingsError, match="device cuda"):
        load_open_clip(network(small.name), small.path, "cuda", 1)


def test_names_are_open_clips_and_tell_size_and_files_before_loading() -> None:
    large = network("clip/ViT-L-14-336")
    assert (large.picture, large.dimension, large.reads_text) == (336, 768, True)
    assert large.weights[0].name == "ViT-L-14-336px.pt"
    assert f"/{large.weights[0].sha256}/" in large.weights[0].url
    newer = network("clip/ViT-B-16-SigLIP2")
    assert (newer.picture, newer.dimension) == ((224, 224), 768)
    assert newer.companions[0].url == "https://huggingface.co/timm/ViT-B-16-SigLIP2/resolve/main/tokenizer.json"
    assert network(f"clip/{SMALL}").picture == 224
    # Text towers of transformers, tokenizers with rules of their own, names that lead elsewhere.
    for name in (
        "clip/nonsense",
        "clip/roberta-ViT-B-32",
        "clip/ViT-H-14-CLIPA",
        "clip/../ViT-B-32",
        "clip/",
        "clip",
    ):
        assert is_known(name) == (name == "clip")


def test_what_is_known_without_open_clip_is_what_open_clip_says() -> None:
    from reprise.models.semantic.known import OPENAI_NETWORKS

    for name, known in OPENAI_NETWORKS.items():
        config = open_clip.get_model_config(name)
        assert (known.dimension, known.picture) == (config["embed_dim"], config["vision_cfg"]["image_size"])
        published = open_clip.get_pretrained_cfg(name, "openai")
        assert network(f"clip/{name}").weights[0].url == published["url"]


def test_nothing_is_fetched_from_the_network(small: Any, tmp_path: Path) -> None:
    folder = tmp_path / "ViT-B-16-SigLIP"
    sentencepiece_tokenizer(folder / "tokenizer.json", ("dog",))
    program = f"""
import sys
def guard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
        print(event, arguments, file=sys.stderr)
        raise SystemExit(f"network: {{event}}")
sys.addaudithook(guard)
from pathlib import Path
import numpy as np, open_clip
from reprise.models.catalogue import network
from reprise.models.loading import load
from reprise.models.semantic.text import tokenizer
embed = load(network({small.name!r}), weights={str(small.path)!r}, device="cpu")
embed([np.zeros((20, 20, 3), np.uint8)])
embed.embed_text(["a dog"])
text = open_clip.get_model_config("ViT-B-16-SigLIP")["text_cfg"]
tokens = tokenizer(network("siglip"), text, Path({str(folder / HUB_FILE)!r}))(["dog"])
print(tokens.shape, sys.modules.get("transformers"))
"""
    environment = {**os.environ, "HF_HUB_OFFLINE": "0"}
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment
    )
    assert ended.stdout == "torch.Size([1, 64]) None\n", ended.stderr
    assert ended.returncode == 0


def test_importing_reprise_and_naming_networks_loads_no_library_of_networks() -> None:
    program = (
        "import towhee, reprise, sys; from reprise.cli import COMMANDS; "
        "from reprise.models.catalogue import network; [late.load() for late in COMMANDS.values()]; "
        "network('clip/ViT-S-32-alt'); print([m for m in ('torch', 'open_clip', 'tokenizers', 'matplotlib') "
        "if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
