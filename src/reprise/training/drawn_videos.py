"""Videos filmed off drawn pictures: shots in which the camera moves over a picture and things move before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from reprise.training.images.colours import Picture

SIDE = 224  # pixels of a frame
PICTURE_SIDE = 384  # of the pictures that are filmed
Point = NDArray[np.float64]  # [2] x and y


class Footage(Protocol):
    """What can be shown."""

    def frame(self, time_s: float) -> Picture:
        """What is seen at a time: [SIDE, SIDE, 3]."""
        ...


@dataclass(frozen=True, slots=True)
class Moving:
    """A round piece of a picture that crosses the frame and swings; lengths are in sides of the frame."""

    picture: Picture
    size: float
    start: Point
    velocity: Point  # a second
    swing: float
    pace: float  # swings a second

    def put_on(self, frame: Picture, time_s: float) -> None:
        """Draws it on a frame."""
        side = max(8, int(self.size * SIDE))
        swung = self.swing * np.array(
            [math.sin(2 * math.pi * self.pace * time_s), math.cos(4.1 * self.pace * time_s)]
        )
        # It turns back at the rims.
        x, y = 1 - np.abs(1 - np.mod(self.start + self.velocity * time_s + swung, 2))
        left, top = int(x * (SIDE - side)), int(y * (SIDE - side))
        mask = np.zeros((side, side), np.uint8)
        cv2.circle(mask, (side // 2, side // 2), side // 2, 255, -1)
        piece = cv2.resize(self.picture[:200, :200], (side, side), interpolation=cv2.INTER_AREA)
        frame[top : top + side, left : left + side][mask > 0] = piece[mask > 0]


@dataclass(frozen=True, slots=True)
class Shot:
    """A camera's way over a picture; points run from -1 to 1 across it."""

    length_s: float
    picture: Picture
    ends: tuple[Point, Point]  # where the camera looks first and last
    zooms: tuple[float, float]  # share of the picture's side that it sees then
    shake: float
    phases: tuple[float, float]
    things: tuple[Moving, ...]

    def frame(self, time_s: float) -> Picture:
        """What is seen at a time: [SIDE, SIDE, 3]; before and after the shot the camera stands still."""
        share = min(1.0, max(0.0, time_s / self.length_s))
        zoom = self.zooms[0] + (self.zooms[1] - self.zooms[0]) * share
        swung = np.array([math.sin(2.1 * time_s + self.phases[0]), math.cos(2.9 * time_s + self.phases[1])])
        middle = self.ends[0] + (self.ends[1] - self.ends[0]) * share + self.shake * swung
        side = len(self.picture)
        half = zoom * side / 2
        left, top = (middle + 1) / 2 * side - half
        scale = SIDE / (2 * half)
        view = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float32)
        seen = cv2.warpAffine(self.picture, view, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        frame = np.asarray(seen, np.uint8)
        for thing in self.things:
            thing.put_on(frame, time_s)
        return frame


@dataclass(frozen=True, slots=True)
class DrawnVideo:
    """Shots one after the other."""

    duration_s: float
    shots: tuple[Shot, ...]
    starts_s: tuple[float, ...]  # of the shots

    def frame(self, time_s: float) -> Picture:
        """What is seen at a time: [SIDE, SIDE, 3]."""
        index = max(0, int(np.searchsorted(self.starts_s, time_s + 1e-9, side="right")) - 1)
        return self.shots[index].frame(time_s - self.starts_s[index])


def film(rng: np.random.Generator, picture: Picture, pictures: Sequence[Picture], length_s: float) -> Shot:
    """A shot over `picture`, in which pieces of `pictures` may move. Every third camera stands still."""
    kind = rng.random()
    travel = 0.0 if kind < 0.3 else rng.uniform(0.02, 0.12) if kind < 0.6 else rng.uniform(0.1, 0.5)
    zoom = rng.uniform(0.45, 0.9)
    last_zoom = min(0.95, max(0.35, zoom * math.exp(rng.normal(0, 0.25 * min(1.0, travel * 4)))))
    start = rng.uniform(-1, 1, 2) * (1 - zoom)
    direction = rng.normal(size=2)
    direction /= np.linalg.norm(direction) + 1e-9
    end = np.clip(start + direction * travel, last_zoom - 1, 1 - last_zoom)
    things = tuple(_moving(rng, pictures) for _ in range(int(rng.choice([0, 0, 1, 2, 3]))))
    shake = float(rng.choice([0, 0.003, 0.01]))
    phases = float(rng.uniform(0, 7)), float(rng.uniform(0, 5))
    return Shot(length_s, picture, (start, end), (zoom, last_zoom), shake, phases, things)


def filmed_again(rng: np.random.Generator, shot: Shot, pictures: Sequence[Picture], length_s: float) -> Shot:
    """Another take of the same place, which is no copy."""
    return film(rng, shot.picture, pictures, length_s)


def draw_video(rng: np.random.Generator, pictures: Sequence[Picture], duration_s: float) -> DrawnVideo:
    """A video of shots over `pictures`; one of five comes back to the same two all the time."""
    one_shot = rng.random() < 0.3
    places = pictures
    if rng.random() < 0.2:
        places = [pictures[int(i)] for i in rng.integers(0, len(pictures), 2)]
    shots: list[Shot] = []
    starts: list[float] = []
    reached = 0.0
    while reached < duration_s:
        length = duration_s
        if not one_shot:
            usual = max(1.2, rng.exponential(float(rng.choice([3, 6, 12]))))
            length = min(duration_s - reached, usual)
        shots.append(film(rng, places[int(rng.integers(len(places)))], pictures, length))
        starts.append(reached)
        reached += length
    return DrawnVideo(duration_s, tuple(shots), tuple(starts))


def _moving(rng: np.random.Generator, pictures: Sequence[Picture]) -> Moving:
    return Moving(
        picture=pictures[int(rng.integers(len(pictures)))],
        size=rng.uniform(0.08, 0.4),
        start=rng.uniform(0, 1, 2),
        velocity=rng.uniform(-0.08, 0.08, 2),
        swing=rng.uniform(0, 0.25),
        pace=rng.uniform(0.05, 0.5),
    )
