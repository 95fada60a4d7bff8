"""Segments as cut lists that editing programs read: OpenTimelineIO, and CMX 3600.

OpenTimelineIO's own CMX 3600 adapter (1.0.0) gives events at another speed a wrong source end (it divides by the
speed), so these lines are written here.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise.errors import MissingExtraError
from reprise.report.files import write_whole
from reprise.segment import QueryResult, Segment

RATE = 25  # frames a second of the time codes
REEL = "AX"  # what editing programs call a source that is a file
EVENTS = 999  # that a list's three digits can number


@dataclass(frozen=True, slots=True)
class Event:
    """A stretch of the query and what it was taken from, in frames at RATE; ends exclusive.

    Of segments that overlap in the query the later one begins where the first ends: a track holds one thing at a
    time.
    """

    reference: str
    segment: Segment
    start: int  # in the query
    end: int
    source_start: int
    source_end: int

    @property
    def speed(self) -> float:
        """Reference seconds a query second, below 0 where it runs backwards."""
        return -self.segment.speed if self.segment.backwards else self.segment.speed


def events_of(result: QueryResult) -> list[Event]:
    """The segments of a query as events, by their place in it."""
    found = [(segment, match.reference) for match in result.matches for segment in match.segments]
    return list(_events(sorted(found, key=lambda pair: (pair[0].query_start_s, pair[0].query_end_s))))


def _events(found: Sequence[tuple[Segment, str]]) -> Iterator[Event]:
    reached = 0
    for segment, reference in found:
        start, end = max(_frames(segment.query_start_s), reached), _frames(segment.query_end_s)
        if end <= start:
            continue
        length = max(1, round((end - start) * segment.speed))
        # What is left of the segment is its end in the query, which backwards is its beginning in the reference.
        source_start = (
            _frames(segment.reference_start_s)
            if segment.backwards
            else max(0, _frames(segment.reference_end_s) - length)
        )
        yield Event(reference, segment, start, end, source_start, source_start + length)
        reached = end


def edl_of(results: Sequence[QueryResult]) -> str:
    """A CMX 3600 edit decision list: one event a segment, source times of the reference, record times of the query.

    Several queries follow each other on the record side, each named in a comment. What runs at another speed has
    an M2 line. Events after the 999th are left out, which a comment says.
    """
    lines = ["TITLE: REPRISE", "FCM: NON-DROP FRAME"]
    number, record = 0, 0
    for result in results:
        lines += ["", f"* QUERY: {result.query} AT {_code(record)}"]
        for event in events_of(result):
            number += 1
            if number <= EVENTS:
                lines += _event_lines(number, event, record)
        record += _frames(result.duration_s)
    if number > EVENTS:
        lines += ["", f"* {number - EVENTS} MORE EVENTS DO NOT FIT INTO THIS LIST"]
    return "\n".join(lines) + "\n"


def _event_lines(number: int, event: Event, record: int) -> list[str]:
    source = _code(event.source_start), _code(event.source_end)
    codes = " ".join([*source, _code(record + event.start), _code(record + event.end)])
    lines = [f"{number:03d}  {REEL:<8} V     C        {codes}"]
    if round(event.speed, 2) != 1:
        lines.append(f"M2   {REEL:<8} {_motion(event.speed)}                {source[0]}")
    name = Path(event.reference).name
    return [*lines, f"* FROM CLIP NAME: {name}", f"* SOURCE FILE: {event.reference}"]


def _motion(speed: float) -> str:
    """A speed in frames a second, as M2 lines have it."""
    return f"{'-' if speed < 0 else ''}{abs(speed) * RATE:05.1f}"


def otio_of(results: Sequence[QueryResult]) -> str:
    """An OpenTimelineIO document: a timeline a query, with a track of it and one of the references cut to it.

    Raises MissingExtraError without the extra `edit`.
    """
    otio = opentimelineio()
    timelines = [_timeline(otio, result) for result in results]
    collection = otio.schema.SerializableCollection(name="Reprise", children=timelines)
    return str(otio.adapters.write_to_string(collection, adapter_name="otio_json"))


def opentimelineio() -> Any:
    """The library. Raises MissingExtraError where it is not installed."""
    try:
        return importlib.import_module("opentimelineio")
    except ImportError as error:
        raise MissingExtraError("--otio needs OpenTimelineIO; pip install '.[edit]'") from error


def _timeline(otio: Any, result: QueryResult) -> Any:
    timeline = otio.schema.Timeline(name=Path(result.query).name)
    length = _frames(result.duration_s)
    whole = otio.schema.Track(name="query", kind=otio.schema.TrackKind.Video)
    whole.append(_clip(otio, result.query, 0, length))
    copied = otio.schema.Track(name="copied from", kind=otio.schema.TrackKind.Video)
    reached = 0
    for event in events_of(result):
        if event.start > reached:
            copied.append(otio.schema.Gap(duration=_time(otio, event.start - reached)))
        copied.append(_copied(otio, event))
        reached = event.end
    if length > reached:
        copied.append(otio.schema.Gap(duration=_time(otio, length - reached)))
    timeline.tracks.extend([whole, copied])
    return timeline


def _copied(otio: Any, event: Event) -> Any:
    clip = _clip(otio, event.reference, event.source_start, event.end - event.start)
    clip.metadata["reprise"] = event.segment.to_json()
    if round(event.speed, 2) != 1:
        # A clip's range has its length on the track; the effect says how much of the source goes into it.
        clip.effects.append(otio.schema.LinearTimeWarp(name="speed", time_scalar=round(event.speed, 3)))
    return clip


def _clip(otio: Any, path: str, start: int, length: int) -> Any:
    return otio.schema.Clip(
        name=Path(path).name,
        media_reference=otio.schema.ExternalReference(target_url=path),
        source_range=otio.opentime.TimeRange(_time(otio, start), _time(otio, length)),
    )


def _time(otio: Any, frames: int) -> Any:
    return otio.opentime.RationalTime(frames, RATE)


def _frames(time_s: float) -> int:
    return round(time_s * RATE)


def _code(frames: int) -> str:
    """Frames as a time code, hh:mm:ss:ff."""
    seconds, frame = divmod(frames, RATE)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frame:02d}"


def write_edl(results: Sequence[QueryResult], path: Path) -> None:
    """Writes `edl_of` the results. Raises ReprisError if the file cannot be written."""
    write_whole(path, edl_of(results))


def write_otio(results: Sequence[QueryResult], path: Path) -> None:
    """Writes `otio_of` the results. Raises as that, and ReprisError if the file cannot be written."""
    write_whole(path, otio_of(results))
