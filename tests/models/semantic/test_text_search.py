"""Libraries of networks that read text: ingest, search by text and picture, query; and what is told when it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("open_clip", reason="the networks' libraries come with the extra models")

from clip_checkpoints import HUB_FILE, SMALL, as_safetensors, random_network
from command_line import run
from footage import footage
from PIL import Image

from reprise.decoding.sampling import sample
from reprise.models.catalogue import network
from reprise.models.loading import TextEmbedder, load

NAME = f"clip/{SMALL}"


@pytest.fixture(scope="module")
def made(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.mp4 (20 s) and b.mp4 (10 s), their library, and frame.png, what a.mp4 shows at 7 s."""
    folder = tmp_path_factory.mktemp("clips")
    footage(folder / "a.mp4", range(20), seed=1)
    footage(folder / "b.mp4", range(10), seed=2)
    Image.fromarray(list(sample(str(folder / "a.mp4"), fps=1))[7].pixels).save(folder / "frame.png")
    options = ("--library", folder / "library", "--model", NAME, "--weights", small.path, "--workers", "1")
    finished = run("ingest", *options, folder / "a.mp4", folder / "b.mp4")
    assert (finished.status, finished.err) == (0, "")
    return folder


def test_a_text_finds_the_frames_that_its_embedding_is_nearest_to(made: Path, small: Any) -> None:
    embed = load(network(NAME), weights=str(small.path), device="cpu")
    assert isinstance(embed, TextEmbedder)
    vector = embed.embed_text(["a dog"])[0]
    scores = {
        name: embed([picture.pixels for picture in sample(str(made / name), fps=1, size=224)]) @ vector
        for name in ("a.mp4", "b.mp4")
    }
    best = max(scores, key=lambda name: scores[name].max())
    finished = run(
        "search", "--library", made / "library", "--weights", small.path, "--text", "a dog", "--kernel", "1", "--json"
    )
    assert (finished.status, finished.err) == (0, "")
    answer = finished.objects[0]
    assert answer["text"] == "a dog"
    hit = answer["hits"][0]
    assert hit["video"] == str(made / best)
    assert hit["best"] == np.argmax(scores[best])
    assert hit["score"] == pytest.approx(scores[best].max(), abs=2e-4)


def test_a_picture_finds_the_second_that_it_is_from(made: Path, small: Any) -> None:
    options = ("--library", made / "library", "--weights", small.path, "--image", made / "frame.png")
    hit = run("search", *options, "--kernel", "1", "--json").objects[0]["hits"][0]
    assert (hit["video"], hit["start"], hit["best"], hit["end"]) == (str(made / "a.mp4"), 7, 7, 8)
    assert hit["score"] > 0.999


def test_a_copy_is_found_with_the_network_too(made: Path, small: Any, tmp_path: Path) -> None:
    footage(tmp_path / "copy.mp4", range(5, 15), seed=1)
    finished = run("query", tmp_path / "copy.mp4", "--library", made / "library", "--weights", small.path, "--json")
    assert (finished.status, finished.err) == (0, "")
    assert finished.objects[0]["query"] == str(tmp_path / "copy.mp4")
    assert run("info", "--library", made / "library", "--json").objects[0]["model"].startswith(f"{NAME}@")


def test_other_weights_of_the_same_network_are_refused(made: Path, tmp_path: Path) -> None:
    other = as_safetensors(random_network(SMALL, seed=1), tmp_path / HUB_FILE)
    finished = run("search", "--library", made / "library", "--weights", other, "--text", "a dog")
    assert finished.status == 1
    assert f"this library was made with {NAME}@" in finished.err
    assert finished.err.count("\n") == 1


def test_weights_that_are_not_there_are_told(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    finished = run("search", "--library", made / "library", "--text", "a dog")
    assert finished.status == 1
    assert f"model {NAME}: its weights {SMALL}/{HUB_FILE} are not in {tmp_path}" in finished.err
    assert finished.err.count("\n") == 1
