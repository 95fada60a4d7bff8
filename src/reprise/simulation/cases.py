"""Cases: similarity maps with their true segments, the same for the same seed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reprise.alignment.aligned import Map
from reprise.errors import SettingsError
from reprise.simulation import noise_maps, vector_maps
from reprise.simulation.plans import make_plan
from reprise.simulation.statistics import VCSL, CopyStatistics

_FAMILIES = {"noise": noise_maps, "vectors": vector_maps}
# How the map is made, and what is planted.
KINDS = tuple(f"{family}_{kind}" for family, maps in _FAMILIES.items() for kind in maps.KINDS)


@dataclass(frozen=True, slots=True)
class Case:
    """A map and its true segments."""

    id: str
    kind: str
    map: Map  # [query frames, reference frames] float32, -1 to 1
    truth: tuple[tuple[float, float, float, float], ...]  # in frames, half-open; see AlignedSegment.box
    speeds: tuple[float, ...] = ()  # of each, reference frames a query frame, above 0
    backwards: tuple[bool, ...] = ()  # of each


def make_case(kind: str, seed: int, number: int, statistics: CopyStatistics = VCSL) -> Case:
    """Case `number` (from 0) of a kind, one of KINDS. Raises SettingsError for another kind."""
    if kind not in KINDS:
        raise SettingsError(f"kind of a simulated map must be one of {', '.join(KINDS)}, not {kind!r}")
    rng = np.random.default_rng((seed, number, zlib.crc32(kind.encode())))
    family, _, planted = kind.partition("_")
    plan = make_plan(rng, planted, statistics)
    cells = noise_maps.noise_map(rng, plan) if family == "noise" else vector_maps.vector_map(rng, plan)
    return Case(
        id=f"{kind}_{seed}_{number}",
        kind=kind,
        map=np.clip(cells, -1, 1).astype(np.float32),
        truth=tuple(segment.box for segment in plan.segments),
        speeds=tuple(segment.speed for segment in plan.segments),
        backwards=tuple(segment.backwards for segment in plan.segments),
    )


def cases(seed: int, per_kind: int, statistics: CopyStatistics = VCSL) -> Iterator[Case]:
    """`per_kind` cases of every kind, kind by kind."""
    for kind in KINDS:
        for number in range(per_kind):
            yield make_case(kind, seed, number, statistics)
