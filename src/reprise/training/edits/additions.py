"""Things laid over a picture: text, emoji, logos, bands, boxes."""

from __future__ import annotations

import cv2
import numpy as np

from reprise.training.images.colours import Picture
from reprise.training.images.lettering import random_text

Colour = tuple[float, float, float]


def add_overlays(rng: np.random.Generator, picture: Picture, other: Picture) -> None:
    """One to four overlays, in place; `other` is the picture that logos are cut from."""
    for _ in range(int(rng.integers(1, 5))):
        red, green, blue = (float(v) for v in rng.integers(0, 256, 3))
        colour = (red, green, blue)
        kind = rng.random()
        if kind < 0.5:
            _add_text(rng, picture, colour)
        elif kind < 0.7:
            _add_emoji(rng, picture, colour)
        elif kind < 0.85:
            _add_logo(rng, picture, other)
        else:
            _add_box(rng, picture, colour)


def _add_text(rng: np.random.Generator, picture: Picture, colour: Colour) -> None:
    size = len(picture)
    scale = rng.uniform(0.3, 1.5) * size / 112
    thickness = int(1 + scale * rng.uniform(0.5, 2))
    text, font = random_text(rng, int(rng.integers(2, 16))), int(rng.integers(0, 8))
    start = int(rng.uniform(-0.2, 0.6) * size), int(rng.uniform(0.1, 1) * size)
    if rng.random() < 0.4:
        edge = (0, 0, 0) if sum(colour) > 300 else (255, 255, 255)
        cv2.putText(picture, text, start, font, scale, edge, thickness + 2, cv2.LINE_AA)
    cv2.putText(picture, text, start, font, scale, colour, thickness, cv2.LINE_AA)


def _add_emoji(rng: np.random.Generator, picture: Picture, colour: Colour) -> None:
    size = len(picture)
    x, y = (int(v) for v in rng.integers(0, size, 2))
    radius = int(rng.uniform(0.04, 0.16) * size)
    dark = (30, 30, 30)
    cv2.circle(picture, (x, y), radius, colour, -1, cv2.LINE_AA)
    for side in (-1, 1):
        eye = int(x + side * radius * 0.35), int(y - radius * 0.3)
        cv2.circle(picture, eye, max(1, radius // 6), dark, -1, cv2.LINE_AA)
    cv2.ellipse(picture, (x, y), (radius // 2 + 1, radius // 2 + 1), 0, 20, 160, dark, 1, cv2.LINE_AA)


def _add_logo(rng: np.random.Generator, picture: Picture, other: Picture) -> None:
    size = len(picture)
    width, height = (int(v) for v in rng.uniform(0.1, 0.4, 2) * size)
    x, y = int(rng.integers(0, size - width)), int(rng.integers(0, size - height))
    picture[y : y + height, x : x + width] = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA)


def _add_box(rng: np.random.Generator, picture: Picture, colour: Colour) -> None:
    """A band from side to side, as of a subtitle or a ticker, or a box that hides something."""
    size = len(picture)
    if rng.random() < 0.5:
        top = rng.uniform(0, 0.9) * size
        cv2.rectangle(picture, (0, int(top)), (size, int(top + rng.uniform(0.05, 0.25) * size)), colour, -1)
    else:
        x, y = (int(v) for v in rng.integers(0, size, 2))
        corner = int(x + rng.uniform(0.05, 0.4) * size), int(y + rng.uniform(0.05, 0.3) * size)
        cv2.rectangle(picture, (x, y), corner, colour, -1)
