"""Kinds of picture made by formulas: random networks over the plane, and iterated functions."""

from __future__ import annotations

import cv2
import numpy as np

from reprise.training.images.colours import Palette, Picture, surface, tinted
from reprise.training.images.shapes import paste

ACTIVATIONS = (
    np.sin,
    np.tanh,
    np.cos,
    np.abs,
    lambda v: np.exp(-v * v),
    lambda v: np.maximum(v, 0),
    lambda v: v - np.floor(v),
)


def formula(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    """The colours that a small random network gives to the points of the plane (CPPN: Stanley 2007)."""
    n = size // 2 if rng.random() < 0.6 else size
    line = np.linspace(-1, 1, n, dtype=np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    zoom = rng.uniform(0.8, 4)
    radius = np.hypot(x - rng.normal(0, 0.5), y - rng.normal(0, 0.5)) * zoom
    angle = np.arctan2(y + rng.normal(0, 0.3), x) * rng.integers(0, 3)
    values = np.stack([x * zoom, y * zoom, radius, angle], -1).reshape(-1, 4).astype(np.float32)
    units = int(rng.integers(6, 20))
    for _ in range(int(rng.integers(2, 5))):
        weights = rng.normal(0, rng.uniform(0.8, 2) / np.sqrt(values.shape[1]), (values.shape[1], units))
        values = values @ weights.astype(np.float32) + rng.normal(0, 0.5, units).astype(np.float32)
        for first, kind in enumerate(rng.integers(0, len(ACTIVATIONS), 3)):
            values[:, first::3] = ACTIVATIONS[kind](values[:, first::3])
    rgb = values @ rng.normal(0, 1.5 / np.sqrt(units), (units, 3)).astype(np.float32)
    low, high = np.percentile(rgb[:: max(1, len(rgb) // 4000)], [1, 99], axis=0)
    picture = (np.clip((rgb - low) / (high - low + 1e-5), 0, 1) * 255).astype(np.uint8).reshape(n, n, 3)
    if rng.random() < 0.4:
        picture = tinted(rng, np.ascontiguousarray(picture[..., 0]), palette)
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8)


def iterated_functions(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    """The attractor of a few random affine maps (Kataoka et al. 2020, pre-training without natural images)."""
    picture = surface(rng, size, size, palette)
    maps = int(rng.integers(2, 6))
    linear = np.empty((maps, 2, 2), np.float32)
    for i in range(maps):
        one, two = (_turn(angle) for angle in rng.uniform(0, 2 * np.pi, 2))
        linear[i] = one @ np.diag(rng.uniform(0.3, 0.85, 2) * rng.choice([-1, 1], 2)) @ two
    shift = rng.uniform(-1, 1, (maps, 2)).astype(np.float32)
    weight = np.abs(np.linalg.det(linear)) + 0.02
    points = np.zeros((3000, 2), np.float32)
    visited = []
    for step in range(14):
        chosen = rng.choice(maps, len(points), p=weight / weight.sum())
        points = np.einsum("nij,nj->ni", linear[chosen], points) + shift[chosen]
        if step > 5:  # the first steps are still on their way to the attractor
            visited.append(points)
    cloud = np.concatenate(visited)
    low, high = np.percentile(cloud, [1, 99], axis=0)
    cloud = ((cloud - low) / (high - low + 1e-6) * rng.uniform(0.6, 1) + rng.uniform(0, 0.3, 2)) * size
    pixels = cloud[(cloud >= 0).all(1) & (cloud < size).all(1)].astype(int)
    hits = np.bincount(pixels[:, 1] * size + pixels[:, 0], minlength=size * size).reshape(size, size)
    density = cv2.GaussianBlur(hits.astype(np.float32), (0, 0), rng.uniform(0.5, 1.2))
    bright = np.percentile(density[density > 0], 85) if len(pixels) else 1.0
    mask = (np.sqrt(np.clip(density / (bright + 1e-6), 0, 1)) * 255).astype(np.uint8)
    paste(picture, surface(rng, size, size, palette), mask)
    return picture


def _turn(angle: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
