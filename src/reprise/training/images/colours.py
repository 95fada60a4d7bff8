"""Colours: palettes that an image keeps to, and surfaces painted with them."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from reprise.training.images.textures import texture

Picture = NDArray[np.uint8]  # [height, width, 3] RGB
Palette = NDArray[np.float64]  # [colours, 3] RGB, 0 to 255

OFF_PALETTE_SHARE = 0.15


def random_palette(rng: np.random.Generator) -> Palette:
    """Three to eight colours: a third of the palettes random, the others around one hue."""
    count = int(rng.integers(3, 9))
    if rng.random() < 1 / 3:
        return rng.random((count, 3)) * 255
    hue = (rng.random() * 180 + rng.normal(0, rng.uniform(5, 60), count)) % 180
    saturation = np.clip(rng.normal(rng.uniform(20, 160), 40, count), 0, 255)
    value = np.clip(rng.normal(rng.uniform(60, 190), 60, count), 5, 255)
    hsv = np.stack([hue, saturation, value], -1)[None].astype(np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0], np.float64)


def random_colour(rng: np.random.Generator, palette: Palette) -> tuple[float, float, float]:
    """A colour near one of the palette's, now and then any colour."""
    if rng.random() < OFF_PALETTE_SHARE:
        rgb = rng.random(3) * 255
    else:
        rgb = np.clip(palette[rng.integers(0, len(palette))] + rng.normal(0, 12, 3), 0, 255)
    return float(rgb[0]), float(rgb[1]), float(rgb[2])


def gradation(rng: np.random.Generator, palette: Palette) -> Picture:
    """A lookup table from grey to two to four colours of the palette: [256, 1, 3]."""
    stops = np.array([random_colour(rng, palette) for _ in range(int(rng.integers(2, 5)))])
    at = np.linspace(0, 255, len(stops))
    grey = np.arange(256)
    return np.stack([np.interp(grey, at, stops[:, i]) for i in range(3)], -1).astype(np.uint8)[:, None]


def tinted(rng: np.random.Generator, grey: NDArray[np.uint8], palette: Palette) -> Picture:
    """The grey picture [height, width] in a gradation of the palette."""
    return np.asarray(cv2.applyColorMap(grey, gradation(rng, palette)), np.uint8)


def plain(colour: tuple[float, float, float], height: int, width: int) -> Picture:
    """One colour all over."""
    return np.full((height, width, 3), np.asarray(colour, np.uint8), np.uint8)


def gradient(rng: np.random.Generator, height: int, width: int, palette: Palette) -> Picture:
    """A linear or elliptic passage between colours."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    if rng.random() < 0.6:
        angle = rng.uniform(0, 2 * math.pi)
        ramp = columns * math.cos(angle) + rows * math.sin(angle)
    else:
        ramp = np.hypot((columns - rng.random() * width) * rng.uniform(0.5, 2), rows - rng.random() * height)
    ramp = (ramp - ramp.min()) / (np.ptp(ramp) + 1e-6)
    return tinted(rng, (ramp * 255).astype(np.uint8), palette)


def surface(rng: np.random.Generator, height: int, width: int, palette: Palette) -> Picture:
    """Something to fill a shape with: one colour, a gradient, a texture or two mixed."""
    kind = rng.random()
    if kind < 0.2:
        return plain(random_colour(rng, palette), height, width)
    if kind < 0.4:
        return gradient(rng, height, width, palette)
    one = tinted(rng, texture(rng, height, width), palette)
    if kind < 0.85:
        return one
    other = tinted(rng, texture(rng, height, width), palette)
    return np.asarray(cv2.addWeighted(one, 0.5, other, 0.5, 0), np.uint8)
