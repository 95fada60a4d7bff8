"""The contract of everything that embeds frames, the built-in descriptor included; and their Towhee operators."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from towhee import ops

from reprise.errors import ReprisError, SettingsError
from reprise.models.catalogue import network
from reprise.models.embedder import NetworkEmbedder
from reprise.models.loading import FrameEmbedder, load

pytestmark = [
    pytest.mark.usefixtures("stored_exports"),
    pytest.mark.filterwarnings("ignore:`torch.jit"),  # SSCD is published as TorchScript
]

Frames = list[NDArray[np.uint8]]
Checkpoint = Callable[[str], Path]
TIMM = "timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k"
DIMENSIONS = {"reprise": 256, "isc": 256, "sscd": 512, "resnet50": 2048, "resnet50-logits": 1000, TIMM: 192}


@pytest.fixture(params=DIMENSIONS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def embed(name: str, checkpoint: Checkpoint) -> FrameEmbedder:
    """The network; ISC, which is the slowest, with pictures of 64 pixels."""
    known = replace(network("isc"), picture=(64, 64)) if name == "isc" else network(name)
    return load(known, weights=None if name == "reprise" else str(checkpoint(name)), device="cpu")


def test_frames_become_rows_of_length_one(embed: FrameEmbedder, name: str, frames: Frames) -> None:
    rows = embed(frames)
    assert (rows.shape, rows.dtype) == ((3, DIMENSIONS[name]), np.float32)
    assert embed.dimension == DIMENSIONS[name]
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_no_frames_give_no_rows(embed: FrameEmbedder, name: str) -> None:
    assert embed([]).shape == (0, DIMENSIONS[name])


def test_a_batch_is_its_frames_one_by_one_and_again_the_same(embed: FrameEmbedder, frames: Frames) -> None:
    batch = embed(frames)
    np.testing.assert_allclose(np.concatenate([embed([frame]) for frame in frames]), batch, atol=2e-6)
    assert np.array_equal(embed(frames), batch)


def test_frames_of_several_sizes_are_one_batch(embed: FrameEmbedder, frames: Frames) -> None:
    mixed = [frames[0], frames[0][:100], frames[1][:, ::2]]
    np.testing.assert_allclose(embed(mixed)[1], embed(mixed[1:2])[0], atol=2e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_frames_are_refused(embed: FrameEmbedder, wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(ReprisError, match=r"a frame must be \[height, width, 3\] uint8 RGB"):
        embed([wrong])


def test_several_threads_may_call_it_at_once(embed: FrameEmbedder, frames: Frames) -> None:
    alone = embed(frames)
    with ThreadPoolExecutor(3) as pool:
        for rows in pool.map(lambda _: embed(frames), range(3)):
            np.testing.assert_allclose(rows, alone, atol=2e-6)


# --- operators


def test_operators_take_one_frame_or_a_batch(checkpoint: Checkpoint, frames: Frames) -> None:
    operator = ops.image_embedding.isc(img_size=64, checkpoint_path=str(checkpoint("isc")), device=-1)
    batch = operator(frames)
    assert batch.shape == (3, 256)
    assert operator(frames[1]).shape == (256,)
    np.testing.assert_allclose(operator(frames[1]), batch[1], atol=2e-6)
    np.testing.assert_allclose(operator(np.stack(frames)), batch, atol=2e-6)


def test_an_operators_device_is_named_as_towhee_names_it(checkpoint: Checkpoint, frames: Frames) -> None:
    named = [
        ops.image_embedding.sscd(weights=str(checkpoint("sscd")), device=device)(frames) for device in (-1, "cpu")
    ]
    assert np.array_equal(*named)
    with pytest.raises(RuntimeError, match="device must be auto, cpu, cuda or cuda with a number"):
        ops.image_embedding.sscd(weights=str(checkpoint("sscd")), device="tpu")(frames)


def test_resnet50_gives_raw_logits_on_demand(checkpoint: Checkpoint, frames: Frames) -> None:
    weights = str(checkpoint("resnet50"))
    raw = ops.image_embedding.resnet50(output="logits", weights=weights, device="cpu", normalize=False)(frames)
    unit = ops.image_embedding.resnet50(output="logits", weights=weights, device="cpu")(frames)
    assert np.linalg.norm(raw, axis=1).min() > 2
    np.testing.assert_allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), unit, atol=1e-6)


def test_prepared_pictures_are_taken_as_they_are(checkpoint: Checkpoint, frames: Frames) -> None:
    arguments = {"weights": str(checkpoint("sscd")), "device": "cpu"}
    whole = ops.image_embedding.sscd(**arguments)(frames)
    embed = load(network("sscd"), weights=str(checkpoint("sscd")), device="cpu")
    assert isinstance(embed, NetworkEmbedder)
    prepared = embed._prepare(frames)  # what a pipeline of one's own would do
    operator = ops.image_embedding.sscd(skip_preprocess=True, **arguments)
    np.testing.assert_allclose(operator(prepared), whole, atol=2e-6)
    np.testing.assert_allclose(operator(prepared[0]), whole[0], atol=2e-6)
    with pytest.raises(ReprisError, match=r"a prepared picture must be \[3, 320, 320\] float32"):
        operator(frames)


def test_timms_operator_takes_towhees_parameters(checkpoint: Checkpoint, frames: Frames) -> None:
    short = TIMM.removeprefix("timm/")
    operator = ops.image_embedding.timm(short, 1000, weights=str(checkpoint(TIMM)), device="cpu")
    embed = load(network(TIMM), weights=str(checkpoint(TIMM)), device="cpu")
    np.testing.assert_allclose(operator(frames), embed(frames), atol=2e-6)


def test_a_network_that_timm_does_not_have_is_told_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"timm/vit_smal_patch16_224: timm .* near are .*vit_small_patch16_224"):
        network("timm/vit_smal_patch16_224")
