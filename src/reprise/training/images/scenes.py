"""Kinds of picture that imitate real ones: leaves, landscapes, rooms, collages, natural statistics."""

from __future__ import annotations

import cv2
import numpy as np

from reprise.training.images.abstract import formula
from reprise.training.images.colours import Palette, Picture, gradient, plain, random_colour, surface, tinted
from reprise.training.images.lettering import random_text
from reprise.training.images.shapes import (
    SHAPE_KINDS,
    add_body,
    add_figure,
    add_tree,
    fill_shape,
    paste,
    shape_mask,
)
from reprise.training.images.textures import spectral_noise, texture


def dead_leaves(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    """Shapes that hide each other, their sizes by a power law (dead leaves: Lee, Mumford and Huang 2001)."""
    picture = surface(rng, size, size, palette)
    count = int(np.exp(rng.uniform(np.log(8), np.log(140))))
    largest, smallest = rng.uniform(size / 8, size / 2.3), rng.uniform(2, 8)
    power = 1 - rng.uniform(1.5, 3)
    radii = (smallest**power + rng.random(count) * (largest**power - smallest**power)) ** (1 / power)
    if rng.random() < 0.5:
        radii = np.sort(radii)[::-1]
    only_kind = None if rng.random() < 0.6 else int(rng.integers(0, SHAPE_KINDS))
    plain_share = rng.random()
    fills = [surface(rng, size, size, palette) for _ in range(6)]
    for radius in radii:
        centre = rng.random(2) * size
        kind = int(rng.integers(0, SHAPE_KINDS)) if only_kind is None else only_kind
        # A texture on a shape of a few pixels is not seen, and costs the most.
        if rng.random() < plain_share or radius < 6:
            fill_shape(rng, picture, centre, radius, kind, random_colour(rng, palette))
        else:
            mask = shape_mask(rng, size, centre=centre, radius=radius, kind=kind)
            paste(picture, fills[rng.integers(0, len(fills))], mask)
    return picture


def collage(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    """Boxes, letters, inserted pictures and lines over a ground: screens, posters, graphics."""
    if rng.random() < 0.6:
        picture = surface(rng, size, size, palette)
    else:
        picture = plain(random_colour(rng, palette), size, size)
    for _ in range(int(rng.integers(1, 12))):
        _add_piece(rng, picture, palette)
    return picture


def _add_piece(rng: np.random.Generator, picture: Picture, palette: Palette) -> None:
    size = len(picture)
    colour = random_colour(rng, palette)
    x, y = (int(v) for v in rng.integers(0, size, 2))
    width, height = (int(v) for v in rng.integers(8, size * 5 // 8, 2))
    kind = rng.integers(0, 6)
    if kind == 0:
        thickness = -1 if rng.random() < 0.7 else int(rng.integers(1, 4))
        cv2.rectangle(picture, (x, y), (x + width, y + height), colour, thickness)
    elif kind == 1:
        scale = rng.uniform(0.25, 2.2)
        text, thickness = random_text(rng, int(rng.integers(1, 14))), int(1 + scale * rng.uniform(0.5, 2.5))
        cv2.putText(picture, text, (x - 40, y), int(rng.integers(0, 8)), scale, colour, thickness, cv2.LINE_AA)
    elif kind == 2:
        scale = rng.uniform(0.25, 0.5)
        for line in range(int(rng.integers(2, 9))):
            text = random_text(rng, int(rng.integers(8, 30)))
            cv2.putText(picture, text, (x - 30, y + int(line * 24 * scale)), 0, scale, colour, 1, cv2.LINE_AA)
    elif kind == 3:
        mask = np.zeros((size, size), np.uint8)
        cv2.rectangle(mask, (x, y), (x + width, y + height), (255,), -1)
        inner = surface if rng.random() < 0.6 else None
        if inner is None:
            paste(picture, (dead_leaves if rng.random() < 0.5 else formula)(rng, size, palette), mask)
        else:
            paste(picture, inner(rng, size, size, palette), mask)
    elif kind == 4:
        paste(picture, surface(rng, size, size, palette), shape_mask(rng, size))
    else:
        steps = rng.normal(0, size / 11, (int(rng.integers(3, 15)), 2))
        points = (np.cumsum(steps, 0) + np.array([x, y])).astype(np.int32)
        cv2.polylines(picture, [points], rng.random() < 0.3, colour, int(rng.integers(1, 6)), cv2.LINE_AA)


def landscape(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    """Sky, ridge behind ridge in haze, and what stands in front."""
    if rng.random() < 0.3:
        picture = gradient(rng, size, size, palette)
    else:
        ramp = np.repeat(np.linspace(0, 255, size).astype(np.uint8)[:, None], size, 1)
        picture = tinted(rng, ramp, palette)
    if rng.random() < 0.6:
        clouds = (texture(rng, size, size) * rng.uniform(0.3, 0.9)).astype(np.uint8)
        paste(picture, np.full_like(picture, int(rng.integers(150, 255))), clouds)
    sky = int(picture[5, 5].mean())
    ridges = int(rng.integers(1, 6))
    level, haze = rng.uniform(0.1, 0.6) * size, rng.uniform(0, 1)
    for ridge in range(ridges):
        level += rng.uniform(size / 32, size / 4)
        mask = _ridge(rng, size, level)
        ground = surface(rng, size, size, palette)
        share = (1 - (ridge + 1) / (ridges + 1)) * haze * 0.7
        paste(picture, cv2.addWeighted(ground, 1 - share, np.full_like(ground, sky), share, 0), mask)
    for _ in range(int(rng.integers(0, 5))):
        (add_body, add_figure, add_tree)[int(rng.integers(0, 3))](rng, picture, palette)
    return picture


def _ridge(rng: np.random.Generator, size: int, level: float) -> Picture:
    """Everything below a rough line, or, as of houses, a stepped one."""
    samples = 2 ** int(np.ceil(np.log2(size)))
    frequency = np.fft.rfftfreq(samples)
    frequency[0] = 1.0
    amplitude = frequency ** -rng.uniform(1.2, 2.2)
    amplitude[0] = 0.0
    line = np.fft.irfft(amplitude * np.exp(2j * np.pi * rng.random(len(amplitude))))[:size]
    line = line / (np.abs(line).max() + 1e-9) * rng.uniform(size / 50, size / 4) + level
    if rng.random() < 0.3:
        step = int(rng.integers(6, 24))
        line = np.repeat(line[::step], step)[:size]
    edge = np.stack([np.arange(size), line], -1)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.concatenate([edge, [[size, size], [0, size]]]).astype(np.int32)], (255,), cv2.LINE_AA)
    return mask


def room(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    """A room in perspective: four sides around a far wall, with things and people in it."""
    picture = surface(rng, size, size, palette)
    vanishing = rng.uniform(0.1, 0.9, 2) * size
    half = rng.uniform(0.15, 0.5, 2) * size
    far = vanishing + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    near = vanishing + (far - vanishing) * 8
    n = 192
    for side in range(4):
        if rng.random() < 0.12:
            continue
        wall = surface(rng, n, n, palette)
        if rng.random() < 0.3:
            for _ in range(int(rng.integers(1, 5))):
                x, y = (int(v) for v in rng.integers(0, n - 30, 2))
                corner = x + int(rng.integers(10, 60)), y + int(rng.integers(10, 60))
                cv2.rectangle(wall, (x, y), corner, random_colour(rng, palette), -1)
        wall = (wall * rng.uniform(0.4, 1)).astype(np.uint8)
        corners = np.array([far[side], far[(side + 1) % 4], near[(side + 1) % 4], near[side]], np.float32)
        flat = np.array([[0, 0], [n, 0], [n, n * 4], [0, n * 4]], np.float32)
        mapping = cv2.getPerspectiveTransform(flat, corners)
        seen = cv2.warpPerspective(np.tile(wall, (4, 1, 1)), mapping, (size, size))
        mask = np.zeros((size, size), np.uint8)
        cv2.fillPoly(mask, [corners.clip(-2000, 2000).astype(np.int32)], (255,), cv2.LINE_AA)
        paste(picture, seen, mask)
    for _ in range(int(rng.integers(1, 8))):
        _furnish(rng, picture, palette)
    return picture


def _furnish(rng: np.random.Generator, picture: Picture, palette: Palette) -> None:
    size = len(picture)
    kind = rng.random()
    if kind < 0.4:
        add_body(rng, picture, palette)
    elif kind < 0.65:
        add_figure(rng, picture, palette)
    elif kind < 0.85:
        cloth = (surface(rng, size, size, palette) * rng.uniform(0.5, 1)).astype(np.uint8)
        paste(picture, cloth, shape_mask(rng, size, radius=rng.uniform(6, size / 3.2)))
    else:
        start = int(rng.integers(0, size)), int(rng.integers(0, size))
        text, thickness = random_text(rng, int(rng.integers(2, 10))), int(rng.integers(1, 3))
        font, scale = int(rng.integers(0, 8)), rng.uniform(0.3, 1.2)
        cv2.putText(picture, text, start, font, scale, random_colour(rng, palette), thickness, cv2.LINE_AA)


def natural_noise(rng: np.random.Generator, size: int, palette: Palette) -> Picture:
    """Noise with the spectrum of natural pictures, its channels partly the same."""
    n = 2 ** int(np.ceil(np.log2(size)))
    anisotropy = 1.0 if rng.random() < 0.6 else rng.uniform(0.3, 3)
    common = spectral_noise(rng, n, rng.uniform(0.8, 1.7), anisotropy, rng.uniform(0, 3))[:size, :size]
    channels = [
        common * rng.uniform(0.6, 1)
        + spectral_noise(rng, n, rng.uniform(0.8, 1.8))[:size, :size] * rng.uniform(0, 0.6)
        for _ in range(3)
    ]
    field = np.stack(channels, -1)
    if rng.random() < 0.5:
        field = np.tanh(field * rng.uniform(1, 4))
    if rng.random() < 0.5:
        field = field * np.exp(spectral_noise(rng, n, 1.5)[:size, :size, None] * 0.7)
    field = (field - field.min()) / (np.ptp(field) + 1e-6)
    picture = (np.clip(field * rng.uniform(0.8, 1.4), 0, 1) * 255).astype(np.uint8)
    return picture if rng.random() < 0.6 else tinted(rng, np.ascontiguousarray(picture[..., 0]), palette)
