"""Grey textures: noise, cells, stripes, bricks, rings, blades, lettering. A bank of them is drawn once a process."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reprise.training.images.lettering import random_text

Grey = NDArray[np.uint8]
Field = NDArray[np.float32]

BANK_TILES = 220
TILE_SIZE = 384
BANK_SEED = 777


def spectral_noise(
    rng: np.random.Generator, size: int, slope: float, anisotropy: float = 1.0, angle: float = 0.0
) -> Field:
    """Noise of mean 0 and deviation 1 whose amplitude falls with frequency to the power -slope: [size, size].

    Natural pictures have a slope near 1 (Field 1987). `anisotropy` stretches the spectrum along `angle`.
    """
    down = np.fft.fftfreq(size)[:, None]
    across = np.fft.rfftfreq(size)[None]
    along = across * np.cos(angle) + down * np.sin(angle)
    athwart = (down * np.cos(angle) - across * np.sin(angle)) * anisotropy
    frequency = np.hypot(along, athwart)
    frequency[0, 0] = 1.0
    amplitude = frequency**-slope
    amplitude[0, 0] = 0.0
    phase = np.exp(2j * np.pi * rng.random(amplitude.shape))
    noise = np.fft.irfft2(amplitude * phase, s=(size, size))
    return np.asarray((noise - noise.mean()) / (noise.std() + 1e-9), np.float32)


def _clouds(rng: np.random.Generator, n: int) -> Any:
    anisotropy = 1.0 if rng.random() < 0.5 else rng.uniform(0.1, 8)
    return spectral_noise(rng, n, rng.uniform(0.5, 2.2), anisotropy, rng.uniform(0, np.pi))


def _cells(rng: np.random.Generator, n: int) -> Any:
    """Worley noise: distance to the nearest of some points, or the cells of those points in random greys."""
    points = (rng.random((int(rng.integers(20, 500)), 2)) * n).astype(int)
    seeds = np.full((n, n), 255, np.uint8)
    seeds[points[:, 0], points[:, 1]] = 0
    distance, cell = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    return distance if rng.random() < 0.5 else rng.random(len(points) + 1)[cell % (len(points) + 1)]


def _stripes(rng: np.random.Generator, n: int) -> Any:
    rows, columns = np.mgrid[0:n, 0:n].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 60)
    bend = spectral_noise(rng, n, 2) * rng.uniform(0, 25)
    wave = np.sin(2 * np.pi * (columns * np.cos(angle) + rows * np.sin(angle) + bend) / period)
    return wave if rng.random() < 0.5 else np.sign(wave)


def _bricks(rng: np.random.Generator, n: int) -> Any:
    rows, columns = np.mgrid[0:n, 0:n].astype(np.float32)
    width = rng.uniform(8, 60)
    height = width * rng.uniform(0.3, 1)
    course = np.floor(rows / height)
    shifted = columns + (course % 2) * width * rng.choice([0, 0.5])
    brick = np.floor(shifted / width)
    if rng.random() < 0.4:
        return (course + brick) % 2
    joint = (shifted % width < rng.uniform(0.5, 4)) | (rows % height < rng.uniform(0.5, 4))
    tone = rng.random((400, 400))[course.astype(int) % 400, brick.astype(int) % 400]
    return np.where(joint, -1.0, tone * rng.uniform(0.2, 1) + 0.5)


def _ridges(rng: np.random.Generator, n: int) -> Any:
    octaves = [(1 - np.abs(spectral_noise(rng, n, 1.8 - 0.2 * octave))) * 0.6**octave for octave in range(4)]
    return np.sum(octaves, axis=0)


def _rings(rng: np.random.Generator, n: int) -> Any:
    rows, columns = np.mgrid[0:n, 0:n].astype(np.float32)
    centre = rng.random(2) * n
    radius = np.hypot(columns - centre[0], rows - centre[1]) + spectral_noise(rng, n, 2) * rng.uniform(2, 20)
    return np.sin(radius / rng.uniform(2, 15))


def _blades(rng: np.random.Generator, n: int) -> Any:
    drawn = np.zeros((n, n), np.uint8)
    for _ in range(int(rng.integers(100, 1500))):
        x, y = rng.integers(0, n, 2)
        length, lean = rng.uniform(1, 25), rng.normal(0, 0.5)
        tip = (int(x + length * np.sin(lean)), int(y - length * np.cos(lean)))
        tone, width = int(rng.integers(60, 255)), int(rng.integers(1, 3))
        cv2.line(drawn, (int(x), int(y)), tip, (tone,), width, cv2.LINE_AA)
    return drawn


def _print(rng: np.random.Generator, n: int) -> Any:
    drawn = np.zeros((n, n), np.uint8)
    scale = rng.uniform(0.3, 1.2)
    for y in range(10, n + 20, max(8, int(28 * scale))):
        start = (-int(rng.integers(0, 40)), y)
        cv2.putText(drawn, random_text(rng, 60), start, int(rng.integers(0, 8)), scale, (255,), 1, cv2.LINE_AA)
    return drawn


def _spots(rng: np.random.Generator, n: int) -> Any:
    """Band-passed noise, pushed towards two tones: the look of coats and reaction-diffusion patterns."""
    noise = spectral_noise(rng, n, 0)
    sigma = rng.uniform(1, 7)
    band = cv2.GaussianBlur(noise, (0, 0), sigma) - cv2.GaussianBlur(noise, (0, 0), sigma * 1.6)
    return np.tanh(band / band.std() * rng.uniform(0.5, 5))


KINDS: tuple[Callable[[np.random.Generator, int], Any], ...] = (
    _clouds,
    _clouds,
    _clouds,
    _cells,
    _stripes,
    _bricks,
    _ridges,
    _rings,
    _blades,
    _print,
    _spots,
)  # fmt: skip - clouds three times: the commonest texture of real pictures


def tile(rng: np.random.Generator, size: int = TILE_SIZE) -> Grey:
    """One texture [size, size], its 1st and 99th percentile stretched to black and white."""
    field = np.asarray(KINDS[rng.integers(0, len(KINDS))](rng, size), np.float32)
    low, high = np.percentile(field, [1, 99])
    return np.clip((field - low) / (high - low + 1e-6) * 255, 0, 255).astype(np.uint8)


@functools.cache
def bank() -> tuple[Grey, ...]:
    """The tiles that all images of this process are made from: always the same ones."""
    rng = np.random.default_rng(BANK_SEED)
    return tuple(tile(rng) for _ in range(BANK_TILES))


def texture(rng: np.random.Generator, height: int, width: int) -> Grey:
    """A piece [height, width] of a tile of the bank, at a random place, scale and, mostly, angle."""
    tiles = bank()
    source = tiles[rng.integers(0, len(tiles))]
    scale = np.exp(rng.uniform(-1.1, 1.0))
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.6 else 0.0
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    offset = rng.random(2) * len(source)
    mapping = np.array([[cos, -sin, offset[0]], [sin, cos, offset[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    piece = cv2.warpAffine(source, mapping, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(piece, np.uint8)
