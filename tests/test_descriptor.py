"""The built-in descriptor, and `ops.image_embedding.reprise`: frames in, embeddings out."""

from __future__ import annotations

import functools
import importlib.resources
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from clips import Picture
from towhee import ops, pipe
from towhee.types import VideoFrame

import reprise  # noqa: F401 - registers the operators
from reprise.decoding.picture import resized
from reprise.descriptor import BATCH_FRAMES, DIMENSION, NAME, Descriptor, check_device, shared_descriptor
from reprise.errors import ReprisError, SettingsError
from reprise.operators.image_embedding.reprise import Reprise

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "grass", "gravel", "brick", "moon", "coins", "page")


@pytest.fixture(scope="session")
def describe() -> Descriptor:
    return shared_descriptor("cpu")


@functools.cache
def photo(name: str) -> Picture:
    data = pytest.importorskip("skimage.data", reason="needs scikit-image's photographs: pip install scikit-image")
    picture = np.asarray(getattr(data, name)())
    return np.ascontiguousarray(np.stack([picture] * 3, -1) if picture.ndim == 2 else picture)


def noise(count: int, size: tuple[int, int] = (64, 48)) -> list[Picture]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8) for _ in range(count)]


# --- shapes


def test_embeddings_are_float32_rows_of_length_one(describe: Descriptor) -> None:
    embeddings = describe([*noise(3), np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 255, np.uint8)])
    assert (embeddings.shape, embeddings.dtype) == ((5, DIMENSION), np.float32)
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_no_frames_give_no_rows(describe: Descriptor) -> None:
    embeddings = describe([])
    assert (embeddings.shape, embeddings.dtype) == ((0, DIMENSION), np.float32)


def test_frames_of_a_batch_may_differ_in_size(describe: Descriptor) -> None:
    frames = [
        *noise(1, (64, 48)),
        *noise(1, (48, 64)),
        *noise(1, (1, 1)),
        *noise(1, (128, 128)),
        *noise(1, (641, 359)),
    ]
    together = describe(frames)
    for row, frame in zip(together, frames, strict=True):
        assert row == pytest.approx(describe([frame])[0], abs=1e-5)


@pytest.mark.parametrize("count", [1, BATCH_FRAMES - 1, BATCH_FRAMES, BATCH_FRAMES + 1, 2 * BATCH_FRAMES + 3])
def test_a_batch_is_embedded_like_its_frames_one_by_one(describe: Descriptor, count: int) -> None:
    frames = noise(count)
    alone = np.concatenate([describe([frame]) for frame in frames])
    assert np.abs(describe(frames) - alone).max() < 1e-5


def test_splitting_where_batches_end_changes_no_bit(describe: Descriptor) -> None:
    frames = noise(2 * BATCH_FRAMES)
    split = np.concatenate([describe(frames[:BATCH_FRAMES]), describe(frames[BATCH_FRAMES:])])
    assert np.array_equal(describe(frames), split)


def test_the_same_frames_give_the_same_bits_in_every_thread(describe: Descriptor) -> None:
    frames = noise(4)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: describe(frames), range(8)))
    assert all(np.array_equal(results[0], result) for result in results[1:])


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((48, 64), np.uint8),
        np.zeros((48, 64, 4), np.uint8),
        np.zeros((48, 64, 3), np.float32),
        np.zeros((0, 64, 3), np.uint8),
    ],
)
def test_what_is_no_rgb_frame_is_refused(describe: Descriptor, frame: Picture) -> None:
    with pytest.raises(ReprisError, match=r"must be \[height, width, 3\] uint8 RGB"):
        describe([frame])


# --- likeness


def cropped(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    return picture[height // 10 : -height // 10, width // 10 : -width // 10]


def brighter(picture: Picture) -> Picture:
    return np.clip(picture * 1.3 + 20, 0, 255).astype(np.uint8)


def darker(picture: Picture) -> Picture:
    return (picture * 0.5).astype(np.uint8)


def smaller(picture: Picture) -> Picture:
    return resized(picture, (picture.shape[1] // 4, picture.shape[0] // 4))


def letterboxed(picture: Picture) -> Picture:
    bar = np.zeros((picture.shape[0] // 8, picture.shape[1], 3), np.uint8)
    return np.concatenate([bar, picture, bar])


def grey(picture: Picture) -> Picture:
    return np.repeat(picture.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)


def grainy(picture: Picture) -> Picture:
    grain = np.random.default_rng(0).normal(0, 12, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("edit", [cropped, brighter, darker, smaller, letterboxed, grey, grainy])
def test_an_edited_photo_is_nearer_to_its_original_than_to_any_other(
    describe: Descriptor, edit: Callable[[Picture], Picture]
) -> None:
    originals = describe([photo(name) for name in PHOTOS])
    similarity = describe([edit(photo(name)) for name in PHOTOS]) @ originals.T
    assert similarity.argmax(axis=1).tolist() == list(range(len(PHOTOS)))


def test_the_order_of_colours_matters(describe: Descriptor) -> None:
    right, wrong = describe([photo("chelsea"), photo("chelsea")[..., ::-1]])
    assert right @ wrong < 0.999


def test_a_flipped_photo_matches_with_no_second_pass(describe: Descriptor) -> None:
    originals = describe([photo(name) for name in PHOTOS])
    flipped = describe([photo(name)[:, ::-1] for name in PHOTOS])
    similarity = flipped @ originals.T
    assert similarity.argmax(axis=1).tolist() == list(range(len(PHOTOS)))
    assert np.diag(similarity).min() > 0.5


def test_unrelated_photos_are_unlike(describe: Descriptor) -> None:
    similarity = describe([photo(name) for name in PHOTOS]) @ describe([photo(name) for name in PHOTOS]).T
    others = similarity[~np.eye(len(PHOTOS), dtype=bool)]
    assert abs(others.mean()) < 0.1


# --- weights and devices


def test_damaged_or_missing_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = importlib.resources.files("reprise.weights") / f"{NAME}.onnx"
    copy = tmp_path / f"{NAME}.onnx"
    with importlib.resources.as_file(weights) as original:
        shutil.copy(original, copy)
    monkeypatch.setattr(importlib.resources, "files", lambda _package: tmp_path)
    assert Descriptor("cpu")(noise(1)).shape == (1, DIMENSION)
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(ReprisError, match=rf"{NAME}\.onnx are damaged; install reprise again"):
        Descriptor("cpu")
    copy.unlink()
    with pytest.raises(ReprisError, match=rf"{NAME}\.onnx cannot be read; install reprise again"):
        Descriptor("cpu")


def test_weights_are_loaded_once_a_process_and_setting() -> None:
    assert shared_descriptor("cpu", 1) is shared_descriptor("cpu", 1)
    assert shared_descriptor("cpu", 1) is not shared_descriptor("cpu", 2)


def test_an_unknown_or_absent_device_is_refused() -> None:
    import onnxruntime

    check_device("auto")
    check_device("cpu")
    with pytest.raises(SettingsError, match="device must be one of auto, cpu, cuda, not 'gpu'"):
        Reprise(device="gpu")
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(SettingsError, match="no CUDA; install onnxruntime-gpu, or use cpu"):
            Reprise(device="cuda")


# --- the operator


def test_one_frame_gives_a_vector_and_a_batch_a_matrix(describe: Descriptor) -> None:
    frames = noise(3)
    embed = Reprise(device="cpu")
    expected = describe(frames)
    assert embed(frames[0]).shape == (DIMENSION,)
    assert embed(frames[0]) == pytest.approx(expected[0], abs=1e-5)
    assert np.array_equal(embed(frames), expected)
    assert np.array_equal(embed(np.stack(frames)), expected)
    assert embed([]).shape == (0, DIMENSION)
    assert embed(np.zeros((0, 48, 64, 3), np.uint8)).shape == (0, DIMENSION)


def test_a_towhee_frame_is_embedded_like_its_array(describe: Descriptor) -> None:
    frame = noise(1)[0]
    embedding = Reprise(device="cpu")(VideoFrame(frame, "RGB", 0, 1))
    assert type(embedding) is np.ndarray
    assert np.array_equal(embedding, describe([frame])[0])


def test_pipelines_may_embed_frame_by_frame_or_in_windows(describe: Descriptor) -> None:
    frames = noise(5)
    embed = ops.image_embedding.reprise(device="cpu")
    one_by_one = (
        pipe.input("frames").flat_map("frames", "frame", list).map("frame", "embedding", embed).output("embedding")
    )(frames)
    windows = (
        pipe.input("frames")
        .flat_map("frames", "frame", list)
        .window("frame", "embeddings", 2, 2, embed)
        .window_all("embeddings", "matrix", np.concatenate)
        .output("matrix")
    )(frames)
    expected = describe(frames)
    matrix = np.stack([one_by_one.get()[0] for _ in range(one_by_one.size)])
    assert matrix == pytest.approx(expected, abs=1e-5)
    assert windows.get()[0] == pytest.approx(expected, abs=1e-5)
