"""The ends of segments, located to a fraction of a second by decoding the seconds around them at a higher rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.alignment.ends import OUTSIDE_S, LocalMap, Window, refined, windows, without_repeats
from reprise.decoding.container import check_file
from reprise.decoding.guarded import sample_span
from reprise.decoding.picture import Size
from reprise.decoding.sampling import Picture
from reprise.errors import InputError, printable
from reprise.scanning import content_hash
from reprise.segment import Segment
from reprise.settings import EmbedSettings
from reprise.views import best_of_views, embed_views

FPS = 10  # labelled ends were met within 0.2 s as often as with every picture; with 5 a little less often
# An end that moved nearly as far as was looked is looked for once more from there; so many rounds in all.
MAX_ROUNDS = 3
MOVED_FAR_S = OUTSIDE_S - 0.5


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the library remembers of a reference's file."""

    content_hash: str
    file_size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class RefinedSegments:
    """The segments in their order, and what kept some from being refined, one line (None: nothing)."""

    segments: list[Segment]
    warning: str | None


@dataclass(frozen=True, slots=True)
class VideoPair:
    """Two video files that segments were found in, with their durations and how they were embedded."""

    query: str
    reference: str
    query_duration_s: float
    reference_duration_s: float
    embedding: EmbedSettings  # its rate does not matter here
    known: KnownFile | None = None  # None: the reference is what it was


def refine(segments: Sequence[Segment], videos: VideoPair) -> RefinedSegments:
    """The segments with their ends located to about 0.1 s where the pictures show them; see `alignment.ends`.

    Those that turn out to be a part of another one are left out.

    Where the reference is gone, is not what it was when the library took it in, or either video cannot be decoded,
    a segment stays as it is, with a warning.
    """
    after: list[Segment] = []
    warning: str | None = None
    try:
        _check_unchanged(videos)
    except InputError as error:
        return RefinedSegments(list(segments), _warning(error))
    for segment in segments:
        try:
            after.append(_refined(segment, videos))
        except InputError as error:
            warning = warning or _warning(error)
            after.append(segment)
    return RefinedSegments(without_repeats(after), warning)


def _warning(error: InputError) -> str:
    return f"{error} (ends of segments not refined)"


def _check_unchanged(videos: VideoPair) -> None:
    status = check_file(videos.reference)
    known = videos.known
    if known is None or (status.st_size, status.st_mtime_ns) == (known.file_size, known.modified_ns):
        return
    if status.st_size != known.file_size or content_hash(videos.reference) != known.content_hash:
        raise InputError(f"{printable(videos.reference)}: the file was changed after its ingest; ingest it again")


def _refined(segment: Segment, videos: VideoPair) -> Segment:
    durations = {
        "query_duration_s": videos.query_duration_s,
        "reference_duration_s": videos.reference_duration_s,
    }
    around = windows(segment, **durations)
    start, end = _local_maps(around, videos)
    for _ in range(MAX_ROUNDS):
        before, segment = segment, refined(segment, start, end, **durations)
        start_moved = before.query_start_s - segment.query_start_s > MOVED_FAR_S
        end_moved = segment.query_end_s - before.query_end_s > MOVED_FAR_S
        if not (start_moved or end_moved):
            break
        around = windows(segment, **durations)
        start = _local_map(around[0], videos) if start_moved else start
        end = _local_map(around[1], videos) if end_moved else end
    return segment


def _local_maps(around: tuple[Window, Window], videos: VideoPair) -> tuple[LocalMap, LocalMap]:
    start, end = around
    if start.query_end_s < end.query_start_s:
        return _local_map(start, videos), _local_map(end, videos)
    # A short segment: what lies around both ends is decoded and embedded once.
    whole = _local_map(
        Window(
            start.query_start_s,
            end.query_end_s,
            min(start.reference_start_s, end.reference_start_s),
            max(start.reference_end_s, end.reference_end_s),
        ),
        videos,
    )
    return _part(whole, start), _part(whole, end)


def _part(local: LocalMap, window: Window) -> LocalMap:
    times_s = local.query_times_s
    rows = (times_s >= _on_grid(window.query_start_s)) & (times_s < window.query_end_s)
    return LocalMap(local.similarity[rows], times_s[rows], local.reference_times_s)


def _local_map(window: Window, videos: VideoPair) -> LocalMap:
    embedding = videos.embedding
    describe = embedding.embedder()
    query = _pictures(videos.query, window.query_start_s, window.query_end_s, embedding.query_picture_size, embedding)
    widen = embedding.network.sees_widened
    frames = embed_views([picture.pixels for picture in query], describe, widen=widen)
    frame_of = np.repeat(np.arange(len(frames)), [len(views) for views in frames])
    reference = _pictures(
        videos.reference,
        window.reference_start_s,
        window.reference_end_s,
        embedding.picture_size,
        embedding,
    )
    matrix = describe([picture.pixels for picture in reference])
    similarity = best_of_views(np.concatenate(frames) @ matrix.T, frame_of)
    return LocalMap(similarity, _times_s(query), _times_s(reference))


def _pictures(path: str, start_s: float, end_s: float, size: Size, embedding: EmbedSettings) -> list[Picture]:
    first_s = _on_grid(start_s)
    return sample_span(
        path,
        limits=embedding.limits,
        fps=FPS,
        start_s=first_s,
        end_s=max(end_s, first_s + 1 / FPS),
        size=size,
        threads=embedding.threads,
    )


def _times_s(pictures: Sequence[Picture]) -> NDArray[np.float64]:
    return np.array([picture.time_s for picture in pictures])


def _on_grid(time_s: float) -> float:
    return math.floor(time_s * FPS) / FPS
