"""Queries of drawn videos: stretches copied from references, edited as reposts are, between other footage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from reprise.evaluation import Box
from reprise.training.drawn_videos import SIDE, DrawnVideo, Footage, draw_video, filmed_again
from reprise.training.edits import FINISHING_MIX, USUAL_MIX, hard_view, medium_view, mild_view
from reprise.training.images.colours import Picture

QUERY_SIDE = 256  # pixels of a query's frame: as many as it takes to see what is set into it
_NO_COPY = 0.2  # share of the queries
_AT_NORMAL_SPEED = 0.75  # share of the copies; the others run at any speed from 0.4 to 2.5
_BACKWARDS = 0.06
_FROM_THE_START = 0.1  # share of the copies that begin with their reference
_SHOWN_TWICE = 0.15
_OTHER_FOOTAGE = 0.6  # share of what is between copies: never seen; the rest are other takes of references' places
_EDITED_ALIKE = 0.4  # share of the queries that are edited in one way from start to end
_FADED = 0.06  # share of the queries in which every part fades in and out, for two seconds


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a query: footage from a time on, at a speed; `reference` tells whose, where it is a copy."""

    length_s: float
    footage: Footage
    start_s: float = 0.0
    speed: float = 1.0
    backwards: bool = False
    reference: int | None = None

    def frame(self, time_s: float) -> Picture:
        """What is seen so long after the start of the part."""
        return self.footage.frame(self.start_s + self.speed * (self.length_s - time_s if self.backwards else time_s))


@dataclass(frozen=True, slots=True)
class World:
    """Footage to make queries of."""

    references: Sequence[DrawnVideo]
    pictures: Sequence[Picture]  # those that the references show
    others: Sequence[Picture]  # those that no reference shows


@dataclass(frozen=True, slots=True)
class Query:
    """A query's parts, one after the other."""

    parts: tuple[Part, ...]

    @property
    def duration_s(self) -> float:
        """Of all parts together."""
        return sum(part.length_s for part in self.parts)

    def truth(self) -> dict[int, list[Box]]:
        """For each reference that is copied from, the true segments: [q_start, r_start, q_end, r_end] in seconds."""
        boxes: dict[int, list[Box]] = {}
        for start, part in self._placed():
            if part.reference is not None:
                end = part.start_s + part.length_s * part.speed
                boxes.setdefault(part.reference, []).append([start, part.start_s, start + part.length_s, end])
        return boxes

    def directions(self) -> dict[int, list[bool]]:
        """For each of the segments of `truth`, whether it runs backwards."""
        found: dict[int, list[bool]] = {}
        for part in self.parts:
            if part.reference is not None:
                found.setdefault(part.reference, []).append(part.backwards)
        return found

    def part_at(self, time_s: float) -> tuple[int, float]:
        """Which part is shown, and since how many seconds."""
        placed = list(self._placed())
        index = max(i for i, (start, _) in enumerate(placed) if start <= time_s)
        return index, time_s - placed[index][0]

    def _placed(self) -> Iterator[tuple[float, Part]]:
        start = 0.0
        for part in self.parts:
            yield start, part
            start += part.length_s


def make_query(rng: np.random.Generator, world: World) -> Query:
    """A query: no copy, or up to three, with other footage around them."""
    copies = 0 if rng.random() < _NO_COPY else int(rng.choice([1, 1, 2, 3]))
    parts: list[Part] = []
    if copies == 0 or rng.random() < 0.7:
        parts.append(_other(rng, world))
    for _ in range(copies):
        copy = _copy(rng, world)
        if copy is None:
            continue
        parts.append(copy)
        if not copy.backwards and rng.random() < _SHOWN_TWICE:
            parts.append(copy)
        if rng.random() < 0.6:
            parts.append(_other(rng, world))
    return Query(tuple(parts or [_other(rng, world)]))


def query_frames(rng: np.random.Generator, query: Query, world: World) -> list[Picture]:
    """The frames of an edited query, one a second: each [QUERY_SIDE, QUERY_SIDE, 3]."""
    edits = [(int(rng.integers(1 << 30)), rng.random()) for _ in query.parts]
    if rng.random() < _EDITED_ALIKE:
        edits = [(int(rng.integers(1 << 30)), rng.random())] * len(query.parts)
    one, two = (world.others[int(i)] for i in rng.integers(0, len(world.others), 2))
    faded = rng.random() < _FADED
    frames = []
    for second in range(math.ceil(query.duration_s)):
        index, since_s = query.part_at(second)
        part = query.parts[index]
        frame = _edited(part.frame(since_s), *edits[index], one, two)
        if faded:
            light = min(1.0, (since_s + 0.3) / 2, (part.length_s - since_s + 0.3) / 2)
            frame = (frame * max(0.0, light)).astype(np.uint8)
        frames.append(np.asarray(cv2.resize(frame, (QUERY_SIDE, QUERY_SIDE)), np.uint8))
    return frames


def _edited(frame: Picture, seed: int, kind: float, one: Picture, two: Picture) -> Picture:
    """The same edit for all frames of a part: the generator starts anew at each."""
    rng = np.random.default_rng(seed)
    if kind < 0.25:
        return mild_view(rng, frame, SIDE)
    if kind < 0.6:
        return medium_view(rng, frame, two, SIDE)
    return hard_view(rng, frame, one, two, SIDE, FINISHING_MIX if kind < 0.85 else USUAL_MIX)


def _other(rng: np.random.Generator, world: World) -> Part:
    """Two to fifteen seconds that are no copy."""
    length = float(rng.uniform(2, 15))
    if rng.random() < _OTHER_FOOTAGE:
        return Part(length, draw_video(rng, world.others, length))
    video = world.references[int(rng.integers(len(world.references)))]
    shot = video.shots[int(rng.integers(len(video.shots)))]
    return Part(length, filmed_again(rng, shot, world.pictures, length))


def _copy(rng: np.random.Generator, world: World) -> Part | None:
    """A copied stretch; None where it would be shorter than 2.5 seconds."""
    reference = int(rng.integers(len(world.references)))
    video = world.references[reference]
    speed = 1.0 if rng.random() < _AT_NORMAL_SPEED else math.exp(rng.uniform(math.log(0.4), math.log(2.5)))
    backwards = rng.random() < _BACKWARDS
    length = min(3.2 + rng.exponential(8), (video.duration_s - 0.1) / speed, 45.0)
    if length < 2.5:
        return None
    start = rng.uniform(0, video.duration_s - length * speed)
    if rng.random() < _FROM_THE_START:
        start = 0.0
    return Part(length, video, start, speed, backwards, reference)
