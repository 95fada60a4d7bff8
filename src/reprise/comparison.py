"""Two videos against each other, without a library."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import partial

import numpy as np

from reprise.alignment.aligned import AlignedSegment
from reprise.alignment.aligners import aligner, parameters_of
from reprise.audio.two_videos import with_sound
from reprise.chamfer import self_similarity
from reprise.decoding.guarded import video_facts
from reprise.embedding import EmbeddedVideo, described, embed_video
from reprise.errors import SettingsError, printable
from reprise.evidence import MapForEyes, MatchEvidence, QueryEvidence, made_smaller, similarity_for_eyes
from reprise.models.loading import load_any
from reprise.pipelines.compare import compare_pipeline
from reprise.pipelines.embed import embed_views_pipeline
from reprise.refinement import VideoPair, refine
from reprise.repeats import repeats
from reprise.running import run
from reprise.scanning import is_same_file
from reprise.segment import Match, QueryResult, segments_of
from reprise.settings import EmbedSettings, QuerySettings
from reprise.video_similarity import Comparison, Floats, PlainComparison, similarity_of
from reprise.views import best_of_views

MIN_APART_S = 2.0  # what comes again sooner is the same moment


@dataclass(frozen=True, slots=True)
class _Compared:
    query: EmbeddedVideo
    reference: EmbeddedVideo
    aligned: list[AlignedSegment]
    similarity: float
    map: MapForEyes


def compare(
    query: str | os.PathLike[str],
    reference: str | os.PathLike[str],
    *,
    embedding: EmbedSettings | None = None,
    settings: QuerySettings | None = None,
) -> QueryResult:
    """The segments of the video `query` that are copied from the video `reference`: one match, or none.

    A video against itself, or against another file of the same bytes, gives what comes in it again (`repeats` of the
    result is true): see `reprise.repeats`.

    `similarity` of the result is that of the videos as wholes: see `reprise.video_similarity.PlainComparison`, or the
    network's own score where it has one (ViSiL). Frames of one colour in the query are left out of it, except by
    regions.

    What the two sound like is compared too, where both have sound and unless the settings leave it alone: see
    `reprise.audio.witness`.

    Raises an InputError naming the video that cannot be used, and SettingsError for settings that do not go together.
    """
    return compare_with_evidence(query, reference, embedding=embedding, settings=settings).result


def compare_with_evidence(
    query: str | os.PathLike[str],
    reference: str | os.PathLike[str],
    *,
    embedding: EmbedSettings | None = None,
    settings: QuerySettings | None = None,
) -> QueryEvidence:
    """As `compare`, with the similarity map."""
    embedding, settings = embedding or EmbedSettings(), settings or QuerySettings()
    if embedding.vectors_of == "video":
        raise SettingsError("segments are found between frames; give vectors_of frames or regions")
    if embedding.in_regions and settings.refine:
        raise SettingsError("ends are refined with one vector a frame; leave out --refine, or ViSiL and --regions")
    paths = os.fspath(query), os.fspath(reference)
    is_one = is_same_file(*paths)
    if embedding.in_regions:
        compared = _by_regions(paths, embedding, settings, is_one=is_one)
    else:
        compared = _repeated(paths[0], embedding, settings) if is_one else _by_frames(paths, embedding, settings)
    asked, held = compared.query, compared.reference
    segments = segments_of(
        compared.aligned,
        fps=embedding.fps,
        query_duration_s=asked.duration_s,
        reference_duration_s=held.duration_s,
    )
    warnings = [f"{printable(p)}: {v.warning}" for p, v in zip(paths, (asked, held), strict=True) if v.warning]
    if settings.refine and segments:
        after = refine(segments, VideoPair(*paths, asked.duration_s, held.duration_s, embedding))
        segments = [one for one in after.segments if not is_one or one.reference_start_s - one.query_start_s >= 1]
        warnings += [after.warning] if after.warning else []
    result = QueryResult(
        printable(query),
        asked.duration_s,
        (Match.of(printable(reference), segments),) if segments else (),
        "; ".join(warnings) or None,
        compared.similarity,
        repeats=is_one,
    )
    if settings.audio and not is_one:
        result = with_sound(result, paths, embedding.limits)
    evidence = [MatchEvidence(match, held.duration_s, compared.map, embedding.fps) for match in result.matches]
    return QueryEvidence(result, paths[0], tuple(evidence))


def comparison_of(embedding: EmbedSettings) -> Comparison:
    """How videos embedded with these settings are compared. Raises a ModelError or SettingsError."""
    known = embedding.network
    if known.regions > 1:
        own: Comparison = load_any(known, weights=embedding.weights, device=embedding.device)
        return own
    return PlainComparison()


def _by_frames(paths: tuple[str, str], embedding: EmbedSettings, settings: QuerySettings) -> _Compared:
    embedding.embedder()  # here, where what is wrong with it is told best
    expected = [video_facts(path, limits=embedding.limits) for path in paths]
    query_times_s, query, views, frame_of, reference_times_s, reference, aligned = run(
        compare_pipeline(embedding, settings), *paths
    )
    return _Compared(
        described(query_times_s, query, expected[0], "", embedding.fps),
        described(reference_times_s, reference, expected[1], "", embedding.fps),
        aligned,
        similarity_of(query, reference, PlainComparison()),
        similarity_for_eyes(views, frame_of, reference),
    )


def _repeated(path: str, embedding: EmbedSettings, settings: QuerySettings) -> _Compared:
    """A video against itself."""
    embedding.embedder()
    expected = video_facts(path, limits=embedding.limits)
    times_s, matrix, views, frame_of = run(embed_views_pipeline(embedding), path)
    video = described(times_s, matrix, expected, "", embedding.fps)
    similarity = best_of_views(views @ matrix.T, frame_of)
    return _Compared(
        video,
        video,
        _repeats(similarity, settings, embedding.fps),
        similarity_of(matrix, matrix, PlainComparison()),
        similarity_for_eyes(views, frame_of, matrix),
    )


def _repeats(similarity: Floats, settings: QuerySettings, fps: float) -> list[AlignedSegment]:
    align = partial(_aligned, settings=settings, fps=fps)
    return repeats(similarity, align, min_apart=max(2, round(MIN_APART_S * fps)))


def _by_regions(
    paths: tuple[str, str], embedding: EmbedSettings, settings: QuerySettings, *, is_one: bool
) -> _Compared:
    videos = [embed_video(path, embedding) for path in paths]
    query, reference = (video for video in videos if video is not None)
    comparison = comparison_of(embedding)
    similarity = comparison.frame_similarity(query.matrix, reference.matrix)
    # Aligners weigh similarities as cosines, 1 for equal frames; ViSiL's attention leaves regions shorter than that.
    own = [float(self_similarity(video.matrix).mean()) for video in (query, reference)]
    as_cosines = similarity / np.float32(max(math.sqrt(own[0] * own[1]), 1e-6))
    shown = made_smaller(as_cosines)
    aligned = (_repeats if is_one else _aligned)(as_cosines, settings, embedding.fps)
    return _Compared(query, reference, aligned, comparison.score(similarity), shown)


def _aligned(similarity: Floats, settings: QuerySettings, fps: float) -> list[AlignedSegment]:
    parameters = settings.aligner_parameters(fps)
    if "min_score" in parameters_of(settings.aligner):
        parameters["min_score"] = settings.least_score
    found = aligner(settings.aligner, **parameters)(similarity)
    return [segment for segment in found if segment.score >= settings.least_score]
