"""One HTML page of what queries found, that needs nothing but a browser."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

from reprise.errors import InputError, ReprisError, printable
from reprise.evidence import MatchEvidence, QueryEvidence
from reprise.report.clips import cut_pair
from reprise.report.files import write_whole
from reprise.report.pictures import data_uri, grey_png, thumbnails
from reprise.segment import QueryResult, Segment

PAGE_NAME = "report.html"
CLIPS_NAME = "clips"
PAIRS = 4  # of thumbnails a segment
STATIC = "reprise.report.static"


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What was asked, for the head of the page."""

    library: str  # empty where two videos were compared
    model: str
    fps: float
    failures: tuple[str, ...] = ()  # one line for every video that could not be asked about


def write_report(
    folder: Path, queries: Sequence[QueryEvidence], facts: ReportFacts, *, with_clips: bool = False
) -> list[str]:
    """Writes `report.html` into the folder, which is made if need be, and with clips `clips/*.mp4` beside it.

    The page holds thumbnails and similarity maps in itself; without clips it links to the videos where they lie.
    Returns one line for every clip that could not be cut. Raises ReprisError if the folder cannot be written.
    """
    warnings: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if with_clips:
            (folder / CLIPS_NAME).mkdir(exist_ok=True)
        content = {
            "program": f"Reprise {version('reprise')}",
            "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "library": facts.library,
            "model": facts.model,
            "fps": facts.fps,
            "failures": list(facts.failures),
            "queries": [
                _query(evidence, folder if with_clips else None, f"{number:03d}", warnings)
                for number, evidence in enumerate(queries, 1)
            ],
        }
        write_whole(folder / PAGE_NAME, page_of(content))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ReprisError(f"{printable(folder)}: the report cannot be written ({reason})") from error
    return warnings


def page_of(content: dict[str, Any], name: str = "report") -> str:
    """The page `name` ("report" or "dedupe") that shows `content`, as text."""
    files = resources.files(STATIC)
    page = (files / f"{name}.html").read_text(encoding="utf-8")
    scripts = ["report.js"] if name == "report" else ["report.js", f"{name}.js"]
    # Inside a script element only "</" and "<!--" would be read as HTML.
    inline = json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")
    for mark, text in (
        ("/*STYLE*/", (files / "report.css").read_text(encoding="utf-8")),
        ("/*SCRIPT*/", "".join((files / script).read_text(encoding="utf-8") for script in scripts)),
        ("/*CONTENT*/", inline),
    ):
        head, _, tail = page.partition(mark)
        page = head + text + tail
    return page


def _query(evidence: QueryEvidence, folder: Path | None, name: str, warnings: list[str]) -> dict[str, Any]:
    result = evidence.result
    shown = {
        "path": result.query,
        "url": file_url(evidence.path),
        "duration": round(result.duration_s, 3),
        "warning": result.warning or "",
        "audio_matches": audio_content(result),
    }
    return shown | {
        "matches": [
            match_content(match, evidence.path, folder=folder, name=f"{name}-{number:03d}", warnings=warnings)
            for number, match in enumerate(evidence.matches, 1)
        ]
    }


def audio_content(result: QueryResult) -> list[dict[str, Any]]:
    """What sounds the same under other pictures, as the page's script reads it."""
    return [
        {"reference": match.reference, "segments": [segment.to_json() for segment in match.segments]}
        for match in result.audio_matches or ()
    ]


def match_content(
    evidence: MatchEvidence,
    query_path: str,
    *,
    reference_path: str | None = None,
    folder: Path | None = None,
    name: str = "",
    warnings: list[str] | None = None,
    with_pictures: bool = True,
) -> dict[str, Any]:
    """A match as the page's script reads it, with thumbnails, its map and, into `folder`, clips.

    `reference_path` is where the reference lies, if not where it was ingested from; empty for nowhere.
    """
    match = evidence.match
    reference_path = match.reference if reference_path is None else reference_path
    content: dict[str, Any] = {
        "reference": match.reference,
        "url": file_url(reference_path),
        "duration": round(evidence.reference_duration_s, 3),
        "score": round(match.score, 4),
        "segments": [],
    }
    if match.audio is not None:
        content["audio"] = match.audio
        content["audio_segments"] = [segment.to_json() for segment in match.audio_segments]
    if evidence.map.cells.size:
        content["map"] = {
            "image": data_uri("image/png", grey_png(evidence.map.cells)),
            "query": evidence.query_span_s,
            "reference": evidence.reference_span_s,
        }
    for number, segment in enumerate(match.segments, 1):
        shown = segment.to_json() | {"pairs": _pairs(segment, query_path, reference_path) if with_pictures else []}
        if folder is not None:
            try:
                clips = cut_pair(query_path, reference_path, segment, folder / CLIPS_NAME, f"{name}-{number:02d}")
                shown["clips"] = [f"{CLIPS_NAME}/{clip}" for clip in clips]
            except InputError as error:
                if warnings is not None:
                    warnings.append(str(error))
        content["segments"].append(shown)
    return content


def _pairs(segment: Segment, query_path: str, reference_path: str) -> list[dict[str, Any]]:
    """Times of the query and of the reference that show the same, with their pictures."""
    length_s = segment.query_end_s - segment.query_start_s
    reference_s = segment.reference_end_s - segment.reference_start_s
    shares = [(k + 0.5) / PAIRS for k in range(PAIRS)]
    query_times_s = [segment.query_start_s + share * length_s for share in shares]
    turned = [1 - share if segment.backwards else share for share in shares]
    reference_times_s = [segment.reference_start_s + share * reference_s for share in turned]
    pictures = zip(thumbnails(query_path, query_times_s), thumbnails(reference_path, reference_times_s), strict=True)
    return [
        {"times": [round(q, 2), round(r, 2)], "pictures": list(pair)}
        for q, r, pair in zip(query_times_s, reference_times_s, pictures, strict=True)
    ]


def file_url(path: str) -> str:
    """The file as an address, empty if it is not there."""
    file = Path(path)
    return file.resolve().as_uri() if path and file.is_file() else ""
