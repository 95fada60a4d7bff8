"""Files whose verdict is known: made of a reference by ffmpeg, each in the way that its name tells.

Every file is made once and kept; the edits are those that people make before they sell or post a video again.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import imageio_ffmpeg
import numpy as np

MIN_PIECE_S = 4.0  # of a reference that is shown
PIECE = 0.4  # of a reference, where only a piece of it is shown
TRIMMED = 0.12  # of a reference, where its beginning is cut away
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")

SAME = {  # another container, or another encoding of good quality
    "remuxed": ("-c:v", "copy"),
    "crf18": (*X264, "-crf", "18"),
    "crf23": (*X264, "-crf", "23"),
    "crf28": (*X264, "-crf", "28"),
    "mpeg4": ("-c:v", "mpeg4", "-q:v", "4"),
}
# Neither verdict would be wrong: told apart from the others.
BETWEEN = {
    "crf36": (*X264, "-crf", "36"),
    "half size": ("-vf", "scale=trunc(iw/4)*2:trunc(ih/4)*2", *X264, "-crf", "23"),
}
EDITS = {
    "colour": ("-vf", "eq=brightness=0.06:contrast=1.2:saturation=1.4", *X264, "-crf", "23"),
    "grey": ("-vf", "hue=s=0", *X264, "-crf", "23"),
    "crop": ("-vf", "crop=trunc(iw*0.92/2)*2:trunc(ih*0.92/2)*2", *X264, "-crf", "23"),
    "bars": ("-vf", "scale=iw:trunc(ih*0.76/2)*2,pad=iw:ih/0.76:0:-1", *X264, "-crf", "23"),
}
OVERLAYS = ("subtitles", "logo")
NEAR = (*EDITS, *OVERLAYS, "trimmed")
MIXED = ("contains", "partial")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file, what it was made of and how, and the verdicts that are right for it."""

    path: Path
    reference: str  # the file's stem; empty for one that is new
    way: str
    verdicts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Footage:
    """A video file with its facts."""

    path: Path
    duration_s: float
    size: tuple[int, int]
    fps: float


def footage(path: Path) -> Footage:
    """The facts of a video, of OpenCV."""
    video = cv2.VideoCapture(str(path))
    fps = video.get(cv2.CAP_PROP_FPS)
    size = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return Footage(path, video.get(cv2.CAP_PROP_FRAME_COUNT) / fps, size, fps)


def known_files(reference: Footage, others: Sequence[Footage], turn: int, folder: Path) -> list[KnownFile]:
    """What is made of one reference: two same, one between, two near-duplicates, and what holds or is a piece.

    others: footage with nothing of the library. `turn` chooses among the ways, so that all of them have their turn.
    """
    name = reference.path.stem
    same = list(SAME.items())
    files = [_made(reference, folder, way, arguments, "same-content") for way, arguments in _two_of(same, turn)]
    way, arguments = list(BETWEEN.items())[turn % len(BETWEEN)]
    files.append(_made(reference, folder, way, arguments, "same-content", "near-duplicate"))
    for near in _two_of(NEAR, turn):
        files += _near(reference, near, folder)
    exact = folder / f"{name} exact{reference.path.suffix}"
    if not exact.exists():
        shutil.copyfile(reference.path, exact)
    files.append(KnownFile(exact, name, "exact", ("exact",)))
    piece_s = reference.duration_s * PIECE
    if piece_s < MIN_PIECE_S:
        return files
    start_s = reference.duration_s * (1 - PIECE) / 2
    cut = ("-ss", f"{start_s:.3f}", "-t", f"{piece_s:.3f}")
    for way, arguments in (("piece", (*X264, "-crf", "23")), ("piece, colour", EDITS["colour"])):
        files.append(_made(reference, folder, way, arguments, "contained-in", before=cut))
    for way in MIXED:
        span = cut if way == "partial" else ()
        length_s = piece_s if way == "partial" else reference.duration_s
        files.append(_mixed(reference, span, length_s, others[turn % len(others)], way, folder))
    return files


def _two_of(ways: Sequence[T], turn: int) -> list[T]:
    return [ways[2 * turn % len(ways)], ways[(2 * turn + 1) % len(ways)]]


def _near(reference: Footage, way: str, folder: Path) -> list[KnownFile]:
    if way == "trimmed":
        cut_s = reference.duration_s * TRIMMED
        if cut_s < 1.5:  # a second more or less is the same
            return []
        cut = ("-ss", f"{cut_s:.3f}")
        return [_made(reference, folder, way, (*X264, "-crf", "23"), "near-duplicate", before=cut)]
    if way in EDITS:
        return [_made(reference, folder, way, EDITS[way], "near-duplicate")]
    picture = folder / f"{way} {reference.size[0]}x{reference.size[1]}.png"
    if not picture.exists():
        cv2.imwrite(str(picture), _overlay(way, reference.size))
    laid = ("-i", str(picture), "-filter_complex", "overlay", *X264, "-crf", "23")
    return [_made(reference, folder, way, laid, "near-duplicate")]


def _overlay(way: str, size: tuple[int, int]) -> np.ndarray:
    """Two lines of subtitles, or a logo with its name in a corner, as BGRA."""
    width, height = size
    picture = np.zeros((height, width, 4), np.uint8)
    scale = height / 360
    if way == "logo":
        centre = (round(width * 0.86), round(height * 0.13))
        cv2.circle(picture, centre, round(24 * scale), (60, 60, 220, 235), -1, cv2.LINE_AA)
        _write(picture, "NEWS 7", (centre[0] - round(48 * scale), centre[1] + round(45 * scale)), 0.7 * scale)
        return picture
    for line, text in enumerate(("And this is where we left it,", "on the far side of the river.")):
        _write(picture, text, (round(width * 0.14), round(height * (0.85 + 0.09 * line))), 0.9 * scale)
    return picture


def _write(picture: np.ndarray, text: str, where: tuple[int, int], scale: float) -> None:
    for colour, thickness in (((0, 0, 0, 255), 5), ((255, 255, 255, 255), 2)):
        cv2.putText(
            picture,
            text,
            where,
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            colour,
            max(1, round(thickness * scale)),
            cv2.LINE_AA,
        )


def _made(
    reference: Footage, folder: Path, way: str, arguments: Sequence[str], *verdicts: str, before: Sequence[str] = ()
) -> KnownFile:
    suffix = {"remuxed": ".mkv", "mpeg4": ".avi"}.get(way, ".mp4")
    path = folder / f"{reference.path.stem} {way}{suffix}"
    _ffmpeg(path, *before, "-i", str(reference.path), *arguments)
    return KnownFile(path, reference.path.stem, way, verdicts)


def _mixed(
    reference: Footage, span: Sequence[str], length_s: float, other: Footage, way: str, folder: Path
) -> KnownFile:
    """Other footage, the reference or a piece of it, other footage: twice as long as what is shown of it."""
    path = folder / f"{reference.path.stem} {way}.mp4"
    width, height = reference.size
    alike = f"scale={width}:{height},setsar=1,fps={reference.fps:.5f},format=yuv420p"
    half_s = length_s / 2
    around = ("-stream_loop", "-1", "-t", f"{half_s:.3f}", "-i", str(other.path))
    _ffmpeg(
        path,
        *around,
        *span,
        "-i",
        str(reference.path),
        *around,
        "-filter_complex",
        f"[0:v]{alike}[a];[1:v]{alike}[b];[2:v]{alike}[c];[a][b][c]concat=n=3:v=1[v]",
        "-map",
        "[v]",
        *X264,
        "-crf",
        "23",
    )
    return KnownFile(path, reference.path.stem, way, (way,))


def _ffmpeg(path: Path, *arguments: str) -> None:
    if path.exists():
        return
    # Under another name first, so that an interrupted run leaves no half file.
    part = path.with_name(f"part{path.suffix}")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-threads", "1", *arguments, "-an"]
    subprocess.run([*command, "-threads", "1", str(part)], check=True)
    part.replace(path)
