"""Libraries made with each network: ingest and query through the program, and what goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import run
from footage import footage

import random_networks

pytestmark = pytest.mark.usefixtures("stored_exports")

Checkpoint = Callable[[str], Path]
TIMM = "timm/vit_tiny_patch16_224"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """refs/a.mp4 and refs/b.mp4 of 8 s, copy.mp4: seconds 2 to 7 of a."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "refs").mkdir()
    footage(folder / "refs" / "a.mp4", range(8), seed=1)
    footage(folder / "refs" / "b.mp4", range(8), seed=2)
    footage(folder / "copy.mp4", range(2, 7), seed=1)
    return folder


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize("name", ["sscd", "resnet50", "resnet50-logits", TIMM])
def test_a_copy_is_found_in_a_library_of_each_network(
    clips: Path, checkpoint: Checkpoint, tmp_path: Path, name: str
) -> None:
    weights = checkpoint("timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k" if name == TIMM else name)
    library = tmp_path / "library"
    arguments = ("--library", library, "--model", name, "--weights", weights, "--device", "cpu")
    done = run("ingest", *arguments, "--workers", "1", clips / "refs")
    assert done.status == 0, done.err
    asked = run("query", "--library", library, "--weights", weights, "--min-score", "0", clips / "copy.mp4", "--json")
    assert asked.status == 0, asked.err
    # Numbers drawn at random describe pictures only roughly, but the same pictures alike.
    best = asked.objects[0]["matches"][0]
    assert best["reference"].endswith("a.mp4")
    (first, *_) = best["segments"]
    assert first["segment"] == pytest.approx([0, 2, 5, 7], abs=1.1)
    stood = run("info", "--library", library, "--json")
    assert f"{name}@" in stood.out


def test_isc_at_its_full_size_goes_through_ingest_and_query(checkpoint: Checkpoint, tmp_path: Path) -> None:
    clip = footage(tmp_path / "clip.mp4", range(4), seed=1)
    weights = checkpoint("isc")
    library = tmp_path / "library"
    done = run("ingest", "--library", library, "--model", "isc", "--weights", weights, "--workers", "1", clip)
    assert done.status == 0, done.err
    asked = run("query", "--library", library, "--weights", weights, "--min-score", "0", clip, "--json")
    (match,) = asked.objects[0]["matches"]
    assert match["segments"][0]["segment"] == pytest.approx([0, 0, 4, 4], abs=0.1)


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_library_asks_for_the_weights_that_it_was_made_with(
    clips: Path, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    made = run(
        "ingest", "--library", library, "--model", "sscd", "--weights", checkpoint("sscd"), "--workers", "1",
        clips / "refs" / "a.mp4",
    )  # fmt: skip
    assert made.status == 0, made.err
    other = random_networks.sscd(tmp_path / "other.torchscript.pt", dimension=512, seed=9)
    asking = ("query", "--library", library, clips / "copy.mp4")
    adding = ("ingest", "--library", library, clips / "refs" / "b.mp4")
    for arguments, said in (
        (asking, "model sscd: its weights sscd_disc_mixup.torchscript.pt or .* are not in"),
        (
            (*asking, "--weights", other),
            r"made with sscd@\w{12}, the weights given are sscd@\w{12}, .*give those with",
        ),
        (
            (*adding, "--model", "resnet50", "--weights", checkpoint("resnet50")),
            "was made with model sscd, not with resnet50",
        ),
    ):
        done = run(*arguments)
        assert done.status != 0
        assert len(done.err.splitlines()) == 1
        assert re.search(said, done.err), done.err


def test_a_network_that_there_is_not_is_told(tmp_path: Path) -> None:
    for name, said in (("sccd", "model must be one of .*, timm/NAME, not"), ("timm/resnet5o", "near are .*resnet50")):
        done = run("ingest", "--library", tmp_path / "library", "--model", name, tmp_path)
        assert done.status != 0
        assert re.search(said, done.err), done.err
