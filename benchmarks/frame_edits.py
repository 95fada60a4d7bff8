"""The edits that the descriptor benchmark makes its queries with, by name."""

from __future__ import annotations

from collections.abc import Callable

import geometric_edits as geometric
import photometric_edits as photometric
from photometric_edits import STRENGTHS, Random, Rgb

Edit = Callable[[Random, Rgb, Rgb, int], Rgb]

QUERY_LONG_SIDE = 320  # pixels
POSTED_QUALITY = (50, 91)  # JPEG, of every query: lowest, and one above the highest


def _alone(edit: Callable[[Random, Rgb, int], Rgb]) -> Edit:
    """The edit that needs no other picture, called like those that do."""
    return lambda random, picture, other, strength: edit(random, picture, strength)  # noqa: ARG005


GEOMETRIC: dict[str, Edit] = {
    "crop": _alone(geometric.crop),
    "flip": _alone(geometric.flip),
    "rotate": _alone(geometric.rotate),
    "picture in picture": geometric.picture_in_picture,
    "letterbox": _alone(geometric.letterbox),
    "camcord": geometric.camcord,
}
PHOTOMETRIC: dict[str, Edit] = {
    "overlay": photometric.overlay,
    "blur": _alone(photometric.blur),
    "noise": _alone(photometric.noise),
    "colour": _alone(photometric.colour),
    "grey": _alone(photometric.grey),
}


def combined(random: Random, picture: Rgb, other: Rgb, strength: int) -> Rgb:
    """Two geometric edits, one photometric, then JPEG.

    Light: each of them light; medium: each light or medium; hard: each medium or hard.
    """
    names = [*random.choice(list(GEOMETRIC), 2, replace=False), random.choice(list(PHOTOMETRIC))]
    for name in names:
        level = max(0, strength - int(random.integers(0, 2)))
        picture = (GEOMETRIC | PHOTOMETRIC)[str(name)](random, picture, other, level)
    return photometric.recompressed(picture, int(random.integers(30, 70)))


BASIC: dict[str, Edit] = {
    **GEOMETRIC,
    **PHOTOMETRIC,
    "jpeg": _alone(photometric.jpeg),
    "combined": combined,
}
EXTRA: dict[str, Edit] = {
    "stretch": _alone(geometric.stretch),
    "rotate90": _alone(geometric.quarter_turn),
    "split screen": geometric.split_screen,
    "mosaic": _alone(photometric.mosaic),
    "subtitle": _alone(photometric.subtitle),
}
CROP40 = "crop40"  # to exactly 40 % of the area, in one strength: a bracket to compare with published figures
EDITS = (*BASIC, *EXTRA, CROP40)


def strengths_of(edit: str) -> tuple[str, ...]:
    """The strengths an edit comes in, light first; one empty name for an edit without."""
    return ("",) if edit == CROP40 else STRENGTHS


def edited(edit: str, strength: str, picture: Rgb, other: Rgb, random: Random) -> Rgb:
    """The picture after an edit of EDITS in a strength of `strengths_of`: [h, w, 3] uint8, at most QUERY_LONG_SIDE.

    In the end every picture is compressed a little: reposts are, and edges of insets and bars must not be perfect.
    `other` is the picture that insets lie on and that is seen on split screens, in logos and behind filmed screens.
    """
    if edit == CROP40:
        result = geometric.crop_to_40_percent(random, picture)
    else:
        result = (BASIC | EXTRA)[edit](random, picture, other, STRENGTHS.index(strength))
    small = geometric.shrunk(result, long_side=QUERY_LONG_SIDE)
    return photometric.recompressed(small, int(random.integers(*POSTED_QUALITY)))
