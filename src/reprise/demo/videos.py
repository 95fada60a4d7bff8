"""The demo's videos, what is planted in them, and how well a search found it.

The videos are real photographs set in motion (`scenes`), so the demo needs no download.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reprise.demo.scenes import DEMO_VERSION, LIBRARY, QUERIES, Canvas, Copy, Query
from reprise.errors import ReprisError

Box = Sequence[float]

PLANTED_FILE = "planted.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlantedCopy:
    reference: str  # path below the demo's folder, such as "library/cafe.mp4"
    segment: tuple[float, float, float, float]  # q_start, r_start, q_end, r_end; seconds, half-open


@dataclass(frozen=True, slots=True)
class PlantedQuery:
    edit: str  # what was done to the copies, in words
    copies: tuple[PlantedCopy, ...]  # in the order of the query; empty where nothing is copied


@dataclass(frozen=True, slots=True)
class ComparedCopy:
    """One planted copy beside what was found of it, or one found segment where nothing is planted."""

    query: str
    edit: str
    reference: str | None  # None: nothing planted and, rightly, nothing found
    planted: tuple[float, ...] | None  # None: nothing is copied there
    found: tuple[float, ...] | None  # None: nothing was found there
    overlap: float  # 0 to 1; 1 where planted and found agree exactly, also in that there is nothing


def make_demo_videos(folder: Path) -> dict[str, PlantedQuery]:
    """Writes `library/*.mp4`, `queries/*.mp4` and `planted.json` into `folder`, and gives what is planted.

    Keys are paths below `folder`, such as "queries/flipped.mp4".  A complete set of this version is left
    as it is; other files in the folder stay.  Raises ReprisError where scikit-image is missing.
    """
    planted = planned_queries()
    if _is_complete(folder, planted):
        return planted
    if find_spec("skimage") is None:
        raise ReprisError(
            "the demo's videos are made from scikit-image's photographs, which are not installed: "
            "pip install '.[demo]'"
        )
    from reprise.demo.edits import write_query, write_reference

    canvas = Canvas()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as partial_folder:
        partial = Path(partial_folder)
        (partial / "library").mkdir()
        (partial / "queries").mkdir()
        for name, reference in LIBRARY.items():
            _log.info("making library/%s.mp4", name)
            write_reference(partial / "library" / f"{name}.mp4", reference, canvas)
        for name, query in QUERIES.items():
            _log.info("making queries/%s.mp4", name)
            write_query(partial / "queries" / f"{name}.mp4", query, partial / "library", canvas)
        (partial / PLANTED_FILE).write_text(_to_json(planted), encoding="utf-8")
        for part in ("library", "queries"):
            (folder / part).mkdir(exist_ok=True)
            for video in sorted((partial / part).iterdir()):
                video.replace(folder / part / video.name)
        # last, for its presence says that all the others are there
        (partial / PLANTED_FILE).replace(folder / PLANTED_FILE)
    return planted


def planned_queries() -> dict[str, PlantedQuery]:
    """What `make_demo_videos` plants, in the order of the queries."""
    return {f"queries/{name}.mp4": planted_query(query) for name, query in QUERIES.items()}


def planted_query(query: Query) -> PlantedQuery:
    """Where the copies lie in the query."""
    copies = []
    start_s = 0.0
    for part in query.parts:
        end_s = start_s + part.seconds
        if isinstance(part, Copy):
            # Pictures are at hundredths: what is smaller comes of adding the lengths.
            segment = (round(start_s, 3), float(part.start_s), round(end_s, 3), float(part.end_s))
            copies.append(PlantedCopy(f"library/{part.reference}.mp4", segment))
        start_s = end_s
    return PlantedQuery(query.edit, tuple(copies))


def read_planted(folder: Path) -> dict[str, PlantedQuery]:
    """What `planted.json` in the demo's folder says.  Raises ReprisError where it is missing or not ours."""
    path = folder / PLANTED_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return _from_json(content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ReprisError(f"{path}: not readable as the demo's list of copies; make the videos anew") from error


def compare_with_planted(
    matches_by_query: Mapping[str, Mapping[str, Sequence[Box]]], planted: Mapping[str, PlantedQuery]
) -> list[ComparedCopy]:
    """Every planted copy with the found segment that overlaps it most, then what was found without cause.

    matches_by_query: query to reference to found segments, under the keys of `planted` and its copies.
    Rows follow `planted`; false alarms, which overlap no copy of their pair, end their query's rows.  A
    query without copy and without finding gets one row.
    """
    rows: list[ComparedCopy] = []
    for query, truth in planted.items():
        found = matches_by_query.get(query, {})
        rows += [_best_row(query, truth.edit, copy, found.get(copy.reference, ())) for copy in truth.copies]
        alarms = [
            ComparedCopy(query, truth.edit, reference, None, tuple(segment), 0.0)
            for reference, segments in found.items()
            for segment in segments
            if not any(
                copy.reference == reference and overlap_share(copy.segment, segment) > 0.0 for copy in truth.copies
            )
        ]
        rows += alarms
        if not truth.copies and not alarms:
            rows.append(ComparedCopy(query, truth.edit, None, None, None, 1.0))
    return rows


def overlap_share(first: Box, second: Box) -> float:
    """Intersection over union in seconds, on the axis where it is smaller; 0 to 1."""
    shares = []
    for start, end in ((0, 2), (1, 3)):
        shared = min(first[end], second[end]) - max(first[start], second[start])
        together = max(first[end], second[end]) - min(first[start], second[start])
        shares.append(shared / together if shared > 0.0 else 0.0)
    return min(shares)


def _best_row(query: str, edit: str, copy: PlantedCopy, segments: Sequence[Box]) -> ComparedCopy:
    best = max(segments, key=lambda segment: overlap_share(copy.segment, segment), default=None)
    overlap = 0.0 if best is None else overlap_share(copy.segment, best)
    found = None if best is None or overlap == 0.0 else tuple(best)
    return ComparedCopy(query, edit, copy.reference, copy.segment, found, overlap)


def _is_complete(folder: Path, planted: Mapping[str, PlantedQuery]) -> bool:
    path = folder / PLANTED_FILE
    if not path.is_file() or path.read_bytes() != _to_json(planted).encode():
        return False
    names = [*planted, *(f"library/{name}.mp4" for name in LIBRARY)]
    return all((folder / name).is_file() for name in names)


def _to_json(planted: Mapping[str, PlantedQuery]) -> str:
    content: dict[str, Any] = {"version": DEMO_VERSION}
    for name, query in planted.items():
        copies = [{"reference": copy.reference, "segment": list(copy.segment)} for copy in query.copies]
        content[name] = {"edit": query.edit, "copies": copies}
    return json.dumps(content, indent=2) + "\n"


def _from_json(content: dict[str, Any]) -> dict[str, PlantedQuery]:
    planted = {}
    for name, query in content.items():
        if name == "version":
            continue
        copies = []
        for copy in query["copies"]:
            q_start, r_start, q_end, r_end = map(float, copy["segment"])
            copies.append(PlantedCopy(str(copy["reference"]), (q_start, r_start, q_end, r_end)))
        planted[name] = PlantedQuery(str(query["edit"]), tuple(copies))
    return planted
