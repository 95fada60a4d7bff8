"""A video that is checked, decoded and embedded once."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

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
    """The video at `path`, whose content hash is known. Raises an InputError if it cannot be used, a ModelError."""
    expected = video_facts(path, limits=settings.limits)
    times_s, matrix, views, frame_of = run(_chain(settings), path)
    video = described(times_s, matrix, expected, content_hash, settings.fps)
    return CheckedVideo(video, EmbeddedQuery(path, views, frame_of, video.duration_s, video.warning))


@functools.cache
def _chain(settings: EmbedSettings) -> Any:
    settings.embedder()  # here, where what is wrong with it is told best
    return check_pipeline(settings)
