"""Three views of one image: mild, as a reference is; medium; and hard, as a copy may be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reprise.training.edits.additions import add_overlays
from reprise.training.edits.tones import degraded, recoloured
from reprise.training.images.colours import Picture

Corners = NDArray[np.float64]  # [4, 2] x and y, clockwise from the top left

SQUARE: Corners = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def mild_view(rng: np.random.Generator, image: Picture, size: int) -> Picture:
    """The image as a platform would hold it: [size, size, 3], at most slightly cropped, recoloured, compressed."""
    source = _cropped(rng, 0.75, 0.1) if rng.random() < 0.3 else SQUARE
    view = _warped(image, source, SQUARE, size, cv2.BORDER_REFLECT)
    if rng.random() < 0.4:
        view = recoloured(rng, view, 0.3)
    if rng.random() < 0.3:
        view = degraded(rng, view, 0.4)
    return view


def medium_view(rng: np.random.Generator, image: Picture, other: Picture, size: int) -> Picture:
    """An ordinary repost: cropped, mirrored, turned a little, text or a logo laid over: [size, size, 3]."""
    source = _cropped(rng, 0.4, 0.2) if rng.random() < 0.6 else SQUARE
    target = SQUARE
    if rng.random() < 0.3:
        target = _mirrored(target)
    if rng.random() < 0.3:
        target = _turned(target, rng.normal(0, 0.25)) * rng.uniform(0.9, 1.2)
    view = _warped(image, source, target, size, cv2.BORDER_CONSTANT)
    if rng.random() < 0.2:
        add_overlays(rng, view, other)
    return degraded(rng, recoloured(rng, view), 0.5)


@dataclass(frozen=True, slots=True)
class HardMix:
    """How often a hard view is what; the rest of the layouts are letterboxes, filmed screens and plain ones."""

    cropped: float = 0.55
    largest_crop: float = 1.0  # share of the area that is left
    inset: float = 0.25  # picture in picture
    split: float = 0.07  # split screen


# Insets are found by their borders at query time and embedded by themselves: towards its end a training is better
# spent on crops, whose content has grown and gone.
USUAL_MIX = HardMix()
FINISHING_MIX = HardMix(cropped=0.8, largest_crop=0.8, inset=0.08, split=0.04)


def hard_view(
    rng: np.random.Generator, image: Picture, one: Picture, two: Picture, size: int, mix: HardMix = USUAL_MIX
) -> Picture:
    """A copy that hides: on another picture or in a frame, re-filmed, cropped hard, covered: [size, size, 3]."""
    source = _cropped(rng, 0.25, 0.25, mix.largest_crop) if rng.random() < mix.cropped else SQUARE
    if rng.random() < 0.5:
        image = recoloured(rng, image)
    view = _placed(rng, image, one, source, size, mix)
    if rng.random() < 0.08:
        layer = cv2.resize(two, (size, size), interpolation=cv2.INTER_AREA)
        view = np.asarray(cv2.addWeighted(view, rng.uniform(0.55, 0.8), layer, rng.uniform(0.2, 0.4), 0), np.uint8)
    if rng.random() < 0.35:
        add_overlays(rng, view, two)
    if rng.random() < 0.5:
        view = recoloured(rng, view, 0.7)
    return degraded(rng, view)


def _placed(
    rng: np.random.Generator, image: Picture, other: Picture, source: Corners, size: int, mix: HardMix
) -> Picture:
    target = SQUARE
    if rng.random() < 0.3:
        target = _mirrored(target)
    if rng.random() < 0.04:
        target = _turned(target, math.pi / 2 * rng.choice([-1, 1, 2]))
    if rng.random() < 0.35:
        target = _turned(target, rng.normal(0, 0.32)) * rng.uniform(0.8, 1.2)
    if rng.random() < 0.2:
        target = target * (1 + rng.uniform(-0.3, 0.1, (4, 2)))
    if (layout := rng.random()) < mix.inset:  # picture in picture
        width = rng.uniform(0.33, 0.8)
        half = np.array([width, min(1.0, width * math.exp(rng.uniform(-0.25, 0.25)))])
        if rng.random() < 0.5:  # the smaller the inset, the less of it can be missing
            source = SQUARE
        target = target * half + rng.uniform(-1, 1, 2) * (1 - half)
        ground = cv2.resize(other, (size, size), interpolation=cv2.INTER_AREA)
    elif (layout := layout - mix.inset) < mix.split:  # split screen
        share = rng.uniform(0.4, 0.65)
        half = np.array([share, 1.0] if rng.random() < 0.7 else [1.0, share])
        target = target * half + rng.choice([-1, 1]) * (1 - half)
        ground = cv2.resize(other, (size, size), interpolation=cv2.INTER_AREA)
    elif (layout := (layout - mix.split) / (1 - mix.inset - mix.split)) < 0.18:  # letterbox
        share = rng.uniform(0.35, 0.95)
        half = np.array(((1.0, share), (share, 1.0), (share, share))[int(rng.integers(0, 3))])
        target = target * half
        ground = _bars(rng, image, size)
    elif layout < 0.31:  # filmed off a screen, in dark surroundings
        target = target * (1 - rng.uniform(0, 0.32, (4, 2)))
        ground = cv2.resize(other, (size, size), interpolation=cv2.INTER_AREA) * rng.uniform(0.1, 0.8)
    elif layout < 0.65:
        ground = np.zeros((size, size, 3), np.uint8)
    else:
        return _warped(image, source, target, size, cv2.BORDER_REFLECT)
    return _laid_on(np.asarray(ground, np.uint8), image, source, target)


def _bars(rng: np.random.Generator, image: Picture, size: int) -> Picture:
    """What fills the space around a letterboxed picture: its own blurred enlargement, or one tone."""
    if rng.random() < 0.4:
        return np.full((size, size, 3), int(rng.choice([0, 0, 255, 128])), np.uint8)
    blurred = cv2.GaussianBlur(cv2.resize(image, (size, size)), (0, 0), size / 112 * rng.uniform(3, 9))
    return (blurred * rng.uniform(0.4, 1)).astype(np.uint8)


def _cropped(rng: np.random.Generator, least: float, aspect: float, most: float = 1.0) -> Corners:
    """Corners of a crop of `least` to `most` of the area, its aspect changed by up to exp(aspect) either way."""
    area, stretch = rng.uniform(least, most), math.exp(rng.uniform(-aspect, aspect))
    half = np.minimum(1.0, np.array([math.sqrt(area) * stretch, math.sqrt(area) / stretch]))
    return SQUARE * half + rng.uniform(-1, 1, 2) * (1 - half)


def _mirrored(corners: Corners) -> Corners:
    return corners[[1, 0, 3, 2]]


def _turned(corners: Corners, angle: float) -> Corners:
    cos, sin = math.cos(angle), math.sin(angle)
    return corners @ np.array([[cos, sin], [-sin, cos]])


def _mapping(image: Picture, source: Corners, target: Corners, size: int) -> NDArray[np.float64]:
    before = ((source + 1) / 2 * len(image)).astype(np.float32)
    after = ((target + 1) / 2 * size).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(before, after), np.float64)


def _warped(image: Picture, source: Corners, target: Corners, size: int, border: int) -> Picture:
    shrink = np.ptp(target, 0).max() * size / (np.ptp(source, 0).max() * len(image))
    if shrink < 0.7:  # warping only interpolates: scaled down by much, it would leave pixels out
        smaller = max(8, round(len(image) * shrink))
        image = np.asarray(cv2.resize(image, (smaller, smaller), interpolation=cv2.INTER_AREA), np.uint8)
    mapping = _mapping(image, source, target, size)
    return np.asarray(cv2.warpPerspective(image, mapping, (size, size), borderMode=border), np.uint8)


def _laid_on(ground: Picture, image: Picture, source: Corners, target: Corners) -> Picture:
    size = len(ground)
    layer = _warped(image, source, target, size, cv2.BORDER_REPLICATE)
    mask = np.zeros((size, size), np.uint8)
    corners = np.round((target + 1) / 2 * size).astype(np.int32)
    cv2.fillPoly(mask, [corners], (255,), cv2.LINE_AA)
    alpha = mask[..., None].astype(np.uint16)
    return ((layer * alpha + ground * (255 - alpha) + 127) // 255).astype(np.uint8)
