"""What an export is: a folder with the facts, a manifest of the videos, and the matrices in one of three layouts.

export.json    an object: format (1), layout, model, dimension, fps, videos (how many), frames (how many)
videos.jsonl   one object a line, one line a video: what the library knows of it, and "file", where its matrix is

npz       matrices/<id>.npz, each with `matrix` [frames, dim] float32 and `times_s` [frames] float64
parquet   frames.parquet, one row a frame: video_id, frame_index, time_s, embedding; a video's rows are together
vcsl      <id>.npy [frames, dim] float32 beside the manifest, as VCSL's programs and `reprise benchmark vcsl` read it

Rows of a matrix are L2-normalised; frame i is the picture on the screen at i / fps seconds.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, cast

from reprise.errors import ReprisError, printable
from reprise.stores.frames import LibraryFacts
from reprise.stores.videos import VideoRow

LAYOUTS = ("npz", "parquet", "vcsl")
FORMAT = 1
FACTS_NAME, MANIFEST_NAME = "export.json", "videos.jsonl"
MATRICES_NAME, FRAMES_NAME = "matrices", "frames.parquet"

_ID = re.compile(r"[0-9a-f]{32}")
_KINDS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "list[str]": (list,)}


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """What an export is made of."""

    layout: str
    model: str
    dimension: int
    fps: float
    videos: int
    frames: int

    def to_json(self) -> dict[str, Any]:
        """The object in `export.json`."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def of_json(cls, told: Any, shown: str) -> ExportFacts:
        """From that object. Raises ReprisError for another one."""
        known = cast(dict[str, Any], told if isinstance(told, dict) else {})
        values = {field.name: known.get(field.name) for field in fields(cls)}
        if not all(isinstance(values[field.name], _KINDS[str(field.type)]) for field in fields(cls)):
            raise ReprisError(f"{shown}: not the {FACTS_NAME} of an export")
        if known.get("format") != FORMAT or values["layout"] not in LAYOUTS:
            raise ReprisError(f"{shown}: made by a later version of Reprise; import it with that")
        return cls(**cast(dict[str, Any], values))

    @property
    def of_library(self) -> LibraryFacts:
        """The facts of a library that these videos can be in."""
        return LibraryFacts(self.model, self.dimension, float(self.fps))


def entry_of(row: VideoRow, file: str) -> dict[str, Any]:
    """The line of the manifest for a video."""
    return {**asdict(row), "file": file}


def row_of(entry: Any, shown: str) -> VideoRow:
    """The video of a line of the manifest; what it does not say is as where nothing is known.

    Raises ReprisError where it is none.
    """
    values: dict[str, Any] = {}
    for field in fields(VideoRow):
        if not isinstance(entry, dict) or (field.name not in entry and field.default is MISSING):
            raise ReprisError(f"{shown}: {field.name} is missing")
        if field.name in entry:
            value = entry[field.name]
            if not isinstance(value, _KINDS[str(field.type)]):
                raise ReprisError(f"{shown}: {field.name} cannot be {value!r}")
            values[field.name] = value
    if not _ID.fullmatch(values["id"]) or not all(isinstance(tag, str) for tag in values["tags"]):
        raise ReprisError(f"{shown}: its id must be 32 hexadecimal digits and its tags texts")
    return VideoRow(**{**values, "path": printable(values["path"])})
