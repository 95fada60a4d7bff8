"""`ops.image_text_embedding.clip` as Towhee's Hub has it, and Towhee's own pipeline on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("open_clip", reason="the networks' libraries come with the extra models")

from clip_checkpoints import SMALL, pictures
from PIL import Image
from towhee import AutoConfig, AutoPipes, ops, pipe

import reprise
from reprise.models.catalogue import network
from reprise.models.loading import TextEmbedder, load
from reprise.models.semantic.known import TOWHEE_NAMES

NAME = f"clip/{SMALL}"
assert reprise.Library  # importing reprise registers the operators

pytestmark = pytest.mark.usefixtures("weights_folder")


def test_the_operator_gives_one_vector_for_one_picture_or_text_and_rows_for_a_batch() -> None:
    frames = pictures(3)
    embed = load(network(NAME), device="cpu")
    image = ops.image_text_embedding.clip(model_name=NAME, modality="image", device="cpu")
    assert np.allclose(image(frames[0]), embed(frames)[0], atol=1e-6)
    assert np.allclose(image(frames), embed(frames), atol=1e-6)
    text = ops.image_text_embedding.clip(model_name=NAME, modality="text", device=-1)
    assert isinstance(embed, TextEmbedder)
    assert np.array_equal(text("a dog"), embed.embed_text(["a dog"])[0])
    assert text(["a dog", "a cat"]).shape == (2, 256)


def test_a_checkpoint_path_stands_in_for_published_weights(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPRISE_WEIGHTS")
    operator = ops.image_text_embedding.clip(NAME, "text", "cpu", str(small.path))
    assert operator("a dog").shape == (256,)


def test_towhees_names_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_WEIGHTS", str(tmp_path))
    for towhee_name, name in TOWHEE_NAMES.items():
        # Beside a pipeline Towhee turns every error into this one.
        with pytest.raises(RuntimeError, match=f"model {name}: its weights {network(name).weights[0].name}"):
            ops.image_text_embedding.clip(model_name=towhee_name, modality="text")("a dog")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"model_name": NAME, "modality": "sound"}, "modality must be one of image, text, not 'sound'"),
        ({"model_name": "reprise", "modality": "image"}, "reprise is no network for texts and pictures"),
        ({"model_name": "clip_of_nobody", "modality": "image"}, "model must be one of"),
    ],
)
def test_other_names_and_modalities_are_refused(arguments: dict[str, str], told: str) -> None:
    with pytest.raises(RuntimeError, match=told):
        ops.image_text_embedding.clip(**arguments)("a dog")


def test_towhees_text_image_pipeline_runs_unchanged(tmp_path: Path) -> None:
    picture = pictures(1)[0]
    Image.fromarray(picture).save(tmp_path / "picture.png")
    settings = AutoConfig.load_config("text_image_embedding")
    settings.model = NAME
    settings.modality = "image"
    image = AutoPipes.pipeline("text_image_embedding", settings)(str(tmp_path / "picture.png")).get()[0]
    settings.modality = "text"
    text = AutoPipes.pipeline("text_image_embedding", settings)("a dog").get()[0]
    embed = load(network(NAME), device="cpu")
    assert np.allclose(image, embed([picture])[0], atol=1e-5)
    assert isinstance(embed, TextEmbedder)
    assert np.allclose(text, embed.embed_text(["a dog"])[0], atol=1e-5)


def test_a_public_tutorials_pipeline_runs_with_only_the_network_named(tmp_path: Path) -> None:
    Image.fromarray(pictures(1)[0]).save(tmp_path / "picture.jpg")
    chain = (
        pipe.input("path")
        .map("path", "img", ops.image_decode.cv2_rgb())
        .map("img", "vec", ops.image_text_embedding.clip(model_name=NAME, modality="image"))
        .map("vec", "vec", ops.towhee.np_normalize())
        .output("img", "vec")
    )
    picture, vector = chain(str(tmp_path / "picture.jpg")).get()
    assert picture.shape == (130, 200, 3)
    assert vector.shape == (256,)
