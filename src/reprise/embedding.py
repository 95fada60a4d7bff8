"""One video to its matrix, with what the library wants to know of it; in this process or in a worker."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.audio.fingerprint import Listened, fingerprint
from reprise.decoding.container import VideoFacts
from reprise.decoding.guarded import video_facts
from reprise.errors import InputError, ReprisError, printable
from reprise.pooling import pooled
from reprise.running import run
from reprise.scanning import content_hash
from reprise.settings import EmbedSettings

# How much the pictures may fall short of what the file announces before it counts as truncated: a picture track's
# own duration is exact, a container's is its longest track's, and sound often runs on a little.
TRACK_SHORTFALL_S = 2.0
CONTAINER_SHORTFALL_S = 5.0
CONTAINER_SHORTFALL_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class EmbeddedVideo:
    """A decoded and embedded video."""

    times_s: NDArray[np.float64]  # [frames]
    matrix: NDArray[np.float32]  # [frames, dim], rows L2-normalised; or as EmbedSettings.vectors_of says
    duration_s: float
    warning: str  # empty, or what was wrong with the file
    content_hash: str
    width: int = 0  # of its pictures in pixels; 0 where the file does not say
    height: int = 0
    codec: str = ""  # as FFmpeg names it
    sound: NDArray[np.uint32] | None = None  # its fingerprint [codes]; of none, no codes; None where none was asked

    @property
    def pooled(self) -> NDArray[np.float32]:
        """The video-level embedding [dim]: the mean of its frames, L2-normalised."""
        return pooled(self.matrix)


@dataclass(frozen=True, slots=True)
class EmbeddedQuery:
    """A decoded and embedded query video: what the library is asked with, and what the answer tells of it."""

    path: str
    views: NDArray[np.float32]  # [views, dim], frame by frame, rows L2-normalised (see reprise.views)
    frame_of: NDArray[np.int64]  # [views], not falling: the frame that each view is of
    duration_s: float
    warning: str  # empty, or what was wrong with the file
    listened: Listened | None = None  # its sound; None where that was not listened to


@dataclass(frozen=True, slots=True)
class HeardVideo:
    """A video of which nothing but the sound was wanted."""

    sound: NDArray[np.uint32]  # its fingerprint [codes]; no codes where there is none


# None: the content is what the library has already.
Attempt = EmbeddedVideo | HeardVideo | ReprisError | None


def embed_video(path: str, settings: EmbedSettings, known_hash: str | None = None) -> EmbeddedVideo | None:
    """The video at `path`, decoded and embedded; None if its content hash is `known_hash`, with no decoding.

    Raises an InputError if it cannot be used.
    """
    digest = content_hash(path)
    if digest == known_hash:
        return None
    expected = video_facts(path, limits=settings.limits)
    times_s, matrix = run(_chain(settings), path)
    video = described(times_s, matrix, expected, digest, settings.fps)
    return video if settings.audio == "no" else replace(video, sound=_sound_of(path, settings))


def embed_query(path: str, settings: EmbedSettings) -> EmbeddedQuery:
    """The query video at `path`, decoded and embedded. Raises an InputError if it cannot be used."""
    expected = video_facts(path, limits=settings.limits)
    times_s, matrix, views, frame_of = run(_views_chain(settings), path)
    video = described(times_s, matrix, expected, "", settings.fps)
    return EmbeddedQuery(path, views, frame_of, video.duration_s, video.warning)


def attempt(path: str, settings: EmbedSettings, known_hash: str | None = None) -> Attempt:
    """As `embed_video`, with the error returned, not raised: for many videos a failure is one more result."""
    try:
        if settings.audio == "only":
            return HeardVideo(fingerprint(path, settings.limits))
        return embed_video(path, settings, known_hash)
    except ReprisError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever a damaged file brings about must not end the run
        return ReprisError(f"{printable(path)}: unexpected fault ({type(error).__name__}: {error})")


def described(
    times_s: NDArray[np.float64], matrix: NDArray[np.float32], expected: VideoFacts, digest: str, fps: float
) -> EmbeddedVideo:
    """The embedded video with its duration, and a warning if the pictures end before the file says they do."""
    covered_s = float(times_s[-1]) + 1 / fps
    duration_s, warning = covered_s, ""
    if expected.duration_s is not None:
        missing_s = expected.duration_s - covered_s
        truncated = missing_s > TRACK_SHORTFALL_S
        # Some files announce less than they hold: then what was seen counts.
        is_believable = not truncated and expected.duration_s > times_s[-1]
        duration_s = expected.duration_s if is_believable else covered_s
    elif expected.container_duration_s is not None:
        missing_s = expected.container_duration_s - covered_s
        truncated = missing_s > max(CONTAINER_SHORTFALL_S, CONTAINER_SHORTFALL_SHARE * expected.container_duration_s)
        duration_s = min(covered_s, max(expected.container_duration_s, float(times_s[-1])))
    else:
        truncated = False
    if truncated:
        announced_s = expected.duration_s or expected.container_duration_s or 0.0
        warning = f"truncated: its pictures end at {covered_s:.0f} s of {announced_s:.0f} s"
    return EmbeddedVideo(
        times_s, matrix, duration_s, warning, digest, expected.width, expected.height, expected.codec
    )


def _sound_of(path: str, settings: EmbedSettings) -> NDArray[np.uint32]:
    try:
        return fingerprint(path, settings.limits)
    except InputError as error:
        # The failure is remembered: without the second option the file would not be read again.
        raise type(error)(f"{error}; --no-audio --retry-failed ingests its pictures alone") from error


@functools.cache
def _chain(settings: EmbedSettings) -> Any:
    # Here, where what is wrong with it is told best.
    settings.region_embedder() if settings.in_regions else settings.embedder()
    from reprise.pipelines.embed import embed_pipeline  # and Towhee, which a library that is read does not need

    return embed_pipeline(settings)


@functools.cache
def _views_chain(settings: EmbedSettings) -> Any:
    settings.embedder()
    from reprise.pipelines.embed import embed_views_pipeline

    return embed_views_pipeline(settings)
