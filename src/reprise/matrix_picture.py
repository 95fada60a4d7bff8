"""A table of video similarities as a picture: a heat map with the videos' names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import MissingExtraError, SettingsError, printable

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

LARGEST_CELL, SMALLEST_CELL = 44, 4  # pixels
MAP_SIDE = 1400  # pixels, which cells shrink to fit
FONT_SIZE, NUMBER_SIZE = 14, 13
NAME_LENGTH = 48
FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial.ttf", "Arial Unicode.ttf", "NotoSansCJK-Regular.ttc")
MARGIN, BAR_HEIGHT = 16, 14
MISSING = (205, 205, 205)  # of what was not compared
# From 0 and below to 1: dark blue to yellow, ever lighter, so that it also reads in print and by the colour-blind.
COLOURS = np.array([(13, 17, 61), (60, 42, 120), (140, 50, 116), (214, 86, 77), (250, 160, 55), (252, 247, 180)])


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raises what writing the picture would raise, before the work that it is to show.

    MissingExtraError where Pillow is not installed, SettingsError for a name that does not end in .png or a folder
    that is not there.
    """
    _pillow()
    if Path(path).suffix.lower() != ".png":
        raise SettingsError(f"{printable(path)}: pictures are written as PNG; give a name that ends in .png")
    if not Path(path).absolute().parent.is_dir():
        raise SettingsError(f"{printable(path)}: there is no such folder; make it, or give another")


def write_picture(path: str | os.PathLike[str], names: Sequence[str], similarity: NDArray[np.float32]) -> None:
    """Writes the table [videos, videos] as a PNG: a row a video by name, a column a video by number.

    Similarities are drawn from 0 (dark; also what is below) to 1 (light), NaN in grey. Letters that no font here
    holds are drawn as boxes; names are numbered for that. Raises as `check_picture`, and OSError if the file cannot
    be written.
    """
    check_picture(path)
    images, drawing, fonts = _pillow()
    count = len(names)
    cell = max(SMALLEST_CELL, min(LARGEST_CELL, MAP_SIDE // max(1, count)))
    font, small = _font_for("".join(names), fonts), fonts.load_default(NUMBER_SIZE)
    labels = [f"{_cut(name)}  {number}" for number, name in enumerate(names, start=1)]
    # Names of cells lower than a line of text would lie over each other: then only some are written.
    every = max(1, -(-(FONT_SIZE + 2) // cell))
    left = MARGIN * 2 + round(max((font.getlength(label) for label in labels), default=0))
    top = MARGIN * 2 + FONT_SIZE
    side = max(cell * count, 8 * LARGEST_CELL)
    image = images.new(
        "RGB", (left + side + MARGIN, top + cell * count + 3 * MARGIN + BAR_HEIGHT + FONT_SIZE), "white"
    )
    draw = drawing.Draw(image)
    if count:
        heat = images.fromarray(coloured(similarity)).resize((cell * count, cell * count), images.Resampling.NEAREST)
        image.paste(heat, (left, top))
    for i in range(0, count, every):
        middle = cell * i + cell / 2
        draw.text((left - MARGIN / 2, top + middle), labels[i], fill="black", font=font, anchor="rm")
        if not i % max(every, -(-30 // cell)):
            draw.text((left + middle, top - MARGIN / 2), str(i + 1), fill="black", font=font, anchor="ms")
    if cell >= LARGEST_CELL * 0.8:
        _write_numbers(draw, similarity, cell, (left, top), small)
    _draw_bar(draw, (left, top + cell * count + MARGIN), 6 * LARGEST_CELL, font)
    image.save(path, "PNG")


def coloured(similarity: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The similarities [rows, columns] as RGB [rows, columns, 3] uint8."""
    place = np.clip(np.nan_to_num(similarity), 0, 1) * (len(COLOURS) - 1)
    steps = np.arange(len(COLOURS))
    mixed = np.stack([np.interp(place, steps, COLOURS[:, channel]) for channel in range(3)], axis=-1)
    mixed[np.isnan(similarity)] = MISSING
    return np.asarray(mixed.round(), np.uint8)


def _write_numbers(
    draw: ImageDraw, similarity: NDArray[np.float32], cell: int, corner: tuple[int, int], font: Any
) -> None:
    for (row, column), value in np.ndenumerate(similarity):
        if not np.isnan(value):
            middle = corner[0] + cell * (column + 0.5), corner[1] + cell * (row + 0.5)
            draw.text(middle, f"{value:.2f}", fill="black" if value > 0.55 else "white", font=font, anchor="mm")


def _draw_bar(draw: ImageDraw, corner: tuple[int, int], width: int, font: Any) -> None:
    colours = coloured(np.linspace(0, 1, width, dtype=np.float32)[None])[0]
    left, top = corner
    for x, colour in enumerate(colours.tolist()):
        draw.line([(left + x, top), (left + x, top + BAR_HEIGHT)], fill=tuple(colour))
    for place, label in ((0, "0"), (width // 2, "0.5"), (width, "1")):
        draw.text((left + place, top + BAR_HEIGHT + 4), label, fill="black", font=font, anchor="mt")


def _font_for(text: str, fonts: Any) -> Any:
    """Pillow's own font, which holds ASCII alone; for other text one of the system's, if there is a known one."""
    if not text.isascii():
        is_east_asian = any("\u2e80" <= character <= "\uffdc" for character in text)
        for name in FONTS[::-1] if is_east_asian else FONTS:
            try:
                return fonts.truetype(name, FONT_SIZE)
            except OSError:
                continue
    return fonts.load_default(FONT_SIZE)


def _cut(name: str) -> str:
    """The name, without its middle if it is long."""
    kept = (NAME_LENGTH - 3) // 2
    return name if len(name) <= NAME_LENGTH else f"{name[:kept]}...{name[-kept:]}"


def _pillow() -> tuple[Any, Any, Any]:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingExtraError("pictures are drawn with Pillow; pip install '.[pictures]'") from error
    return Image, ImageDraw, ImageFont
