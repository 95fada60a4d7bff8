"""Similarity maps of drawn videos by the built-in descriptor: what its maps of edited copies look like.

Maps are drawn in blocks of queries and kept in a folder, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reprise.alignment.aligned import Map
from reprise.descriptor import Descriptor
from reprise.training.drawn_queries import World, make_query, query_frames
from reprise.training.drawn_videos import PICTURE_SIDE, draw_video
from reprise.training.images import draw
from reprise.views import best_of_views, embed_views, gathered

Matrix = NDArray[np.float32]

BLOCK_QUERIES = 50
_FRAMES_AT_A_TIME = 32
_NEAREST = 6  # references whose maps are kept for every query, beside those that it copies from
_BEST_ROWS = 5  # how near a reference is: mean over the query's so many best frames
_PICTURES = 1.6  # that are drawn for each reference
_OTHER_PICTURES = 0.8
# Random streams of one seed that must not meet.
_PICTURE, _OTHER_PICTURE, _REFERENCE, _QUERY = range(4)


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What a set of references and queries is drawn from: the same settings give the same maps."""

    seed: int
    references: int
    queries: int


@dataclass(frozen=True, slots=True)
class DrawnMap:
    """The map of a query and a reference, both at one frame a second, and the true segments in seconds."""

    map: Map
    truth: list[list[float]]
    backwards: list[bool]  # of each
    query_duration_s: float
    reference_duration_s: float


def drawn_maps(settings: WorldSettings, folder: Path) -> Iterator[DrawnMap]:
    """The maps of all queries: for each its nearest references and those that it copies from.

    folder: blocks that are there already are read, the others are drawn and added.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawer: _Drawer | None = None
    for first in range(0, settings.queries, BLOCK_QUERIES):
        last = min(first + BLOCK_QUERIES, settings.queries)
        path = folder / f"drawn-{settings.seed}-{settings.references}-{first}-{last}.npz"
        if not path.exists():
            drawer = drawer or _Drawer(settings)
            found = [one for number in range(first, last) for one in drawer.maps(number)]
            _write(path, found)
        yield from _read(path)


class _Drawer:
    """A world of drawn videos with the embeddings of its references."""

    def __init__(self, settings: WorldSettings) -> None:
        self._seed = settings.seed
        self._descriptor = Descriptor("cpu", threads=1)
        pictures = self._pictures(_PICTURE, math.ceil(_PICTURES * settings.references))
        others = self._pictures(_OTHER_PICTURE, math.ceil(_OTHER_PICTURES * settings.references))
        references = []
        for number in range(settings.references):
            rng = self._rng(_REFERENCE, number)
            duration_s = rng.uniform(6, 40) if rng.random() < 0.8 else rng.uniform(40, 90)
            references.append(draw_video(rng, pictures, duration_s))
        self._world = World(references, pictures, others)
        self._matrices: list[Matrix] = [
            self._descriptor([video.frame(second) for second in range(math.ceil(video.duration_s))])
            for video in references
        ]

    def maps(self, number: int) -> list[DrawnMap]:
        """Those of query `number`."""
        rng = self._rng(_QUERY, number)
        query = make_query(rng, self._world)
        frames = query_frames(rng, query, self._world)
        batches = [
            embed_views(frames[start : start + _FRAMES_AT_A_TIME], self._descriptor)
            for start in range(0, len(frames), _FRAMES_AT_A_TIME)
        ]
        _, views, frame_of = gathered(batches)
        maps = [best_of_views(views @ matrix.T, frame_of) for matrix in self._matrices]
        nearness = [float(np.sort(one.max(axis=1))[-_BEST_ROWS:].mean()) for one in maps]
        truth, directions = query.truth(), query.directions()
        kept = sorted({*np.argsort(nearness)[-_NEAREST:].tolist(), *truth})
        return [
            DrawnMap(
                maps[reference],
                [list(box) for box in truth.get(reference, [])],
                directions.get(reference, []),
                query.duration_s,
                self._world.references[reference].duration_s,
            )
            for reference in kept
        ]

    def _pictures(self, stream: int, count: int) -> list[NDArray[np.uint8]]:
        return [draw(self._rng(stream, number), PICTURE_SIDE) for number in range(count)]

    def _rng(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, stream, number))


def _write(path: Path, found: list[DrawnMap]) -> None:
    told = [{key: value for key, value in asdict(one).items() if key != "map"} for one in found]
    # float16 keeps three digits, which is more than the maps are worth.
    maps = {f"map{index}": one.map.astype(np.float16) for index, one in enumerate(found)}
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, told=np.array(json.dumps(told)), **maps)
    unfinished.replace(path)


def _read(path: Path) -> Iterator[DrawnMap]:
    with np.load(path) as held:
        for index, told in enumerate(json.loads(str(held["told"]))):
            yield DrawnMap(map=held[f"map{index}"].astype(np.float32), **told)
