"""Pictures of where the built-in descriptor fails, for its model card.

    python benchmarks/descriptor_failures.py PICTURE.jpg [--drawn 2000]

needs `pip install -e '.[bench,demo]'`. The references are the photographs that scikit-image carries (public domain or
CC0) and drawn images. Each photograph goes through every edit of benchmarks/descriptor.py in its three strengths; of
each edit that ever fails, the failure is shown whose wrong answer is most sure of itself: the query, the reference
that is right with its similarity and rank, and the one that came first. Also prints how often each edit failed.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from frame_edits import EDITS, edited, strengths_of
from frame_sources import drawn
from networks import BuiltIn
from photometric_edits import Rgb
from reprise.views import further_views

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "grass", "gravel", "brick", "moon", "coins", "page", "camera")
TILE = 160  # pixels a side
CAPTION = 16


@dataclass(frozen=True, slots=True)
class Failure:
    """A query whose right reference did not come first."""

    label: str
    query: Rgb
    right: Rgb
    right_caption: str
    first: Rgb
    first_caption: str
    first_similarity: float


def main() -> None:
    """Runs all edits and writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--drawn", type=int, default=2000, metavar="N", help="drawn references (default %(default)s)")
    arguments = parser.parse_args()
    photos = [_photo(name) for name in PHOTOS]
    references: list[Rgb] = [*photos, *drawn(arguments.drawn)]
    describe = BuiltIn()
    embeddings = describe(references)
    rows = []
    for edit in EDITS:
        queries = _queries(edit, photos)
        failures = [
            failure
            for number, label, query in queries
            if (failure := _failure(label, query, number, references, embeddings, describe)) is not None
        ]
        print(f"{edit:20}{len(failures):>4} of {len(queries)}")
        if failures:
            rows.append(_drawn_row(max(failures, key=lambda failure: failure.first_similarity)))
    if not rows:
        print("nothing failed: no picture")
        return
    columns = 2
    rows += [np.full_like(rows[0], 255)] * (-len(rows) % columns)
    lines = [np.hstack(rows[start : start + columns]) for start in range(0, len(rows), columns)]
    cv2.imwrite(str(arguments.picture), np.vstack(lines)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])


def _photo(name: str) -> Rgb:
    picture = np.asarray(getattr(data, name)())
    return np.ascontiguousarray(np.stack([picture] * 3, -1) if picture.ndim == 2 else picture[..., :3])


def _queries(edit: str, photos: list[Rgb]) -> list[tuple[int, str, Rgb]]:
    """Every photo in every strength: (which photo, what was done, the query)."""
    queries = []
    for level, strength in enumerate(strengths_of(edit)):
        for number, photo in enumerate(photos):
            random = np.random.default_rng((len(edit), ord(edit[0]), level, number))
            other = photos[(number + 3) % len(photos)]
            queries.append((number, f"{edit} {strength}".strip(), edited(edit, strength, photo, other, random)))
    return queries


def _failure(
    label: str, query: Rgb, number: int, references: list[Rgb], embeddings: NDArray[np.float32], describe: BuiltIn
) -> Failure | None:
    # The picture that an inset lies on is a reference here too, and finding it is no mistake.
    under = (number + 3) % len(PHOTOS)
    similarity = (describe([query, *further_views(query[None])[0]]) @ embeddings.T).max(0)
    similarity[under] = -1
    order = np.argsort(-similarity)
    first, rank = int(order[0]), int(np.flatnonzero(order == number)[0]) + 1
    if first == number:
        return None
    return Failure(
        label,
        query,
        references[number],
        f"{similarity[number]:.2f}, rank {rank}",
        references[first],
        f"{similarity[first]:.2f}, came first",
        float(similarity[first]),
    )


def _drawn_row(failure: Failure) -> Rgb:
    tiles = [
        _tile(failure.query, failure.label),
        _tile(failure.right, failure.right_caption),
        _tile(failure.first, failure.first_caption),
    ]
    return np.pad(np.hstack(tiles), ((4, 4), (6, 6), (0, 0)), constant_values=255)


def _tile(picture: Rgb, caption: str) -> Rgb:
    tile = np.full((TILE + CAPTION, TILE, 3), 255, np.uint8)
    scale = TILE / max(picture.shape[:2])
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    top, left = (TILE - size[1]) // 2, (TILE - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
    cv2.putText(tile, caption, (4, TILE + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return tile


if __name__ == "__main__":
    main()
