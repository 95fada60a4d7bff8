"""Photos and videos to the frames that the descriptor benchmark works on, and their split into parts.

A source is a photo or video file. It belongs to one part by the hash of its file name, so that frames by which
settings are chosen are never those that are reported, and a quarter of each part is held out of the references.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from geometric_edits import shrunk
from near_copies import Seen, pattern_of, thumbnail
from photometric_edits import Rgb
from reprise.decoding.sampling import sample
from reprise.errors import ReprisError
from reprise.scanning import VIDEO_SUFFIXES

PARTS = ("choose", "report")
PHOTO_SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".webp"])
FRAME_SHORT_SIDE = 256  # pixels, at most
MIN_CONTRAST = 10.0  # standard deviation of the thumbnail's grey values; below it the frame is flat
SHOT_CORRELATION = 0.6  # of the thumbnails of two frames a second apart; below it a new shot begins
MAX_SHOT_S = 60  # longer shots are cut, so that no more than a minute of frames is held
FIRST_DRAWN_SEED = 10_000_000  # far from any seed that a training draws with


@dataclass(frozen=True, slots=True)
class Frame:
    """A photo or a video's frame; pixels: [h, w, 3] uint8 RGB with a short side of at most FRAME_SHORT_SIDE."""

    source: Path
    name: str  # of the source's file, with the second for a video's frame
    pixels: Rgb


@dataclass(frozen=True, slots=True)
class Collection:
    """The frames of one benchmark run; none shows nearly the same as a reference or negative."""

    references: list[Frame]  # that queries are made of
    negatives: list[Frame]  # not among the references: queries without a counterpart, and backgrounds
    distractors: list[Frame]  # references that no query is made of


def collect(folders: Iterable[Path], distractors: Iterable[Path], part: str) -> Collection:
    """The frames of one part ("choose", "report" or "all") of the folders, and all frames of the distractors.

    Files may stand in the place of folders. Raises ReprisError if there is nothing to search for, or nothing to
    hold against it.
    """
    seen = Seen()
    own = [frame for frame in _frames(folders) if not seen.shows(frame.pixels)]
    others = [frame for frame in _frames(distractors) if not seen.shows(frame.pixels, remember=False)]
    chosen = [frame for frame in own if part in ("all", part_of(frame.source))]
    collection = Collection(
        references=[frame for frame in chosen if not is_held_out(frame.source)],
        negatives=[frame for frame in chosen if is_held_out(frame.source)],
        distractors=others,
    )
    if not collection.references or not collection.negatives:
        raise ReprisError(
            f"{len(chosen)} frames in part {part}: too few to give both references and queries without one; name more"
            " folders of photos or videos"
        )
    return collection


def part_of(source: Path) -> str:
    """The one of PARTS that the source belongs to."""
    return PARTS[_hash(source) % 2]


def is_held_out(source: Path) -> bool:
    """Whether the source is kept out of the references; true for a quarter."""
    return _hash(source) // 2 % 4 == 0


def source_files(places: Iterable[Path]) -> list[Path]:
    """The photos and videos in the folders, at any depth and by name, and the files that are named themselves."""
    paths: list[Path] = []
    for place in places:
        inside = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
        paths += [path for path in inside if path.suffix.lower() in PHOTO_SUFFIXES | VIDEO_SUFFIXES]
    return list(dict.fromkeys(paths))


def _frames(places: Iterable[Path]) -> Iterator[Frame]:
    for path in source_files(places):
        yield from frames_of(path)


def frames_of(path: Path) -> list[Frame]:
    """The photo, or the middle frame of every shot of the video, in time order, without flat ones.

    A file that cannot be read gives none, and a line on stderr.
    """
    if path.suffix.lower() in PHOTO_SUFFIXES:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            print(f"left out: {path}: no photo that OpenCV can read", file=sys.stderr)
            return []
        frames = [Frame(path, path.name, _kept(np.asarray(picture[..., ::-1], np.uint8)))]
    else:
        try:
            frames = [shot[len(shot) // 2] for shot in _shots(path)]
        except ReprisError as error:
            print(f"left out: {error}", file=sys.stderr)
            return []
    return [frame for frame in frames if thumbnail(frame.pixels).std() >= MIN_CONTRAST]


def drawn(count: int, cache: Path | None = None) -> NDArray[np.uint8]:
    """`count` drawn images as distractors: [count, side, side, 3] uint8 RGB, kept in a file in the folder `cache`.

    The file is only read again while the first images are still drawn alike; the default is the folder for
    temporary files.
    """
    from reprise.training.images import draw

    first = [draw(np.random.default_rng(FIRST_DRAWN_SEED + number)) for number in range(min(3, count))]
    print_of_code = hashlib.sha256(np.stack(first).tobytes()).hexdigest()[:12]
    folder = cache or Path(tempfile.gettempdir()) / "reprise-benchmark"
    path = folder / f"drawn-{count}-{print_of_code}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        images = open_memmap(unfinished, "w+", np.uint8, (count, *first[0].shape))
        for number in range(count):
            images[number] = draw(np.random.default_rng(FIRST_DRAWN_SEED + number))
            if number % 500 == 0:
                print(f"drawing: {number} of {count}", file=sys.stderr)
        images.flush()
        unfinished.rename(path)
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def _shots(path: Path) -> Iterator[list[Frame]]:
    """The frames of the video at 1 fps, shot by shot."""
    shot: list[Frame] = []
    before: NDArray[np.float32] | None = None
    for picture in sample(str(path), fps=1, threads=1):
        pattern = pattern_of(picture.pixels)
        cut = before is not None and float(before @ pattern) < SHOT_CORRELATION
        if shot and (cut or len(shot) >= MAX_SHOT_S):
            yield shot
            shot = []
        shot.append(Frame(path, f"{path.name} at {picture.time_s:.0f} s", _kept(picture.pixels)))
        before = pattern
    yield shot


def _kept(picture: Rgb) -> Rgb:
    return np.ascontiguousarray(shrunk(picture, short_side=FRAME_SHORT_SIDE))


def _hash(source: Path) -> int:
    return int.from_bytes(hashlib.sha256(source.name.encode()).digest()[:8])
