"""`--where`: which videos of a library a command is about.

An expression is FIELD, a sign and a value, e.g. `duration>10:00`. The value is everything behind the sign, less
spaces at its ends: nothing in it needs quoting but what the shell itself would take. In texts `*`, `?` and `[...]`
stand for any letters, any letter and one of these; to mean such a sign itself, put it into brackets: `[*]`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from typing import TYPE_CHECKING, Self

from reprise.errors import SettingsError

if TYPE_CHECKING:
    from reprise.stores.videos import VideoRow

GRAMMAR = (
    "tag=TEXT, video=FILE, model=NAME or codec=NAME, with * for any letters and != for all others; or date, "
    "duration, frames, fps, width, height or size with =, !=, <, <=, > or >="
)
_SIGNS: dict[str, Callable[[object, object], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,  # type: ignore[dict-item]  # of two numbers or two texts
    "<=": operator.le,  # type: ignore[dict-item]
    ">": operator.gt,  # type: ignore[dict-item]
    ">=": operator.ge,  # type: ignore[dict-item]
}
_EXPRESSION = re.compile(r"\s*(\w+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", re.DOTALL)
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d)?)?)?)?)?")
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)

_TEXTS: dict[str, Callable[[VideoRow], tuple[str, ...]]] = {
    "tag": lambda row: tuple(row.tags),
    "video": lambda row: (row.path, row.path.rpartition("/")[2]),
    "model": lambda row: (row.model, row.model.partition("@")[0]),
    "codec": lambda row: (row.codec,),
}
_NUMBERS: dict[str, Callable[[VideoRow], float]] = {
    "duration": lambda row: row.duration_s,
    "frames": lambda row: row.frame_count,
    "fps": lambda row: row.fps,
    "width": lambda row: row.width,
    "height": lambda row: row.height,
    "size": lambda row: row.file_size,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One expression, taken apart."""

    field: str
    sign: str
    value: str

    def __post_init__(self) -> None:
        is_text = self.field in _TEXTS
        if not (is_text or self.field in _NUMBERS or self.field == "date") or not self.value:
            raise _not_understood(f"{self.field}{self.sign}{self.value}")
        if is_text and self.sign not in {"=", "!="}:
            raise SettingsError(f"where {self.field}{self.sign}{self.value}: a {self.field} is only = or !=")
        if self.field in _NUMBERS:
            _number(self.field, self.value)
        if self.field == "date" and not _DATE.fullmatch(self.value):
            raise SettingsError(f"where date: {self.value!r} is no date; give e.g. 2026-11-21 or 2026-11-21T09:30")

    def fits(self, row: VideoRow) -> bool:
        """Whether the video is one of those."""
        if self.field in _TEXTS:
            texts = _TEXTS[self.field](row)
            return any(_is_like(text, self.value) for text in texts) == (self.sign == "=")
        holds = _SIGNS[self.sign]
        if self.field == "date":
            # As exact as the date is given: a day is after another from its first second on.
            return holds(row.ingested_at[: len(self.value)], self.value.replace(" ", "T"))
        return holds(_NUMBERS[self.field](row), _number(self.field, self.value))


@dataclass(frozen=True, slots=True)
class VideoFilter:
    """Videos with any of the tags and, where both are named, any of the paths, that meet the conditions.

    Of several conditions `=` on one field any will do; of the others all must hold. With nothing named, all videos.
    """

    tags: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()  # as `Library.find` takes them, a file's name alone, or a pattern
    conditions: tuple[Condition, ...] = ()

    @classmethod
    def parse(cls, expressions: Iterable[str]) -> Self:
        """The filter that these expressions say, e.g. `tag=news`, `duration<60`. Raises SettingsError."""
        conditions = [_parsed(expression) for expression in expressions]

        def named(field: str) -> Iterator[str]:
            return (c.value for c in conditions if (c.field, c.sign) == (field, "="))

        others = (c for c in conditions if c.sign != "=" or c.field not in {"tag", "video"})
        return cls(tuple(named("tag")), tuple(named("video")), tuple(others))

    def __bool__(self) -> bool:
        return bool(self.tags or self.videos or self.conditions)

    def fits(self, row: VideoRow) -> bool:
        """Whether the video has such a tag and meets the conditions; `videos`, files, are not looked at here."""
        if self.tags and not any(Condition("tag", "=", tag).fits(row) for tag in self.tags):
            return False
        alike = sorted((c for c in self.conditions if c.sign == "="), key=lambda c: c.field)
        any_of = all(any(c.fits(row) for c in same) for _, same in groupby(alike, key=lambda c: c.field))
        return any_of and all(c.fits(row) for c in self.conditions if c.sign != "=")


ALL_VIDEOS = VideoFilter()


def is_pattern(text: str) -> bool:
    """Whether the text may stand for several."""
    return any(sign in text for sign in "*?[")


def _is_like(text: str, wanted: str) -> bool:
    return text == wanted or (is_pattern(wanted) and fnmatchcase(text, wanted))


def _parsed(expression: str) -> Condition:
    found = _EXPRESSION.fullmatch(expression)
    if found is None:
        raise _not_understood(expression)
    return Condition(*found.groups())


def _not_understood(expression: str) -> SettingsError:
    return SettingsError(f"where must be {GRAMMAR}, not {expression!r}")


def _number(field: str, value: str) -> float:
    """The number, for a duration also as a clock shows it, for a size with its unit."""
    if field == "duration" and (clock := _CLOCK.fullmatch(value)):
        hours, minutes, seconds = clock.groups()
        return 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds)
    if field == "size" and (size := _SIZE.fullmatch(value)):
        return float(size[1]) * 1024.0 ** " kmgt".index(size[2].lower() or " ")
    try:
        return float(value)
    except ValueError:
        example = {"duration": "90 or 1:30", "size": "500MB"}.get(field, "720")
        raise SettingsError(f"where {field}: {value!r} is no number; give e.g. {example}") from None
