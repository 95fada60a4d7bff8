"""Edits of every pixel by itself or with its neighbours: colour, blur, noise, compression."""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from reprise.training.images.colours import Picture

LUMA = np.array([0.299, 0.587, 0.114])
FULL_HUE_SHARE = 0.2  # of the hue turns: any angle; the others are small
GREY_SHARE = 0.18


def recoloured(rng: np.random.Generator, picture: Picture, strength: float = 1.0) -> Picture:
    """Another brightness, contrast, saturation, channel gains, hue and gamma; one time in five none of it."""
    if rng.random() < 0.2:
        return picture
    contrast = math.exp(rng.normal(0, 0.3 * strength))
    saturation = rng.uniform(max(0.0, 1 - strength), 1 + 0.8 * strength)
    matrix = (np.eye(3) * saturation + (1 - saturation) * LUMA) * contrast
    matrix = np.diag(np.exp(rng.normal(0, 0.12 * strength, 3))) @ matrix
    if rng.random() < 0.5 * strength:
        full = rng.random() < FULL_HUE_SHARE
        matrix = _hue_turn(rng.uniform(-math.pi, math.pi) if full else rng.normal(0, 0.4 * strength)) @ matrix
    offset = np.full((3, 1), 128 - 128 * contrast + rng.normal(0, 25 * strength))
    picture = np.asarray(cv2.transform(picture, np.concatenate([matrix, offset], 1)), np.uint8)
    if rng.random() < 0.4:
        gamma = math.exp(rng.normal(0, 0.4 * strength))
        picture = np.asarray(cv2.LUT(picture, (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)), np.uint8)
    return picture


def _hue_turn(angle: float) -> NDArray[np.float64]:
    """A turn of the RGB cube about its grey axis."""
    cos, sin = math.cos(angle), math.sin(angle) / math.sqrt(3)
    rest = (1 - cos) / 3
    return np.array(
        [
            [cos + rest, rest - sin, rest + sin],
            [rest + sin, cos + rest, rest - sin],
            [rest - sin, rest + sin, cos + rest],
        ]
    )


@functools.cache
def _noise() -> NDArray[np.int16]:
    return np.random.default_rng(1).normal(0, 40, 4_000_000).astype(np.int16)


def degraded(rng: np.random.Generator, picture: Picture, share: float = 1.0) -> Picture:
    """Grey, blurred, made coarse, noisy or compressed, each at random; `share` scales how often."""
    if rng.random() < GREY_SHARE * share:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        picture = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)
    if rng.random() < 0.3 * share:
        picture = _blurred(rng, picture)
    if rng.random() < 0.18 * share:
        picture = _coarse(rng, picture)
    if rng.random() < 0.25 * share:
        noise, start = _noise(), int(rng.integers(0, len(_noise()) - picture.size))
        grain = noise[start : start + picture.size].reshape(picture.shape)
        amount = rng.uniform(0.1, 1)
        picture = np.asarray(cv2.addWeighted(picture, 1, grain, amount, 0, dtype=cv2.CV_8U), np.uint8)
    if rng.random() < 0.35 * share:
        _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(8, 60))])
        picture = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return picture


def _blurred(rng: np.random.Generator, picture: Picture) -> Picture:
    if rng.random() < 0.7:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), len(picture) / 112 * rng.uniform(0.4, 2.4)), np.uint8)
    length = int(rng.integers(3, 11))
    kernel = np.zeros((length, length), np.float32)
    start, end = (0, int(rng.integers(0, length))), (length - 1, int(rng.integers(0, length)))
    cv2.line(kernel, start, end, (1.0,))
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)


def _coarse(rng: np.random.Generator, picture: Picture) -> Picture:
    """As if scaled down and up again, or in pixel blocks."""
    size = len(picture)
    small = max(8, int(size * rng.uniform(0.2, 0.7)))
    reduced = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
    enlarge = cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(reduced, (size, size), interpolation=enlarge), np.uint8)
