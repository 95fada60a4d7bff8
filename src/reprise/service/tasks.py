"""What worker processes do with files that strangers may have made: decode, embed, draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av

from reprise.audio.fingerprint import listened
from reprise.checking.embedding import CheckedVideo
from reprise.checking.embedding import embed_checked as embed_checked_video
from reprise.comparison import compare_with_evidence
from reprise.decoding import guarded
from reprise.decoding.allowed import LOCAL_PROTOCOLS, PICTURE_CODECS, PICTURE_FORMATS
from reprise.decoding.container import check_file
from reprise.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from reprise.decoding.picture import PictureMaker
from reprise.embedding import EmbeddedQuery, EmbeddedVideo
from reprise.embedding import embed_query as embed_query_video
from reprise.embedding import embed_video as embed_reference_video
from reprise.errors import DecodeError, InputError, NotAVideoError, printable
from reprise.evidence import QueryEvidence
from reprise.refinement import KnownFile, VideoPair, refine
from reprise.report.page import match_content
from reprise.report.pictures import THUMBNAIL_SIDE, jpeg
from reprise.segment import Match, QueryResult
from reprise.settings import EmbedSettings, QuerySettings
from reprise.stores.videos import VideoRow

_ANY_DURATION_S = 1e9  # more than any video lasts
PICTURE_PIXELS = 64_000_000
PICTURE_OPTIONS = {
    "protocol_whitelist": LOCAL_PROTOCOLS,
    "format_whitelist": ",".join(PICTURE_FORMATS),
    "codec_whitelist": ",".join(PICTURE_CODECS),
    "max_pixels": str(PICTURE_PIXELS),
}
PICTURE_SIDE = 512  # pixels of the shorter side: more than any network takes


def embed_video(
    path: str, settings: EmbedSettings, known_hash: str | None, max_duration_s: float
) -> EmbeddedVideo | None:
    """The video embedded for the library; None if its content is known. Raises InputError, also if it is too long."""
    _check_length(path, max_duration_s, settings.limits)
    video = embed_reference_video(path, settings, known_hash)
    if video is not None:
        _check_seen(path, video.duration_s, max_duration_s)
    return video


def embed_query(path: str, settings: EmbedSettings, max_duration_s: float) -> EmbeddedQuery:
    """The video embedded to be asked about, with its sound unless the settings leave that alone.

    Raises InputError, also if it is too long.
    """
    _check_length(path, max_duration_s, settings.limits)
    query = embed_query_video(path, settings)
    _check_seen(path, query.duration_s, max_duration_s)
    return query if settings.audio == "no" else replace(query, listened=listened(path, settings.limits))


def embed_checked(path: str, settings: EmbedSettings, content_hash: str, max_duration_s: float) -> CheckedVideo:
    """The video embedded to be checked. Raises InputError, also if it is too long."""
    _check_length(path, max_duration_s, settings.limits)
    checked = embed_checked_video(path, settings, content_hash)
    _check_seen(path, checked.video.duration_s, max_duration_s)
    return checked


def compare(
    paths: tuple[str, str], embedding: EmbedSettings, settings: QuerySettings, max_duration_s: float
) -> QueryEvidence:
    """Two videos against each other. Raises InputError, also if one is too long."""
    for path in paths:
        _check_length(path, max_duration_s, embedding.limits)
    return compare_with_evidence(*paths, embedding=embedding, settings=settings)


def refined(
    result: QueryResult, path: str, references: Sequence[tuple[str, VideoRow] | None], embedding: EmbedSettings
) -> QueryResult:
    """The result with the ends of its segments refined, in its order.

    references: of each match its file, empty where it may not be read, and its row; None where that is gone.
    """
    matches, warnings = [], [result.warning] if result.warning else []
    for match, reference in zip(result.matches, references, strict=True):
        if reference is None or not reference[0]:
            matches.append(match)
            warnings.append(f"{match.reference}: cannot be read here, its segments' ends are not refined")
            continue
        file, row = reference
        known = KnownFile(row.content_hash, row.file_size, row.modified_ns)
        after = refine(match.segments, VideoPair(path, file, result.duration_s, row.duration_s, embedding, known))
        refined_match = Match.of(match.reference, after.segments)
        matches.append(replace(refined_match, audio=match.audio, audio_segments=match.audio_segments))
        warnings += [after.warning] if after.warning else []
    return replace(result, matches=tuple(matches), warning="; ".join(warnings) or None)


def contents(evidence: QueryEvidence, references: Sequence[str]) -> list[dict[str, Any]]:
    """The matches as the page's script reads them; references: the file of each, empty where none may be read."""
    pairs = zip(evidence.matches, references, strict=True)
    return [match_content(match, evidence.path, reference_path=path) for match, path in pairs]


def thumbnail(path: str, time_s: float) -> bytes:
    """The picture on the screen at that time as a JPEG file. Raises InputError."""
    pictures = guarded.sample_span(
        path, limits=DEFAULT_LIMITS, fps=2, start_s=time_s, end_s=time_s + 0.5, size=2 * THUMBNAIL_SIDE, threads=1
    )
    if not pictures:
        raise DecodeError(f"{printable(path)}: no picture at {time_s:.1f} s")
    return jpeg(pictures[0].pixels)


def plain_picture(path: str, into: str) -> None:
    """Writes the picture file again as a JPEG file of moderate size. Raises InputError if it is none."""
    shown = printable(Path(path).name)
    check_file(path)
    try:
        with av.open(f"file:{path}", options=PICTURE_OPTIONS) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                raise NotAVideoError(f"{shown}: is not a picture; give a JPEG, PNG, WebP or GIF file")
            if stream.width * stream.height > PICTURE_PIXELS:
                raise DecodeError(f"{shown}: has {stream.width} x {stream.height} pixels; make it smaller")
            frame = next(container.decode(stream), None)
            if frame is None:
                raise NotAVideoError(f"{shown}: is not a picture; give a JPEG, PNG, WebP or GIF file")
            picture = PictureMaker(PICTURE_SIDE)(frame, stream.sample_aspect_ratio)
    except InputError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise NotAVideoError(f"{shown}: is not a picture; give a JPEG, PNG, WebP or GIF file") from error
    even = picture[: picture.shape[0] // 2 * 2 or 1, : picture.shape[1] // 2 * 2 or 1]
    Path(into).write_bytes(jpeg(even))


def settings_of_worker(settings: EmbedSettings) -> EmbedSettings:
    """The settings for a process that has one core."""
    return replace(settings, threads=1)


TASKS: dict[str, Callable[..., Any]] = {
    task.__name__: task
    for task in (embed_video, embed_query, embed_checked, compare, refined, contents, thumbnail, plain_picture)
}


def _check_length(path: str, max_duration_s: float, limits: DecodeLimits) -> None:
    # What is too long is told below, in the service's own words.
    announced = guarded.video_facts(path, limits=replace(limits, duration_s=_ANY_DURATION_S))
    length_s = announced.duration_s or announced.container_duration_s or 0.0
    _check_seen(path, length_s, max_duration_s)


def _check_seen(path: str, length_s: float, max_duration_s: float) -> None:
    if length_s > max_duration_s:
        raise DecodeError(
            f"{printable(path)}: lasts {length_s:.0f} s and at most {max_duration_s:.0f} s are taken; cut it, or see "
            "--max-duration"
        )
