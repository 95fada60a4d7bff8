"""Things that stand in a picture: outlines, shaded bodies, figures and trees, drawn in place."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reprise.training.images.colours import Palette, Picture, random_colour, surface

Mask = NDArray[np.uint8]  # [height, width], 255 inside
SHAPE_KINDS = 5  # ellipse, rectangle, polygon twice, blob


def paste(picture: Picture, source: NDArray[Any], mask: Mask) -> None:
    """Lays `source` over `picture` where `mask` says so, in place; all three of one size."""
    x, y, width, height = cv2.boundingRect(mask)
    if width == 0:
        return
    part = slice(y, y + height), slice(x, x + width)
    alpha = mask[part][..., None].astype(np.uint16)
    picture[part] = ((source[part] * alpha + picture[part] * (255 - alpha) + 127) // 255).astype(np.uint8)


def _corners(points: NDArray[np.float64]) -> list[NDArray[np.int32]]:
    return [np.clip(points, -2000, 2000).astype(np.int32)]


def outline(rng: np.random.Generator, centre: NDArray[np.float64], radius: float, kind: int) -> NDArray[np.float64]:
    """Corner points [n, 2] of a shape of one of the SHAPE_KINDS but the ellipse, which is 0."""
    if kind == 1:
        angle = 0.0 if rng.random() < 0.5 else rng.uniform(0, np.pi / 2)
        half = radius, radius * rng.uniform(0.2, 1)
        square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return np.asarray(centre + square @ turn)
    if kind == SHAPE_KINDS - 1:
        count = 24
        angles = np.arange(count) * 2 * np.pi / count
        walk = np.cumsum(rng.normal(0, 0.25, count))
        radii = radius * np.clip(1 + walk - np.linspace(0, walk[-1], count), 0.2, 2)
    else:
        count = int(rng.integers(3, 12))
        angles = np.sort(rng.random(count) * 2 * np.pi)
        radii = radius * rng.uniform(0.3, 1, count)
    return np.asarray(centre + np.stack([radii * np.cos(angles), radii * np.sin(angles)], -1))


def fill_shape(
    rng: np.random.Generator,
    canvas: NDArray[np.uint8],
    centre: NDArray[np.float64],
    radius: float,
    kind: int,
    colour: tuple[float, ...],
) -> None:
    """Draws a shape of one colour on a picture or a mask, in place."""
    if kind == 0:
        axes = max(1, int(radius)), max(1, int(radius * rng.uniform(0.3, 1)))
        at = int(centre[0]), int(centre[1])
        cv2.ellipse(canvas, at, axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
    else:
        cv2.fillPoly(canvas, _corners(outline(rng, centre, radius, kind)), colour, cv2.LINE_AA)


def shape_mask(
    rng: np.random.Generator,
    size: int,
    *,
    centre: NDArray[np.float64] | None = None,
    radius: float | None = None,
    kind: int | None = None,
) -> Mask:
    """A mask [size, size] of one random shape."""
    mask = np.zeros((size, size), np.uint8)
    centre = rng.random(2) * size if centre is None else centre
    radius = rng.uniform(5, size / 2) if radius is None else radius
    kind = int(rng.integers(0, SHAPE_KINDS)) if kind is None else kind
    fill_shape(rng, mask, centre, radius, kind, (255,))
    return mask


def add_body(rng: np.random.Generator, picture: Picture, palette: Palette) -> None:
    """A lit, rounded body: a superellipsoid with diffuse and mirrored light (Phong)."""
    size = len(picture)
    centre, radius = rng.random(2) * size, rng.uniform(size / 20, size / 3)
    left, top = int(max(0, centre[0] - radius)), int(max(0, centre[1] - radius * 1.5))
    right, bottom = int(min(size, centre[0] + radius)), int(min(size, centre[1] + radius * 1.5))
    if right - left < 4 or bottom - top < 4:
        return
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)
    x = (columns - centre[0]) / radius
    y = (rows - centre[1]) / (radius * rng.uniform(0.6, 1.5))
    power = int(rng.choice([2, 2, 2, 4, 8]))
    level = np.abs(x) ** power + np.abs(y) ** power
    depth = np.sqrt(np.clip(1 - np.minimum(level, 1) ** (2 / power), 0, 1))
    light = rng.normal(0, 1, 3)
    light[2] = abs(light[2]) + 0.3
    light /= np.linalg.norm(light)
    diffuse = np.clip(x * light[0] + y * light[1] + depth * light[2], 0, 1)[..., None]
    ambient = rng.uniform(0.15, 0.6)
    skin = surface(rng, bottom - top, right - left, palette).astype(np.float32)
    lit = skin * (ambient + (1 - ambient) * diffuse) + 255 * rng.uniform(0, 0.8) * diffuse ** rng.uniform(8, 60)
    alpha = np.clip((1 - level) * radius / 2, 0, 1)[..., None]
    part = picture[top:bottom, left:right]
    part[:] = np.clip(lit * alpha + part * (1 - alpha), 0, 255).astype(np.uint8)


def add_figure(rng: np.random.Generator, picture: Picture, palette: Palette) -> None:
    """A person of limbs, trunk and head, somewhere in the picture."""
    size = len(picture)
    height = rng.uniform(size / 4, size * 1.1)
    left, top = rng.uniform(0, size), rng.uniform(0, size * 0.6)
    unit, lean = height / 8, rng.normal(0, 0.15)

    def at(across: float, down: float) -> tuple[int, int]:
        return int(left + across * unit + lean * down * unit), int(top + down * unit)

    def limb(start: tuple[int, int], end: tuple[int, int], colour: tuple[float, ...], width: float) -> None:
        cv2.line(picture, start, end, colour, max(1, int(unit * width)), cv2.LINE_AA)

    skin = tuple(np.array([1.1, 0.85, 0.75]) * rng.choice([60, 100, 140, 180]) * rng.uniform(0.8, 1.2))
    shirt, trousers = random_colour(rng, palette), random_colour(rng, palette)
    for side in (-1, 1):
        knee = at(side * rng.uniform(0.3, 1), rng.uniform(5.5, 6))
        limb(at(side * 0.5, 4), knee, trousers, 0.9)
        limb(knee, at(side * rng.uniform(0.2, 1.5), 8), trousers, 0.75)
    trunk = np.array([at(-1.1, 1.2), at(1.1, 1.2), at(0.8, 4.2), at(-0.8, 4.2)], np.float64)
    cv2.fillPoly(picture, _corners(trunk), shirt, cv2.LINE_AA)
    cloth = np.zeros((size, size), np.uint8)
    cv2.fillPoly(cloth, _corners(trunk), (int(rng.integers(0, 255)),), cv2.LINE_AA)
    paste(picture, surface(rng, size, size, palette), cloth)
    for side in (-1, 1):
        elbow = at(side * rng.uniform(1.2, 2.2), rng.uniform(1.5, 3.5))
        limb(at(side, 1.5), elbow, shirt, 0.6)
        limb(elbow, at(side * rng.uniform(0.3, 3), rng.uniform(0, 5)), skin, 0.5)
    head = max(1, int(unit * 0.62)), max(1, int(unit * 0.85))
    cv2.ellipse(picture, at(0, 0.4), head, 0, 0, 360, skin, -1, cv2.LINE_AA)
    hair = max(1, int(unit * 0.68)), max(1, int(unit * 0.65))
    cv2.ellipse(picture, at(0, 0.1), hair, 0, 180, 360, tuple(rng.random(3) * 90), -1, cv2.LINE_AA)
    if unit > 6:
        for side in (-1, 1):
            cv2.circle(picture, at(side * 0.25, 0.35), max(1, int(unit * 0.09)), (20, 20, 20), -1, cv2.LINE_AA)
        limb(at(-0.2, 0.8), at(0.2, 0.8), (110, 40, 40), 0.1)


def add_tree(rng: np.random.Generator, picture: Picture, palette: Palette) -> None:
    """A tree that branches at random, with leaves on its thin ends."""
    size = len(picture)
    wood = tuple(0.6 * c for c in random_colour(rng, palette))
    leaf, spread = np.array(random_colour(rng, palette)), rng.uniform(0.2, 0.7)
    root = (rng.uniform(0, size), rng.uniform(size * 0.5, size))
    branches = [(*root, -np.pi / 2, rng.uniform(size * 0.075, size * 0.25), rng.uniform(2, 7))]
    for _ in range(70):
        if not branches:
            break
        x, y, angle, length, width = branches.pop(0)
        tip_x, tip_y = x + length * np.cos(angle), y + length * np.sin(angle)
        tip = int(tip_x), int(tip_y)
        cv2.line(picture, (int(x), int(y)), tip, wood, max(1, int(width)), cv2.LINE_AA)
        if length < 6:
            colour = tuple(np.clip(leaf + rng.normal(0, 25, 3), 0, 255))
            cv2.circle(picture, tip, int(rng.integers(1, 7)), colour, -1, cv2.LINE_AA)
            continue
        for _ in range(int(rng.integers(2, 4))):
            bent = angle + rng.normal(0, spread)
            branches.append((tip_x, tip_y, bent, length * rng.uniform(0.55, 0.85), width * 0.7))
