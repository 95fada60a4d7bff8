"""Edits that leave the picture where it is: text and stickers, blur, noise, colour, compression.

Every edit takes a random generator, an RGB picture [h, w, 3] uint8 and a strength, an index into STRENGTHS, and
gives a new RGB picture [h, w, 3] uint8. Amounts are for a picture with a short side of 256 pixels and scale with it.
They were chosen for this benchmark and share no code with the training's edits.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
Random = np.random.Generator

STRENGTHS = ("light", "medium", "hard")
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)
WORDS = [
    *("BREAKING", "NEWS", "LIVE", "follow", "like", "subscribe", "part", "two", "wait", "for", "the", "end", "you"),
    *("will", "not", "believe", "when", "we", "got", "home", "original", "sound", "viral", "100", "%", "free", "HD"),
]


def blur(random: Random, picture: Rgb, strength: int) -> Rgb:
    """Out of focus or, in one case of three, smeared along a line."""
    unit = min(picture.shape[:2]) / 256
    if random.random() < 2 / 3:
        return _bytes(cv2.GaussianBlur(picture, (0, 0), max(0.3, (1.5, 3.0, 5.0)[strength] * unit)))
    length = max(3, round((7, 13, 21)[strength] * unit))
    angle = random.uniform(0, math.pi)
    middle, reach = (length - 1) / 2, (length - 1) / 2
    start = (round(middle - reach * math.cos(angle)), round(middle - reach * math.sin(angle)))
    end = (round(middle + reach * math.cos(angle)), round(middle + reach * math.sin(angle)))
    kernel = np.zeros((length, length), np.float32)
    cv2.line(kernel, start, end, (1.0,))
    return _bytes(cv2.filter2D(picture, -1, kernel / kernel.sum()))


def noise(random: Random, picture: Rgb, strength: int) -> Rgb:
    """Gaussian noise; medium and hard also with black and white specks."""
    noisy = picture + random.normal(0, (12, 25, 42)[strength], picture.shape)
    specks, share = random.random(picture.shape[:2]), (0.0, 0.01, 0.03)[strength]
    noisy[specks < share] = 0
    noisy[specks > 1 - share] = 255
    return _bytes(noisy)


def recompressed(picture: Rgb, quality: int) -> Rgb:
    """The picture after JPEG compression of that quality, 1 to 100."""
    is_written, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert is_written
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return _bytes(decoded[..., ::-1])


def jpeg(random: Random, picture: Rgb, strength: int) -> Rgb:
    """Reduced and strongly compressed."""
    share = random.uniform(0.9, 1.1) * (0.8, 0.6, 0.4)[strength]
    height, width = picture.shape[:2]
    return recompressed(scaled(picture, width * share, height * share), (35, 20, 10)[strength])


def colour(random: Random, picture: Rgb, strength: int) -> Rgb:
    """Hue, saturation, contrast, brightness and gamma, all changed at once."""
    amount = (0.35, 0.7, 1.0)[strength]
    hsv = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + random.uniform(-70, 70) * amount) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] * math.exp(random.uniform(-0.9, 0.7) * amount), 0, 1)
    changed = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    contrast, brightness = math.exp(random.uniform(-0.6, 0.5) * amount), random.uniform(-0.2, 0.2) * amount
    changed = np.clip((changed - 0.5) * contrast + 0.5 + brightness, 0, 1)
    return _bytes(255 * changed ** math.exp(random.uniform(-0.6, 0.6) * amount))


def grey(random: Random, picture: Rgb, strength: int) -> Rgb:
    """Light: black and white; medium: sepia or cold; hard: two strong colours and more or less contrast."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None] / 255
    dark, bright = np.zeros(3), np.ones(3)
    if strength == 1:
        bright = np.array([1.1, 0.9, 0.65]) if random.random() < 0.7 else np.array([0.8, 0.95, 1.1])
    if strength == 2:
        dark, bright = random.uniform(0, 0.35, 3), random.uniform(0.6, 1.1, 3)
        luma = np.clip((luma - 0.5) * random.choice([0.6, 1.6]) + 0.5, 0, 1)
    return _bytes(255 * (dark + luma * (bright - dark)))


def overlay(random: Random, picture: Rgb, other: Rgb, strength: int) -> Rgb:
    """Lines of text, sticker faces and, but for light, a logo: a patch of `other` in a corner."""
    edited = picture.copy()
    height, width = edited.shape[:2]
    for _ in range((1, 2, 3)[strength]):
        words = " ".join(random.choice(WORDS, random.integers(1, 5)))
        size = height * random.uniform(0.05, 0.08) * (1.0, 1.4, 2.0)[strength]
        _write(edited, words, (random.uniform(-0.05, 0.5) * width, random.uniform(0.1, 1.0) * height), size, random)
    for _ in range((1, 3, 6)[strength]):
        place = (random.uniform(0, 1) * width, random.uniform(0, 1) * height)
        _stick(edited, place, min(height, width) * random.uniform(0.06, 0.1) * (1.0, 1.2, 1.5)[strength], random)
    if strength > 0:
        share = (0.0, 0.2, 0.3)[strength]
        logo = scaled(other, width * share, height * share)
        top = random.choice([4, height - 4 - logo.shape[0]])
        left = random.choice([4, width - 4 - logo.shape[1]])
        edited[top : top + logo.shape[0], left : left + logo.shape[1]] = logo
    return edited


def subtitle(random: Random, picture: Rgb, strength: int) -> Rgb:
    """One line of text; two lines on a dark band; large lines on bands at the top, the middle and the bottom."""
    edited = picture.copy()
    height, width = edited.shape[:2]
    size = (0.06, 0.07, 0.1)[strength] * height
    for base in ((0.93,), (0.85, 0.95), (0.14, 0.58, 0.95))[strength]:
        bottom = base * height
        if strength > 0:
            band = slice(max(0, int(bottom - 1.3 * size)), int(bottom + 0.4 * size))
            edited[band] //= 4
        words = " ".join(random.choice(WORDS, (4, 6, 5)[strength]))
        _write(edited, words, (random.uniform(0.02, 0.1) * width, bottom), size, random)
    return edited


def mosaic(random: Random, picture: Rgb, strength: int) -> Rgb:
    """The whole picture in square blocks, about 90, 45 or 24 on the short side."""
    height, width = picture.shape[:2]
    block = min(height, width) / ((90, 45, 24)[strength] * random.uniform(0.9, 1.1))
    small = scaled(picture, width / block, height / block)
    return _bytes(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST))


def scaled(picture: Rgb, width: float, height: float) -> Rgb:
    """The picture at that size, rounded and at least 1; averaged over covered pixels where it shrinks."""
    size = (max(1, round(width)), max(1, round(height)))
    shrinks = size[0] <= picture.shape[1] and size[1] <= picture.shape[0]
    return _bytes(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))


def _write(picture: Rgb, words: str, place: tuple[float, float], size: float, random: Random) -> None:
    """Writes words, `size` pixels high with their base line at `place`, into the picture."""
    font = int(random.choice(FONTS))
    (_, usual), _ = cv2.getTextSize("H", font, 1.0, 1)
    scale, at = size / usual, (int(place[0]), int(place[1]))
    thickness = max(1, round(size / 12))
    if random.random() < 0.6:
        cv2.putText(picture, words, at, font, scale, (0, 0, 0), 3 * thickness, cv2.LINE_AA)
    letters = (255, 255, 255) if random.random() < 0.5 else tuple(int(part) for part in random.integers(0, 256, 3))
    cv2.putText(picture, words, at, font, scale, letters, thickness, cv2.LINE_AA)


def _stick(picture: Rgb, place: tuple[float, float], radius: float, random: Random) -> None:
    """Puts a round face with eyes and a mouth onto the picture."""
    x, y, r = int(place[0]), int(place[1]), max(4, int(radius))
    skin = [(255, 205, 50), (250, 120, 90), (120, 200, 90)][int(random.integers(3))]
    cv2.circle(picture, (x, y), r, skin, -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.circle(picture, (x + side * r // 3, y - r // 4), max(1, r // 7), (60, 40, 20), -1, cv2.LINE_AA)
    cv2.ellipse(picture, (x, y), (r // 2, r // 2), 0, 20, 160, (60, 40, 20), max(1, r // 9), cv2.LINE_AA)


def _bytes(picture: NDArray[np.generic]) -> Rgb:
    if picture.dtype != np.uint8:
        picture = np.clip(np.rint(picture), 0, 255)
    return np.ascontiguousarray(picture, np.uint8)
