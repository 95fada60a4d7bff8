"""What the demo's videos show: which photographs, how the picture moves, what is copied and edited.

Nothing is drawn here; `edits` does that.  All positions and sizes are fractions of a picture.
"""

from __future__ import annotations

from dataclasses import dataclass

# raised whenever a table or the drawing of a frame changes, so that videos made before are made anew
DEMO_VERSION = 2
FADE_S = 0.8  # cross-fade at the start of every shot but the first


@dataclass(frozen=True, slots=True)
class Canvas:
    width: int = 320  # even, as H.264 in yuv420p needs; so is the height
    height: int = 240
    fps: int = 25


@dataclass(frozen=True, slots=True)
class View:
    """A window onto a photograph, with the canvas's aspect ratio; moved inside where it sticks out."""

    x: float  # centre
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class Shot:
    """One photograph under a camera that moves through the views at an even pace."""

    photo: str  # file in scikit-image's data folder
    seconds: float
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    shots: tuple[Shot, ...]
    tone_hz: float | None = None  # pitch of a quiet sound track; None: a video without sound

    @property
    def seconds(self) -> float:
        return sum(shot.seconds for shot in self.shots)


@dataclass(frozen=True, slots=True)
class Crop:
    """Only this part of the picture, enlarged to the canvas."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Flip:
    """Mirrored, left for right."""


@dataclass(frozen=True, slots=True)
class Subtitles:
    """Lines burnt into the picture, one after the other."""

    lines: tuple[str, ...]
    seconds_per_line: float = 3.0


@dataclass(frozen=True, slots=True)
class Inset:
    """The picture made small and laid over other footage."""

    side: float  # of the inset, as a share of the canvas's side
    left: float
    top: float
    background: tuple[Shot, ...]


Edit = Crop | Flip | Subtitles | Inset


@dataclass(frozen=True, slots=True)
class Filler:
    """Footage that is in no reference."""

    shots: tuple[Shot, ...]

    @property
    def seconds(self) -> float:
        return sum(shot.seconds for shot in self.shots)


@dataclass(frozen=True, slots=True)
class Copy:
    """A stretch of a reference, half-open, in seconds of that reference."""

    reference: str
    start_s: float
    end_s: float
    edit: Edit | None = None
    speed: float = 1.0  # seconds of reference per second of query

    @property
    def seconds(self) -> float:
        """Length in the query."""
        return (self.end_s - self.start_s) / self.speed


@dataclass(frozen=True, slots=True)
class Query:
    edit: str  # in words, for the reader
    parts: tuple[Filler | Copy, ...]


def shot(photo: str, seconds: float, *views: tuple[float, float, float]) -> Shot:
    return Shot(photo, seconds, tuple(View(*view) for view in views))


def filler(*shots: Shot) -> Filler:
    return Filler(shots)


# No photograph serves two references, else a copy of one would be a copy of the other as well.
LIBRARY = {
    "space_mission": Reference(
        (
            shot("astronaut.png", 8, (0.45, 0.20, 0.45), (0.33, 0.72, 0.36), (0.76, 0.80, 0.50)),
            shot(
                "rocket.jpg",
                8,
                (0.12, 0.40, 0.40),
                (0.50, 0.28, 0.32),
                (0.55, 0.82, 0.40),
                (0.85, 0.55, 0.45),
            ),
            shot("astronaut.png", 7, (0.12, 0.25, 0.34), (0.80, 0.22, 0.40), (0.50, 0.50, 1.00)),
            shot("rocket.jpg", 7, (0.50, 0.50, 0.85), (0.30, 0.75, 0.30), (0.66, 0.78, 0.30)),
        ),
        tone_hz=220.0,
    ),
    "cafe": Reference(
        (
            shot("coffee.png", 7, (0.20, 0.80, 0.36), (0.45, 0.28, 0.45), (0.62, 0.70, 0.32)),
            shot("chelsea.png", 7, (0.36, 0.32, 0.36), (0.66, 0.32, 0.36), (0.58, 0.74, 0.40)),
            shot("coffee.png", 7, (0.80, 0.18, 0.34), (0.36, 0.64, 0.30), (0.50, 0.50, 1.00)),
            shot("chelsea.png", 7, (0.50, 0.50, 0.95), (0.18, 0.20, 0.36), (0.82, 0.75, 0.34)),
        ),
        tone_hz=277.0,
    ),
    "deep_sky": Reference(
        (
            shot("hubble_deep_field.jpg", 8, (0.15, 0.40, 0.22), (0.45, 0.15, 0.20), (0.70, 0.50, 0.26)),
            shot("moon.png", 8, (0.24, 0.20, 0.40), (0.64, 0.26, 0.56), (0.50, 0.80, 0.50)),
            shot("hubble_deep_field.jpg", 8, (0.40, 0.80, 0.18), (0.85, 0.85, 0.24), (0.50, 0.50, 0.80)),
            shot("moon.png", 8, (0.50, 0.50, 1.00), (0.28, 0.40, 0.60), (0.60, 0.72, 0.44)),
        ),
    ),
    "garage": Reference(
        (
            shot("motorcycle_left.png", 8, (0.25, 0.72, 0.36), (0.52, 0.62, 0.28), (0.84, 0.80, 0.36)),
            shot("motorcycle_left.png", 8, (0.12, 0.25, 0.34), (0.42, 0.40, 0.34), (0.70, 0.16, 0.36)),
            shot("motorcycle_left.png", 8, (0.50, 0.50, 1.00), (0.62, 0.40, 0.50), (0.64, 0.30, 0.22)),
        ),
        tone_hz=165.0,
    ),
    "collection": Reference(
        (
            shot("coins.png", 9, (0.20, 0.18, 0.36), (0.82, 0.20, 0.36), (0.80, 0.56, 0.30), (0.30, 0.54, 0.36)),
            shot(
                "camera.png",
                9,
                (0.42, 0.24, 0.34),
                (0.70, 0.32, 0.30),
                (0.62, 0.78, 0.40),
                (0.36, 0.45, 0.60),
            ),
            shot("coins.png", 9, (0.50, 0.50, 1.00), (0.15, 0.84, 0.30), (0.75, 0.84, 0.44)),
            shot("camera.png", 9, (0.72, 0.62, 0.46), (0.84, 0.30, 0.32), (0.50, 0.50, 1.00)),
        ),
    ),
    "laboratory": Reference(
        (
            shot("ihc.png", 8, (0.25, 0.20, 0.42), (0.70, 0.18, 0.36), (0.85, 0.70, 0.34)),
            shot("page.png", 5, (0.30, 0.30, 0.55), (0.70, 0.45, 0.50)),
            shot("ihc.png", 9, (0.15, 0.80, 0.36), (0.60, 0.74, 0.30), (0.42, 0.42, 0.50), (0.50, 0.50, 1.00)),
        ),
        tone_hz=330.0,
    ),
}

# Footage of the queries alone. Copies begin and end between whole seconds, as they do in life: those at whole seconds
# would begin exactly at a sampled frame, where a search at one frame a second is at its best or at its worst.
RETINA = shot("retina.jpg", 6.4, (0.25, 0.45, 0.34), (0.55, 0.25, 0.36), (0.70, 0.65, 0.40))
RETINA_WIDE = shot("retina.jpg", 5.28, (0.50, 0.50, 0.95), (0.20, 0.62, 0.40))
WALL = shot("brick.png", 4.84, (0.20, 0.20, 0.40), (0.75, 0.60, 0.80))
GRAVEL = shot("gravel.png", 5.72, (0.50, 0.50, 0.30), (0.35, 0.60, 0.95))
LAWN = shot("grass.png", 5.16, (0.20, 0.75, 0.45), (0.75, 0.30, 0.85))
NOTES = shot("text.png", 4.6, (0.25, 0.60, 0.45), (0.75, 0.40, 0.40))
COLOURS = shot("color.png", 6.24, (0.30, 0.30, 0.40), (0.70, 0.35, 0.35), (0.55, 0.75, 0.45))

CAFE_LINES = (
    "It was here when I came in.",
    "The coffee, or the cat?",
    "Both, and neither is mine.",
    "Then who is paying?",
    "The cat has an account.",
)

QUERIES = {
    "cropped": Query(
        "cropped to 55 % of the picture, off centre",
        (filler(RETINA), Copy("space_mission", 4.2, 15.92, Crop(0.05, 0.16, 0.79, 0.90)), filler(WALL)),
    ),
    "subtitled": Query(
        "subtitles burnt in",
        (filler(NOTES), Copy("cafe", 9.36, 22.04, Subtitles(CAFE_LINES)), filler(LAWN)),
    ),
    "flipped": Query(
        "mirrored",
        (filler(COLOURS), Copy("garage", 5.8, 17.2, Flip()), filler(NOTES)),
    ),
    "faster": Query(
        "played 1.5 times as fast",
        (filler(WALL), Copy("collection", 10.12, 28, speed=1.5), filler(RETINA_WIDE)),
    ),
    "slower": Query(
        "played at 0.75 of the speed",
        (filler(LAWN), Copy("cafe", 0, 9.3, speed=0.75), filler(GRAVEL)),
    ),
    "picture_in_picture": Query(
        "inset of 60 % over other footage",
        (
            filler(RETINA_WIDE),
            Copy("laboratory", 8.68, 20.8, Inset(0.6, 0.34, 0.08, (GRAVEL, COLOURS))),
            filler(RETINA),
        ),
    ),
    "two_sources": Query(
        "stretches of two references, nothing else changed",
        (
            filler(LAWN),
            Copy("collection", 2.4, 12.28),
            filler(COLOURS),
            Copy("space_mission", 16.72, 27.6),
            filler(WALL),
        ),
    ),
    "unrelated": Query("no copy at all", (filler(RETINA, NOTES, COLOURS, GRAVEL),)),
}
