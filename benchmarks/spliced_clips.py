"""Clips that stand in many videos without anything being copied, idents and credits: drawn, or cut from a video, and
encoded again and again as those who put them into videos do.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # [height, width, 3] RGB

WIDTH, HEIGHT, FPS = 640, 360, 25
# What the ways to their viewers do to a clip: filters of FFmpeg, and the quality of the encoding. The last two are
# what somebody does who hides where it is from.
HARD = 2
VARIANTS = (
    ("null", 20),
    ("scale=320:180", 30),
    ("scale=854:480", 36),
    ("eq=brightness=0.06:contrast=1.1", 28),
    ("eq=saturation=0.6", 28),
    ("crop=iw*0.96:ih*0.96", 26),
    ("fps=15", 30),
    ("drawbox=x=iw*0.82:y=ih*0.06:w=iw*0.12:h=ih*0.08:color=white@0.7:t=fill", 28),
    ("hflip", 28),
    ("crop=iw*0.75:ih*0.75,drawbox=y=ih*0.8:w=iw:h=ih*0.2:color=black:t=fill", 30),
)


def drawn_ident(path: Path, *, seconds: float = 5.0) -> Path:
    """A studio's ident: a star that turns and grows in front of a shaded ground, with a name that comes in."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    ground = np.stack([20 + 60 * y / HEIGHT, 30 + 40 * x / WIDTH, 110 - 50 * y / HEIGHT], axis=2)
    name = _words(np.random.default_rng(7), 60, 300, letter=12)

    def picture(time_s: float) -> Picture:
        drawn = ground.copy()
        angle = np.arctan2(y - 140, x - WIDTH / 2) + 1.3 * time_s
        distance = np.hypot(y - 140, x - WIDTH / 2)
        drawn[distance < (60 + 12 * time_s) * (1 + 0.35 * np.sin(5 * angle))] = (250, 200, 60)
        left = round(WIDTH * max(0.0, 1 - time_s / 2) + 170)
        shown = name[:, : max(0, WIDTH - left)]
        drawn[260 : 260 + shown.shape[0], left : left + shown.shape[1]][shown] = 240
        return np.asarray(drawn, np.uint8)

    return _written(path, picture, seconds)


def drawn_credits(path: Path, *, seconds: float = 15.0) -> Path:
    """Credits that roll: lines of white words on black."""
    rng = np.random.default_rng(3)
    lines = [np.zeros((14, WIDTH), bool)]
    for _ in range(120):
        words = _words(rng, 18, int(rng.integers(160, 460)), letter=7)
        line = np.zeros((36, WIDTH), bool)
        start = (WIDTH - words.shape[1]) // 2
        line[9:27, start : start + words.shape[1]] = words
        lines.append(line)
    roll = np.concatenate(lines)

    def picture(time_s: float) -> Picture:
        top = round(60 * time_s)
        return np.repeat(np.where(roll[top : top + HEIGHT, :, None], 235, 4), 3, axis=2).astype(np.uint8)

    return _written(path, picture, seconds)


def cut_clip(path: Path, source: Path, *, start_s: float, seconds: float) -> Path:
    """A piece of a video, at the size of the drawn clips."""
    _ffmpeg("-ss", f"{start_s}", "-i", str(source), "-t", f"{seconds}", "-vf", _FITTED, *_encoded(16), str(path))
    return path


def variant(path: Path, master: Path, number: int) -> Path:
    """The clip as one of VARIANTS."""
    filters, quality = VARIANTS[number % len(VARIANTS)]
    _ffmpeg("-i", str(master), "-vf", filters, *_encoded(quality), str(path))
    return path


_FITTED = f"scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=increase,crop={WIDTH}:{HEIGHT},fps={FPS}"


def _written(path: Path, picture: Callable[[float], Picture], seconds: float) -> Path:
    command = [*_command(), "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS)]
    command += ["-i", "-", *_encoded(16), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for number in range(round(seconds * FPS)):
            encoder.stdin.write(picture(number / FPS).tobytes())
        encoder.stdin.close()
    if encoder.returncode:
        raise subprocess.CalledProcessError(encoder.returncode, command)
    return path


def _words(rng: np.random.Generator, height: int, width: int, *, letter: int) -> NDArray[np.bool_]:
    """Something that looks like a line of text from afar: [height, width]."""
    marks = np.zeros((height, width), bool)
    left = 0
    while left + letter < width:
        if rng.random() < 0.15:
            left += letter
            continue
        for _ in range(3):
            if rng.random() < 0.5:
                column = left + int(rng.integers(0, letter - 2))
                marks[:, column : column + max(2, letter // 4)] = True
            else:
                row = int(rng.integers(0, height - 2))
                marks[row : row + max(2, height // 6), left : left + letter - 2] = True
        left += letter
    return marks


def _encoded(quality: int) -> list[str]:
    return ["-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", str(quality), "-pix_fmt", "yuv420p"]


def _command() -> list[str]:
    return [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"]


def _ffmpeg(*arguments: str) -> None:
    subprocess.run([*_command(), *arguments], check=True)
