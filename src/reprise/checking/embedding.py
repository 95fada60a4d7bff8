"""A video that is checked, decoded and embedded once."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

from reprise.audio.fingerprint import listened
from reprise.decoding.guarded import video_facts
from reprise.embedding import EmbeddedQuery, EmbeddedVideo, described
from reprise.pipelines.check import check_pipeline
from reprise.running import run
from reprise.settings import EmbedSettings


@dataclass(frozen=True, slots=True)
class CheckedVideo:
    """What the library is asked with, and what it stores if the video turns out to be new."""

    video: EmbeddedVideo
    query: EmbeddedQuery


def embed_checked(path: str, settings: EmbedSettings, content_hash: str) -> CheckedVideo:
    """The video at `path`, whose content hash is known, with its sound unless the settings leave that alone.

    Raises an InputError if it cannot be used, a ModelError. A sound that cannot be heard is a warning of the query.
    """
    expected = video_facts(path, limits=settings.limits)
    times_s, matrix, views, frame_of = run(_chain(settings), path)
    video = described(times_s, matrix, expected, content_hash, settings.fps)
    query = EmbeddedQuery(path, views, frame_of, video.duration_s, video.warning)
    if settings.audio == "no":
        return CheckedVideo(video, query)
    sound = listened(path, settings.limits)
    codes = None if sound.warning else sound.codes
    return CheckedVideo(replace(video, sound=codes), replace(query, listened=sound))


@functools.cache
def _chain(settings: EmbedSettings) -> Any:
    settings.embedder()  # here, where what is wrong with it is told best
    return check_pipeline(settings)
