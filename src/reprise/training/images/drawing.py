"""One training image: a scene or two, mixed, bent, lit and finished like a photograph."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from reprise.training.images.abstract import formula, iterated_functions
from reprise.training.images.colours import Palette, Picture, random_palette
from reprise.training.images.scenes import collage, dead_leaves, landscape, natural_noise, room
from reprise.training.images.shapes import add_body, add_figure, paste, shape_mask
from reprise.training.images.textures import texture

# How often each kind is drawn; the kinds nearest to real footage most.
KINDS: dict[Callable[[np.random.Generator, int, Palette], Picture], float] = {
    dead_leaves: 0.22,
    formula: 0.12,
    iterated_functions: 0.07,
    collage: 0.15,
    landscape: 0.17,
    room: 0.20,
    natural_noise: 0.07,
}
# Flatter images look all alike after strong edits: as training pairs they are noise.
MIN_DEVIATION = 18.0


def draw(rng: np.random.Generator, size: int = 160) -> Picture:
    """A random image [size, size, 3] uint8 RGB: the same generator state gives the same image."""
    while True:
        picture = _finished(rng, _composed(rng, size))
        if picture.std() >= MIN_DEVIATION:
            return picture


def _scene(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    kinds = list(KINDS)
    return kinds[int(rng.choice(len(kinds), p=list(KINDS.values())))](rng, size, palette)


def _composed(rng: np.random.Generator, size: int) -> Picture:
    palette = random_palette(rng)
    picture = _scene(rng, size, palette)
    if rng.random() < 0.28:
        picture = _mixed(rng, picture, _scene(rng, size, palette))
    if rng.random() < 0.25:
        picture = _bent(rng, picture)
    if rng.random() < 0.15:
        for _ in range(int(rng.integers(1, 4))):
            add_body(rng, picture, palette)
    if rng.random() < 0.08:
        add_figure(rng, picture, palette)
    return picture


def _mixed(rng: np.random.Generator, one: Picture, other: Picture) -> Picture:
    size = len(one)
    kind = rng.integers(0, 4)
    if kind == 0:
        paste(one, other, shape_mask(rng, size, radius=rng.uniform(size / 6, size / 1.8)))
    elif kind == 1:
        tones = texture(rng, size, size).astype(np.float32)
        paste(one, other, np.clip((tones - rng.uniform(60, 200)) * rng.uniform(1, 20), 0, 255).astype(np.uint8))
    elif kind == 2:
        one = np.asarray(cv2.addWeighted(one, rng.uniform(0.4, 0.7), other, rng.uniform(0.3, 0.6), 0), np.uint8)
    else:
        cut = int(rng.integers(size // 4, size * 3 // 4))
        half = (slice(cut, None), slice(None)) if rng.random() < 0.5 else (slice(None), slice(cut, None))
        one[half] = other[half]
    return one


def _bent(rng: np.random.Generator, picture: Picture) -> Picture:
    size = len(picture)
    knots, reach = int(rng.integers(4, 10)), rng.uniform(size / 80, size / 11)
    shift = [_smooth_field(rng, size, knots, reach) for _ in range(2)]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    bent = cv2.remap(picture, columns + shift[0], rows + shift[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(bent, np.uint8)


def _smooth_field(
    rng: np.random.Generator, size: int, knots: int, deviation: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    coarse = rng.normal(0, deviation, (knots, knots)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)


def _finished(rng: np.random.Generator, picture: Picture) -> Picture:
    """The lens, the light and the sensor."""
    size = len(picture)
    if rng.random() < 0.35:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.6)), np.uint8)
    light = picture.astype(np.float32)
    if rng.random() < 0.5:  # palettes are gaudier than the world is
        grey = light.mean(2, keepdims=True)
        light = grey + (light - grey) * np.float32(rng.uniform(0.1, 0.8))
    if rng.random() < 0.5:
        light *= np.exp(_smooth_field(rng, size, 3, rng.uniform(0.1, 0.5)))[..., None]
    if rng.random() < 0.5:
        levels = 255 * np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.35))
        light = levels.astype(np.float32)[np.clip(light, 0, 255).astype(np.uint8)]
    if rng.random() < 0.4:
        light *= np.exp(rng.normal(0, 0.15, 3)).astype(np.float32)
    if rng.random() < 0.3:
        light = (light - 128) * rng.uniform(0.35, 1) + rng.uniform(70, 170)
    if rng.random() < 0.25:
        light += rng.standard_normal(light.shape, np.float32) * np.float32(rng.uniform(1, 8))
    return np.clip(light, 0, 255).astype(np.uint8)
