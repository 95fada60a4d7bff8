"""Footage in which every second looks its own way, and copies, loops and fragments of such files."""

from __future__ import annotations

import functools
import wave
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import av
import numpy as np
from clips import Picture, write_clip
from numpy.typing import NDArray

Plane = NDArray[np.float64]  # [height, width]: in a pattern from 0, one colour, to 1, the other
Pattern = Callable[[np.random.Generator, Plane, Plane], Plane]

FPS = 10
SIZE = (160, 120)


def footage(path: Path, seconds: Iterable[int], *, seed: int = 0, codec: str = "mpeg4") -> Path:
    """A video that shows these seconds of the footage `seed`, one after the other; returns `path`.

    `range(10, 20)` is thus a copy of what lies from 10 s to 20 s of `range(30)` of the same seed.
    """
    shown = list(seconds)
    return write_clip(path, seconds=len(shown), fps=FPS, size=SIZE, codec=codec, picture=_pictures(seed, shown))


def moments(path: Path, shown: Sequence[tuple[int, float]], *, fps: int = 25) -> Path:
    """A video whose picture k is what the footage `seed` shows at `time_s`: (seed, time_s) = shown[k]; gives `path`.

    For copies that begin within a second, run faster or slower, or backwards.
    """

    def picture(number: int, size: tuple[int, int]) -> Picture:
        seed, time_s = shown[number]
        return _picture(seed, int(time_s), time_s % 1 * FPS, size)

    return write_clip(path, seconds=len(shown) / fps, fps=fps, size=SIZE, codec="mpeg4", picture=picture)


def looped(path: Path, source: Path, times: int) -> Path:
    """`source` over and over with no new encoding: long in time, quick to make; returns `path`."""
    with av.open(str(path), "w") as output:
        stream, start = None, 0
        for _ in range(times):
            with av.open(str(source)) as container:
                track = container.streams.video[0]
                stream = stream or output.add_stream_from_template(track)
                for packet in container.demux(track):
                    if packet.dts is not None and packet.pts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + start, packet.dts + start, stream
                        output.mux(packet)
                start += track.duration or round(container.duration / av.time_base / track.time_base)
    return path


def cut_short(path: Path, source: Path, *, share: float) -> Path:
    """The first `share` of the bytes of `source`; returns `path`."""
    content = source.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def silence(path: Path) -> Path:
    """A second of silence as WAV; returns `path`."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * 8000))
    return path


def _pictures(seed: int, seconds: list[int]) -> Callable[[int, tuple[int, int]], Picture]:
    return lambda number, size: _picture(seed, seconds[number // FPS], number % FPS, size)


def _picture(seed: int, second: int, number: float, size: tuple[int, int]) -> Picture:
    """One of the second's pictures: its pattern, which drifts to the left."""
    return np.ascontiguousarray(np.roll(_scene(seed, second, size), -round(2 * number), axis=1))


@functools.lru_cache(maxsize=4)
def _scene(seed: int, second: int, size: tuple[int, int]) -> Picture:
    # Two patterns that meet at a slanting line: of simple drawings the descriptor tells these apart best.
    rng = np.random.default_rng([seed, second])
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(float)
    angle = rng.uniform(0, 2 * np.pi)
    across = (y - height / 2) * np.cos(angle) + (x - width / 2) * np.sin(angle)
    one, other = (PATTERNS[index] for index in rng.permutation(len(PATTERNS))[:2])
    is_one = across > rng.uniform(-30, 30)
    drawn = np.where(is_one[..., None], _coloured(one, rng, y, x), _coloured(other, rng, y, x))
    return drawn.clip(0, 255).astype(np.uint8)


def _coloured(pattern: Pattern, rng: np.random.Generator, y: Plane, x: Plane) -> NDArray[np.float64]:
    mask = pattern(rng, y, x)[..., None]
    colours = rng.uniform(0, 255, (2, 3))
    return mask * colours[0] + (1 - mask) * colours[1]


def _rings(rng: np.random.Generator, y: Plane, x: Plane) -> Plane:
    distance = np.hypot(y - rng.uniform(0, 120), x - rng.uniform(0, 160))
    return 0.5 + 0.5 * np.sin(distance * rng.uniform(0.08, 0.4))


def _checks(rng: np.random.Generator, y: Plane, x: Plane) -> Plane:
    side = rng.integers(8, 34)
    return (y // side + x // side) % 2


def _lines_of_text(rng: np.random.Generator, y: Plane, x: Plane) -> Plane:
    height = rng.integers(6, 12)
    words = np.sin(x * rng.uniform(0.1, 0.6) + rng.uniform(0, 6, 20)[(y // height).astype(int)]) > -0.5
    return np.asarray(words & (y % height > 3), dtype=float)


def _dots(rng: np.random.Generator, y: Plane, x: Plane) -> Plane:
    step = rng.integers(14, 30)
    distance = np.hypot(y % step - step / 2, x % step - step / 2)
    return np.asarray(distance < step * rng.uniform(0.2, 0.4), dtype=float)


def _disc(rng: np.random.Generator, y: Plane, x: Plane) -> Plane:
    distance = np.hypot(y - rng.uniform(30, 90), x - rng.uniform(40, 120))
    return np.asarray(distance < rng.uniform(12, 50), dtype=float)


def _star(rng: np.random.Generator, y: Plane, x: Plane) -> Plane:
    angle = np.arctan2(y - rng.uniform(30, 90), x - rng.uniform(40, 120))
    return np.asarray(np.sin(rng.integers(3, 12) * angle + rng.uniform(0, 6)) > 0, dtype=float)


def _bars(rng: np.random.Generator, y: Plane, x: Plane) -> Plane:
    angle = rng.uniform(0, np.pi)
    across = y * np.cos(angle) + x * np.sin(angle)
    return np.asarray(np.sin(across * rng.uniform(0.08, 0.5)) > 0, dtype=float)


def _clouds(rng: np.random.Generator, y: Plane, x: Plane) -> Plane:
    total = np.zeros_like(y)
    for waves in range(1, 9):
        angle, phase = rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi)
        total += np.sin((y * np.cos(angle) + x * np.sin(angle)) * waves / 40 + phase) / waves
    return 0.5 + total / 3


PATTERNS = (_rings, _checks, _lines_of_text, _dots, _disc, _star, _bars, _clouds)
