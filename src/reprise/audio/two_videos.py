"""The sounds of two videos against each other, without a library."""

from __future__ import annotations

from dataclasses import replace

from reprise.audio.fingerprint import fingerprint, listened
from reprise.audio.matching import same_sound
from reprise.audio.votes import Shelf
from reprise.audio.witness import witnessed
from reprise.decoding.limits import DecodeLimits
from reprise.errors import ReprisError, printable
from reprise.segment import QueryResult


def with_sound(result: QueryResult, paths: tuple[str, str], limits: DecodeLimits) -> QueryResult:
    """The result of comparing the videos at `paths`, the second the reference, with what their sound says of it.

    As it was where one of them has no sound, and with a warning where it cannot be heard.
    """
    try:
        codes = fingerprint(paths[1], limits)
    except ReprisError as error:
        return _warned(result, f"the sound was not compared: {error}")
    if not len(codes):
        return result
    sound = listened(paths[0], limits)
    if sound.warning:
        return _warned(result, f"{printable(paths[0])}: {sound.warning}")
    if not sound.heard:
        return result
    reference = printable(paths[1])
    segments = same_sound(Shelf.of([codes]), sound.heard).get(0, [])
    return witnessed(result, {reference: segments} if segments else {}, sound.codes, {reference: codes})


def _warned(result: QueryResult, warning: str) -> QueryResult:
    return replace(result, warning="; ".join(filter(None, [result.warning, warning])))
