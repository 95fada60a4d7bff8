"""The ends of segments, located to a fraction of a second by decoding the seconds around them at a higher rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.alignment.ends import OUTSIDE_S, LocalMap, Window, refined, windows
from reprise.decoding.container import check_file
from reprise.decoding.sampling import Picture, sample_span
from reprise.descriptor import shared_descriptor
from reprise.errors import InputError, printable
from reprise.scanning import content_hash
from reprise.segment import Segment
from reprise.settings import EmbedSettings
from reprise.views import best_of_views, embed_views

FPS = 10  # labelled ends were met within 0.2 s as often as with every picture; with 5 a little less often
# An end that moved nearly as far as was looked is looked for once more from there; so many rounds in all.
MAX_ROUNDS = 3
MOVED_FAR_S = OUTSIDE_S - 0.5

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the library remembers of a reference's file."""

    content_hash: str
    file_size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class RefinedSegments:
    """The segments in their order, and what kept some of them from being refined, one line (None: nothing)."""

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
    return RefinedSegments(after, warning)


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
    for _ in range(MAX_ROUNDS):
        before = segment
        around = windows(segment, videos.query_duration_s, videos.reference_duration_s)
        start, end = _local_maps(around, videos)
        segment = refined(
            segment,
            start,
            end,
            query_duration_s=videos.query_duration_s,
            reference_duration_s=videos.reference_duration_s,
        )
        if max(before.query_start_s - segment.query_start_s, segment.query_end_s - before.query_end_s) < MOVED_FAR_S:
            break
    return segment


def _local_maps(around: tuple[Window, Window], videos: VideoPair) -> tuple[LocalMap, LocalMap]:
    start, end = around
    query_spans = (start.query_start_s, start.query_end_s), (end.query_start_s, end.query_end_s)
    reference_spans = (
        (start.reference_start_s, start.reference_end_s),
        (end.reference_start_s, end.reference_end_s),
    )
    if query_spans[0][1] < query_spans[1][0]:
        return (
            _local_map(query_spans[0], reference_spans[0], videos),
            _local_map(query_spans[1], reference_spans[1], videos),
        )
    # A short segment: what lies around both ends is decoded and embedded once.
    whole = _local_map(_joined(*query_spans), _joined(*reference_spans), videos)
    return _part(whole, query_spans[0]), _part(whole, query_spans[1])


def _joined(one: Span, other: Span) -> Span:
    return min(one[0], other[0]), max(one[1], other[1])


def _part(local: LocalMap, query_span: Span) -> LocalMap:
    times_s = local.query_times_s
    rows = (times_s >= _on_grid(query_span[0])) & (times_s < query_span[1])
    return LocalMap(local.similarity[rows], times_s[rows], local.reference_times_s)


def _local_map(query_span: Span, reference_span: Span, videos: VideoPair) -> LocalMap:
    embedding = videos.embedding
    describe = shared_descriptor(embedding.device)
    query = _pictures(videos.query, query_span, embedding.query_picture_size, embedding.threads)
    frames = embed_views([picture.pixels for picture in query], describe)
    frame_of = np.repeat(np.arange(len(frames)), [len(views) for views in frames])
    reference = _pictures(videos.reference, reference_span, embedding.picture_size, embedding.threads)
    matrix = describe([picture.pixels for picture in reference])
    return LocalMap(best_of_views(np.concatenate(frames) @ matrix.T, frame_of), _times_s(query), _times_s(reference))


def _pictures(path: str, span: Span, size: tuple[int, int], threads: int) -> list[Picture]:
    start_s = _on_grid(span[0])
    return sample_span(
        path, fps=FPS, start_s=start_s, end_s=max(span[1], start_s + 1 / FPS), size=size, threads=threads
    )


def _times_s(pictures: Sequence[Picture]) -> NDArray[np.float64]:
    return np.array([picture.time_s for picture in pictures])


def _on_grid(time_s: float) -> float:
    return math.floor(time_s * FPS) / FPS
