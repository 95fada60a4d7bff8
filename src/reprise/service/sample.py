"""The four routes of AWS' public sample "video similarity using serverless", so that its clients can move here.

The shapes are those of its documentation. Where its code answers otherwise (vectors as a list under `result`), both
are given. Scores are its own measure: the mean over the first video's frames of the best cosine in the second.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from reprise.errors import ReprisError
from reprise.service import answers
from reprise.service.answers import responses
from reprise.service.api import Serving, got
from reprise.service.jobs import Job, Source
from reprise.service.receiving import received
from reprise.service.refusals import RefusedError
from reprise.service.service import Service

router = APIRouter(tags=["sample"])
ERRORS = responses(404, 409, 413, 415, 422, 429)


@router.post("/get_video_vector", responses=ERRORS)
async def get_video_vector(service: Serving, asked: answers.VideoUrl) -> answers.VectorsAnswer:
    """The vectors of a video's frames, one a second."""
    return answers.VectorsAnswer.model_validate(await _done(service, "vectors", asked.video_url))


@router.post("/insert_video_vector", responses=ERRORS)
async def insert_video_vector(service: Serving, asked: answers.VideoUrl) -> answers.InsertedAnswer:
    """Puts a video into the library; how many frames it has there."""
    told = await _done(service, "ingest", asked.video_url, tags=[f"video_url:{asked.video_url}"])
    paths = {video["path"] for video in told["videos"]}
    rows = await got(service.shelf.rows())
    return answers.InsertedAnswer(result=sum(row.frame_count for row in rows if row.path in paths))


@router.post("/search_similarity_videos", responses=ERRORS)
async def search_similarity_videos(service: Serving, asked: answers.VideoUrlAndSize) -> answers.SimilarAnswer:
    """The videos of the library that are most like a video."""
    return await _similar(service, asked.video_url, asked.size)


@router.get("/search_similarity_videos", responses=ERRORS)
async def get_search_similarity_videos(
    request: Request,
    service: Serving,
    video_url: Annotated[str | None, Query(min_length=1, max_length=4096)] = None,
    size: Annotated[int, Query(ge=1, le=answers.MOST)] = 10,
) -> answers.SimilarAnswer:
    """As the POST, with parameters in the address or, as the sample's documentation has it, JSON in the body."""
    if video_url is not None:
        return await _similar(service, video_url, size)
    form = await received(request, service.places, files=(), max_bytes=0)
    asked = form.options(answers.VideoUrlAndSize)
    return await _similar(service, asked.video_url, asked.size)


@router.post("/video_similarity", responses=ERRORS)
async def video_similarity(service: Serving, asked: answers.TwoVideoUrls) -> answers.ScoreAnswer:
    """How like the second video the first is."""
    return answers.ScoreAnswer.model_validate(
        await _done(service, "similarity", asked.video_url_1, asked.video_url_2)
    )


async def _similar(service: Service, video_url: str, size: int) -> answers.SimilarAnswer:
    return answers.SimilarAnswer.model_validate(await _done(service, "likeness", video_url, size=size))


async def _done(service: Service, kind: str, *named: str, **options: Any) -> dict[str, Any]:
    """What a job gives, waited for: the sample's clients know no jobs. Raises RefusedError."""
    sources: list[Source] = [service.source(name) for name in named]
    if kind == "ingest" and sources[0].kind == "url":
        options = {}  # its own tag is set where it is fetched
    with service.jobs.place():
        job = service.jobs.submit(Job(kind, sources, options))
    try:
        result: dict[str, Any] = await asyncio.shield(asyncio.wrap_future(job.over))
    except RefusedError:
        raise
    except ReprisError as error:
        raise RefusedError(422, str(error)) from error
    return result
