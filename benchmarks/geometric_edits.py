"""Edits that move the picture: cropped, mirrored, turned, inset, framed, filmed off a screen.

Every edit takes a random generator, an RGB picture [h, w, 3] uint8, where it needs one another picture to lie beside
or behind, and a strength, an index into STRENGTHS, and gives a new RGB picture [h, w, 3] uint8 of its own size.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from photometric_edits import Random, Rgb, recompressed, scaled

CANVAS_ASPECTS = (16 / 9, 9 / 16, 4 / 3, 1.0)  # width to height of the screens that pictures are letterboxed for


def crop(random: Random, picture: Rgb, strength: int) -> Rgb:
    """About 70, 50 or 30 % of the area, off centre, with a changed aspect."""
    area = (0.7, 0.5, 0.3)[strength] * random.uniform(0.94, 1.06)
    return _cut(random, picture, area, math.exp(random.uniform(-0.2, 0.2)))


def crop_to_40_percent(random: Random, picture: Rgb) -> Rgb:
    """40 % of the area, off centre, in the same aspect."""
    return _cut(random, picture, 0.4, 1.0)


def flip(random: Random, picture: Rgb, strength: int) -> Rgb:
    """Mirrored left to right, then compressed."""
    return recompressed(_mirrored(picture), (70, 40, 20)[strength] + int(random.integers(-5, 6)))


def rotate(random: Random, picture: Rgb, strength: int) -> Rgb:
    """Turned by about 8, 18 or 30 degrees, the corners black or, in half the cases, zoomed out of sight."""
    degrees = random.choice([-1, 1]) * (8, 18, 30)[strength] + random.uniform(-2, 2)
    height, width = picture.shape[:2]
    zoom = 1.0
    if random.random() < 0.5:
        turn = math.radians(abs(degrees))
        zoom = math.cos(turn) + max(width / height, height / width) * math.sin(turn)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, zoom)
    return _uint8(cv2.warpAffine(picture, matrix, (width, height)))


def quarter_turn(random: Random, picture: Rgb, strength: int) -> Rgb:
    """Turned by 90 degrees to either side, then compressed."""
    turned = np.rot90(picture, int(random.choice([1, 3])))
    return recompressed(turned, (70, 40, 20)[strength])


def stretch(random: Random, picture: Rgb, strength: int) -> Rgb:
    """The aspect changed by 1.15, 1.35 or 1.65, wider or higher."""
    factor = math.sqrt((1.15, 1.35, 1.65)[strength]) ** int(random.choice([-1, 1]))
    height, width = picture.shape[:2]
    return scaled(picture, width * factor, height / factor)


def picture_in_picture(random: Random, picture: Rgb, other: Rgb, strength: int) -> Rgb:
    """Inset on 55-60, 45-50 or 35-40 % of the side of `other`, in a corner or, in half the cases, anywhere.

    The share is that of the roots of the areas, so that it means the same for any two aspects.
    """
    low, high = ((0.55, 0.6), (0.45, 0.5), (0.35, 0.4))[strength]
    inset = _fitted(picture, other.shape[:2], random.uniform(low, high), largest=0.95)
    if random.random() < 0.5:
        margin = 0.03
        at = (random.choice([margin, 1 - margin]), random.choice([margin, 1 - margin]))
    else:
        at = (random.random(), random.random())
    return _laid_over(other, inset, at)


def split_screen(random: Random, picture: Rgb, other: Rgb, strength: int) -> Rgb:
    """The middle of the picture on 60, 50 or 40 % of the width, the middle of `other` on the rest."""
    height, width = picture.shape[:2]
    share = (0.6, 0.5, 0.4)[strength]
    own = _covering(picture, round(width * share), height)
    rest = _covering(other, width - own.shape[1], height)
    return np.concatenate([own, rest] if random.random() < 0.5 else [rest, own], axis=1)


def letterbox(random: Random, picture: Rgb, strength: int) -> Rgb:
    """At 85, 68 or 50 % on black, on white or on its own blurred enlargement; in half the cases in another aspect.

    The share is that of the roots of the areas, less where the picture does not fit the canvas's aspect.
    """
    height, width = picture.shape[:2]
    aspect = random.choice(CANVAS_ASPECTS) if random.random() < 0.5 else width / height
    side = math.sqrt(height * width)
    canvas_size = (max(8, round(side / math.sqrt(aspect))), max(8, round(side * math.sqrt(aspect))))
    ground = random.choice(["black", "white", "blurred"])
    if ground == "blurred":
        enlarged = _covering(picture, canvas_size[1], canvas_size[0])
        canvas = _uint8(cv2.GaussianBlur(enlarged, (0, 0), side / 22) * random.uniform(0.5, 1.0))
    else:
        canvas = np.full((*canvas_size, 3), 255 if ground == "white" else 0, np.uint8)
    return _laid_over(canvas, _fitted(picture, canvas_size, (0.85, 0.68, 0.5)[strength], largest=1.0), (0.5, 0.5))


def camcord(random: Random, picture: Rgb, other: Rgb, strength: int) -> Rgb:
    """Filmed off a screen: in perspective before a dim blurred room, with moire, flicker, a cast, blur and noise."""
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    inward = 1 - 2 * corners
    moved = corners + inward * random.uniform(0.0, (0.08, 0.15, 0.24)[strength], (4, 2))
    size = np.array([width, height], np.float32)
    matrix = cv2.getPerspectiveTransform(corners * size, (moved * size).astype(np.float32))
    screen = cv2.warpPerspective(np.ones((height, width), np.float32), matrix, (width, height))[..., None]
    room = cv2.GaussianBlur(scaled(other, width, height), (0, 0), 4) * random.uniform(0.1, 0.5)
    filmed = cv2.warpPerspective(picture, matrix, (width, height)) * screen + room * (1 - screen)
    blurred = cv2.GaussianBlur(filmed, (0, 0), (0.6, 1.0, 1.5)[strength] * min(height, width) / 256)
    y, x = np.mgrid[:height, :width]
    angle, step = random.uniform(0, math.pi), random.uniform(0.5, 1.8)
    moire = np.sin((x * math.cos(angle) + y * math.sin(angle)) * step) * (0.03, 0.06, 0.1)[strength]
    flicker = np.sin(y / height * random.uniform(5, 20) + random.uniform(0, 6)) * (0.03, 0.08, 0.15)[strength]
    cast = np.exp(random.normal(0, (0.05, 0.1, 0.15)[strength], 3))
    grain = random.normal(0, (4, 7, 12)[strength], filmed.shape)
    seen = np.asarray(blurred, np.float64) * (1 + moire + flicker)[..., None] * cast + grain
    gamma = math.exp(random.uniform(-0.35, 0.35) * (0.5, 0.75, 1.0)[strength])
    return _uint8(255 * np.clip(seen / 255, 0, 1) ** gamma)


def shrunk(picture: Rgb, *, long_side: int | None = None, short_side: int | None = None) -> Rgb:
    """The picture scaled down so that neither limit, in pixels, is passed; itself if it fits."""
    height, width = picture.shape[:2]
    share = min(
        1.0,
        1.0 if long_side is None else long_side / max(height, width),
        1.0 if short_side is None else short_side / min(height, width),
    )
    return picture if share == 1.0 else scaled(picture, width * share, height * share)


def _cut(random: Random, picture: Rgb, area: float, aspect: float) -> Rgb:
    """`area` of the picture's area (0 to 1), its aspect changed by the factor as far as the picture reaches.

    Off centre: along one axis the window lies within a quarter of the room from one end, along the other anywhere.
    """
    height, width = picture.shape[:2]
    high = min(1.0, max(area, math.sqrt(area / aspect)))
    rows, columns = max(1, round(height * high)), max(1, round(width * area / high))
    near_end = random.uniform(0, 0.25)
    at = [near_end if random.random() < 0.5 else 1 - near_end, random.random()]
    random.shuffle(at)
    top, left = round((height - rows) * at[0]), round((width - columns) * at[1])
    return picture[top : top + rows, left : left + columns].copy()


def _mirrored(picture: Rgb) -> Rgb:
    return np.ascontiguousarray(picture[:, ::-1])


def _fitted(picture: Rgb, canvas_size: tuple[int, ...], share: float, *, largest: float) -> Rgb:
    """The picture scaled to share^2 of the canvas's (height, width) area, but to at most `largest` of either side."""
    height, width = picture.shape[:2]
    scale = share * math.sqrt(canvas_size[0] * canvas_size[1] / (height * width))
    scale = min(scale, largest * canvas_size[0] / height, largest * canvas_size[1] / width)
    return scaled(picture, width * scale, height * scale)


def _covering(picture: Rgb, width: int, height: int) -> Rgb:
    """The middle of the picture, scaled so that it just covers width x height."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    large = scaled(picture, max(width, picture.shape[1] * scale), max(height, picture.shape[0] * scale))
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return large[top : top + height, left : left + width]


def _laid_over(canvas: Rgb, inset: Rgb, at: tuple[float, float]) -> Rgb:
    """The inset on the canvas; `at` is (down, right), 0 to 1 of the room that is left."""
    height, width = inset.shape[:2]
    top = round((canvas.shape[0] - height) * at[0])
    left = round((canvas.shape[1] - width) * at[1])
    edited = canvas.copy()
    edited[top : top + height, left : left + width] = inset
    return edited


def _uint8(picture: object) -> Rgb:
    return np.ascontiguousarray(np.clip(np.rint(np.asarray(picture, np.float64)), 0, 255), np.uint8)
