"""How much decoding one video may take, and the account that is kept of it."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from reprise.errors import LimitError, SettingsError, printable
from reprise.times import clock

GIB = 1 << 30
HOUR_S = 3600.0
ALIVE_EVERY_S = 1.0
SOUND_RUNS_ON_S = 10.0  # sound mostly ends a little later than the pictures
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_TIMES = {"": 1, "S": 1, "M": 60, "H": 3600, "D": 86_400}
# The name on the command line: the field, its units, and what it bounds.
LIMITS = {
    "pixels": ("pixels", _UNITS, "of a picture"),
    "frames": ("frames", _UNITS, "pictures of a video"),
    "duration": ("duration_s", _TIMES, "of a video"),
    "time": ("time_s", _TIMES, "spent on decoding a video"),
    "stall": ("stall_s", _TIMES, "without a sign of progress"),
    "memory": ("memory_bytes", _BYTES, "of the decoding process"),
    "bytes": ("read_bytes", _BYTES, "of compressed pictures, or of compressed sound"),
}


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one video may take before it is given up; each is settable, none can be switched off by a file."""

    pixels: int = 64_000_000  # of a picture, width x height: 8K has 33 million
    frames: int = 10_000_000  # pictures of a video: 46 hours of 60 a second
    duration_s: float = 24 * HOUR_S  # of a video, announced or met while decoding
    time_s: float = 4 * HOUR_S  # of waiting for the pictures of a video
    stall_s: float = 120.0  # in which no packet was read and no picture came
    memory_bytes: int = 4 * GIB  # that the decoding process may take for a video
    read_bytes: int = 256 * GIB  # of compressed pictures or sound: a file may name the same bytes many times over

    def __post_init__(self) -> None:
        for name, (field, _, what) in LIMITS.items():
            value = getattr(self, field)
            if not (value > 0 and math.isfinite(value)):
                raise SettingsError(f"limit {name} ({what}) must be a number above 0, not {value:g}")

    @property
    def max_pixels(self) -> str:
        """`pixels` as FFmpeg's option of this name takes it."""
        return str(min(self.pixels, (1 << 31) - 1))

    @classmethod
    def parse(cls, assignments: Sequence[str]) -> DecodeLimits:
        """The usual limits but for those that are assigned: "pixels=100M", "duration=48h", "memory=8G".

        K, M, G and T stand behind numbers and bytes, s, m, h and d behind times. Raises SettingsError.
        """
        values: dict[str, Any] = {}
        for assignment in assignments:
            name, _, text = assignment.partition("=")
            if name not in LIMITS:
                raise SettingsError(
                    f"limit {assignment!r} is unknown; give NAME=VALUE with one of {', '.join(LIMITS)}"
                )
            field, units, _ = LIMITS[name]
            found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Z]?)(?:i?B)?", text.strip(), re.IGNORECASE)
            if found is None or found[2].upper() not in units:
                known = ", ".join(unit.lower() if units is _TIMES else unit for unit in units if unit)
                raise SettingsError(
                    f"limit {assignment!r} is no number; give e.g. {name}=100, or with one of {known}"
                )
            value = float(found[1]) * units[found[2].upper()]
            values[field] = value if field.endswith("_s") else int(value)
        return replace(cls(), **values)


DEFAULT_LIMITS = DecodeLimits()
NO_LIMITS = DecodeLimits(
    *[sys.maxsize] * 2, *[float(sys.maxsize)] * 3, *[sys.maxsize] * 2
)  # where the caller bounds a video by other means


class Meter:
    """Keeps account of what decoding one video takes; each call raises LimitError where that is too much.

    `on_work` is called about once a second while packets are read.
    """

    def __init__(
        self, path: str, limits: DecodeLimits = NO_LIMITS, on_work: Callable[[], None] | None = None
    ) -> None:
        self.limits = limits
        self._path, self._on_work = path, on_work
        self._frames = self._packets = self._bytes = 0
        self._told_s = time.monotonic()

    def opened(self, width: int, height: int, frames: int, duration_s: float | None) -> None:
        """A pass over the video begins, whose file announces so much (0 or None: nothing)."""
        self._frames = self._packets = 0
        self.met_size((width, height))
        if frames > self.limits.frames:
            raise over_limit(self._path, f"it announces {frames} pictures", "frames", self.limits)
        if duration_s is not None and duration_s > self.limits.duration_s:
            raise over_limit(self._path, f"it announces {clock(duration_s)} of video", "duration", self.limits)

    def met_size(self, size: tuple[int, int] | None) -> None:
        """Pictures are of this width and height; None if that is not known."""
        if size is not None and size[0] * size[1] > self.limits.pixels:
            shown = f"its pictures have {size[0]} x {size[1]} pixels"
            raise over_limit(self._path, shown, "pixels", self.limits)

    def packet(self, size: int) -> None:
        """A packet of the picture track, of `size` bytes, was read."""
        self._packets += 1
        self._bytes += size
        if self._bytes > self.limits.read_bytes:
            raise over_limit(self._path, f"its pictures take more than {self._bytes} bytes", "bytes", self.limits)
        if self._packets > 2 * self.limits.frames:  # of two fields each, or some that show nothing
            raise over_limit(self._path, f"it holds more than {self._packets} packets", "frames", self.limits)
        self.passed()

    def passed(self) -> None:
        """A packet was read, of whichever track."""
        if self._on_work is not None and time.monotonic() - self._told_s > ALIVE_EVERY_S:
            self._on_work()
            self._told_s = time.monotonic()

    def sound_packet(self, size: int) -> None:
        """A packet of the sound track was read, of `size` bytes."""
        self._bytes += size
        if self._bytes > self.limits.read_bytes:
            raise over_limit(self._path, f"its sound takes more than {self._bytes} bytes", "bytes", self.limits)
        self.passed()

    def heard(self, time_s: float) -> None:
        """The sound goes on to this time."""
        if time_s > self.limits.duration_s + SOUND_RUNS_ON_S:
            raise over_limit(self._path, f"its sound goes on after {clock(time_s)}", "duration", self.limits)

    def frame(self) -> None:
        """A picture was decoded."""
        self._frames += 1
        if self._frames > self.limits.frames:
            raise over_limit(self._path, f"it goes on after {self._frames - 1} pictures", "frames", self.limits)

    def reached(self, time_s: Fraction) -> None:
        """A picture starts at this time."""
        if time_s > self.limits.duration_s:
            raise over_limit(self._path, f"it goes on after {clock(float(time_s))}", "duration", self.limits)


def over_limit(path: str, what: str, name: str, limits: DecodeLimits) -> LimitError:
    """The error of a video that goes over the limit `name`."""
    value = getattr(limits, LIMITS[name][0])
    units = LIMITS[name][1]
    told = f"{value} bytes" if units is _BYTES else f"{value}"
    if units is _TIMES:
        told = f"{value:g} s"
    elif units is _BYTES and value >= _BYTES["M"]:
        told = f"{value / _BYTES['M']:.0f} MB"
    return LimitError(
        f"{printable(path)}: {what}, the limit is {told}; if you trust it, allow more with --decode-limit {name}=N"
    )
