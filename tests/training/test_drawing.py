"""The images that training draws, and the edits that they go through."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from reprise.training.edits import hard_view, medium_view, mild_view
from reprise.training.images import draw
from reprise.training.images.colours import random_palette
from reprise.training.images.drawing import KINDS, MIN_DEVIATION


def drawn(seed: int) -> np.ndarray:
    return draw(np.random.default_rng(seed))


def test_an_image_is_drawn_by_its_seed_alone() -> None:
    first = drawn(3)
    drawn(4)
    assert np.array_equal(drawn(3), first)
    assert not np.array_equal(drawn(4), first)


@pytest.mark.parametrize("size", [96, 160, 201])
def test_images_have_the_size_asked_for_and_are_not_flat(size: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        image = draw(rng, size)
        assert (image.shape, image.dtype) == ((size, size, 3), np.uint8)
        assert image.std() >= MIN_DEVIATION


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_scene_can_be_drawn_at_any_size(kind) -> None:  # type: ignore[no-untyped-def]
    for size in (64, 160):
        rng = np.random.default_rng(size)
        images = [kind(rng, size, random_palette(rng)) for _ in range(8)]
        assert all((image.shape, image.dtype) == ((size, size, 3), np.uint8) for image in images)
        assert max(image.std() for image in images) > 10


def test_images_of_one_run_are_all_different() -> None:
    rng = np.random.default_rng(1)
    small = np.stack([draw(rng)[::16, ::16].ravel().astype(float) for _ in range(40)])
    distance = np.abs(small[:, None] - small[None]).mean(-1) + 1000 * np.eye(40)
    assert distance.min() > 5


def test_edits_are_drawn_by_their_seed_and_leave_the_image_as_it_is() -> None:
    image, one, two = drawn(5), drawn(6), drawn(7)
    kept = [picture.copy() for picture in (image, one, two)]
    for seed in range(30):
        views = [
            (
                mild_view(np.random.default_rng(seed), image, 96),
                medium_view(np.random.default_rng(seed), image, one, 96),
                hard_view(np.random.default_rng(seed), image, one, two, 96),
            )
            for _ in range(2)
        ]
        for first, second in zip(*views, strict=True):
            assert (first.shape, first.dtype) == ((96, 96, 3), np.uint8)
            assert np.array_equal(first, second)
    assert all(np.array_equal(a, b) for a, b in zip((image, one, two), kept, strict=True))


def test_mild_views_stay_nearer_to_the_image_than_hard_ones() -> None:
    def likeness(view: np.ndarray, image: np.ndarray) -> float:
        small = cv2.resize(image, (96, 96), interpolation=cv2.INTER_AREA)
        return float(np.corrcoef(view.mean(2).ravel(), small.mean(2).ravel())[0, 1])

    rng = np.random.default_rng(0)
    mild, hard = [], []
    for seed in range(40):
        image, one, two = drawn(seed), drawn(seed + 100), drawn(seed + 200)
        mild.append(likeness(mild_view(rng, image, 96), image))
        hard.append(likeness(hard_view(rng, image, one, two, 96), image))
    assert np.median(mild) > 0.9
    assert np.median(hard) < 0.5
