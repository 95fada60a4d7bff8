"""The service's own routes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import asdict
from mimetypes import guess_type
from pathlib import PurePath
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath
from starlette.responses import FileResponse

from reprise.checking.settings import CheckSettings
from reprise.errors import printable
from reprise.service import answers, searching
from reprise.service.answers import body, responses
from reprise.service.jobs import Job, Source
from reprise.service.receiving import Received, received
from reprise.service.refusals import RefusedError
from reprise.service.service import Service
from reprise.service.views import Views
from reprise.settings import QuerySettings
from reprise.stores.videos import VideoRow

LONGEST_WAIT_S = 30.0
LOOK_EVERY_S = 0.5
PICTURE_BYTES = 50 << 20
HOLDS_NO_SCRIPT = {"content-security-policy": "default-src 'none'; media-src 'self'; sandbox"}

T = TypeVar("T")

router = APIRouter(prefix="/api")


def service_of(request: Request) -> Service:
    """The service that the application runs."""
    service: Service = request.app.state.service
    return service


def views_of(request: Request) -> Views:
    """What draws pictures for it."""
    views: Views = request.app.state.views
    return views


Serving = Annotated[Service, Depends(service_of)]
Id = Annotated[str, InPath(pattern="^[0-9a-f]{32}$")]


async def got(future: Future[T]) -> T:
    """What another thread gives."""
    return await asyncio.wrap_future(future)


@router.post(
    "/ingest",
    status_code=202,
    responses=responses(404, 409, 413, 415, 422, 429),
    openapi_extra=body(answers.IngestOptions, "file"),
)
async def ingest(request: Request, response: Response, service: Serving) -> answers.JobAnswer:
    """Puts an uploaded video, or a file or folder under a root, into the library."""
    async with _received(request, service, "file", keep=True) as form:
        fields = form.fields
        if isinstance(fields.get("tags"), str):
            fields["tags"] = [fields["tags"]]
        options = form.options(answers.IngestOptions)
        source = _source(service, form, "file", options.path)
        job = service.jobs.submit(Job("ingest", [source], {"tags": [printable(tag) for tag in options.tags]}))
        form.files.clear()
    return _accepted(response, job)


@router.post(
    "/query",
    status_code=202,
    responses=responses(404, 413, 415, 422, 429),
    openapi_extra=body(answers.QueryOptions, "file"),
)
async def query(request: Request, response: Response, service: Serving) -> answers.JobAnswer:
    """Asks which seconds of a video are copied from the library: a job, whose result is that of `query --json`."""
    async with _received(request, service, "file") as form:
        options = form.options(answers.QueryOptions)
        source = _source(service, form, "file", options.path)
        settings = QuerySettings(
            options.top_k, options.aligner, min_score=options.min_score, refine=options.refine, audio=options.audio
        )
        job = service.jobs.submit(
            Job("query", [source], {"settings": asdict(settings), "evidence": options.evidence})
        )
        form.files.clear()
    return _accepted(response, job)


@router.post(
    "/check",
    status_code=202,
    responses=responses(404, 413, 415, 422, 429),
    openapi_extra=body(answers.CheckOptions, "file"),
)
async def check(request: Request, response: Response, service: Serving) -> answers.JobAnswer:
    """Asks whether a video is new to the library: a job, whose result is that of `check --json`."""
    async with _received(request, service, "file") as form:
        options = form.options(answers.CheckOptions)
        source = _source(service, form, "file", options.path)
        settings = CheckSettings(options.most, options.top_k, options.aligner, options.min_score, options.audio)
        job = service.jobs.submit(Job("check", [source], {"settings": asdict(settings)}))
        form.files.clear()
    return _accepted(response, job)


@router.post(
    "/compare",
    status_code=202,
    responses=responses(404, 413, 415, 422, 429),
    openapi_extra=body(answers.CompareOptions, "a", "b"),
)
async def compare(request: Request, response: Response, service: Serving) -> answers.JobAnswer:
    """Asks which seconds of video `a` are copied from video `b`, without the library."""
    async with _received(request, service, "a", "b") as form:
        options = form.options(answers.CompareOptions)
        sources = [_source(service, form, "a", options.a), _source(service, form, "b", options.b)]
        settings = QuerySettings(
            aligner=options.aligner, min_score=options.min_score, refine=options.refine, audio=options.audio
        )
        job = service.jobs.submit(
            Job("compare", sources, {"settings": asdict(settings), "evidence": options.evidence})
        )
        form.files.clear()
    return _accepted(response, job)


@router.get("/jobs", responses=responses(422))
async def jobs(service: Serving) -> answers.JobsAnswer:
    """The jobs that wait, run, or are over."""
    return answers.JobsAnswer.model_validate({"jobs": [job.to_json() for job in service.jobs.all()]})


@router.get("/jobs/{job_id}", responses=responses(404, 422))
async def job(
    service: Serving,
    job_id: Id,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait for its end.")] = 0,
) -> answers.JobWithResult:
    """A job with its progress and, once it is done, its result."""
    found = service.jobs.get(job_id)
    over = asyncio.wrap_future(_ended(found))
    until_s = time.monotonic() + wait
    # Not for longer than it takes to see that the service is to end.
    while not over.done() and not service.jobs.is_ending and (left_s := until_s - time.monotonic()) > 0:
        await asyncio.wait([over], timeout=min(left_s, LOOK_EVERY_S))
    result = await asyncio.to_thread(service.jobs.result, found)
    return answers.JobWithResult.model_validate(found.to_json() | {"result": result})


@router.post(
    "/search", responses=responses(404, 409, 413, 415, 422, 429), openapi_extra=body(answers.SearchOptions, "image")
)
async def search(request: Request, service: Serving) -> answers.HitsAnswer:
    """The seconds of the library that look like a picture, or show what a text says."""
    form = await received(request, service.places, files=("image",), max_bytes=PICTURE_BYTES)
    try:
        options = form.options(answers.SearchOptions)
        if options.text is not None and (options.path is not None or form.files):
            raise RefusedError(422, "search for either a text or a picture")
        plain = None
        if options.text is None:
            source = _source(service, form, "image", options.path, what="text or picture")
            plain = service.places.new_file("picture.jpg", keep=False)
            form.files["plain"] = plain.name, plain
            await views_of(request).run("plain_picture", source.where, str(plain))
        hits = await got(
            service.shelf.ask(
                lambda library: searching.search(library, text=options.text, picture=plain, limit=options.limit)
            )
        )
    finally:
        form.discard(service.places)
    rows = {row.id: row for row in await got(service.shelf.rows())}
    found = [rows[video] for video in {hit["id"] for hit in hits} if video in rows]
    playable = {row.id: service.places.file_of(row) is not None for row in found}
    return answers.HitsAnswer.model_validate(
        {"hits": [hit | {"playable": playable.get(hit["id"], False)} for hit in hits]}
    )


@router.get("/library", responses=responses(422))
async def library(service: Serving) -> answers.LibraryAnswer:
    """What the library holds, and what the service takes."""
    info = await got(service.shelf.info())
    settings = service.settings
    return answers.LibraryAnswer(
        # A folder's last name: where it lies is nothing to clients.
        library=info.library if "://" in info.library else PurePath(info.library).name,
        videos=info.videos,
        frames=info.frames,
        model=info.model,
        fps=info.fps,
        max_upload=settings.max_upload_bytes,
        max_duration=settings.max_duration_s,
        reads_paths=bool(settings.roots),
        reads_urls=settings.allow_urls,
        searches_text=await got(service.shelf.ask(searching.searches_text)),
    )


@router.get("/videos", responses=responses(422))
async def videos(
    service: Serving,
    offset: Annotated[int, Query(ge=0, le=1 << 31)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    tag: Annotated[str | None, Query(description="Only videos that have it.")] = None,
    name: Annotated[str | None, Query(description="Only videos whose path has it, in any case.")] = None,
) -> answers.VideosAnswer:
    """The videos of the library by path, and all tags that there are."""
    rows = await got(service.shelf.rows())
    tags = sorted({tag for row in rows for tag in row.tags})
    if tag is not None:
        rows = [row for row in rows if tag in row.tags]
    if name is not None:
        rows = [row for row in rows if name.lower() in row.path.lower()]
    page = await asyncio.to_thread(lambda: [_told(service, row) for row in rows[offset : offset + limit]])
    return answers.VideosAnswer.model_validate({"total": len(rows), "videos": page, "tags": tags})


@router.get("/videos/{video_id}", responses=responses(404, 422))
async def video(service: Serving, video_id: Id) -> answers.VideoAnswer:
    """One video of the library."""
    return answers.VideoAnswer.model_validate(_told(service, await _row(service, video_id)))


@router.get(
    "/videos/{video_id}/thumbnail",
    responses=responses(404, 422, 429) | {200: {"content": {"image/jpeg": {}}}},
    response_class=Response,
)
async def thumbnail(
    request: Request,
    service: Serving,
    video_id: Id,
    time_s: Annotated[float, Query(alias="time", ge=0, le=1e6, description="Seconds from the first picture.")] = 0,
) -> Response:
    """The picture of a video at a time."""
    row = await _row(service, video_id)
    picture = await views_of(request).thumbnail(row, _file(service, row), time_s)
    return Response(picture, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})


@router.get(
    "/videos/{video_id}/media",
    responses=responses(404, 416, 422)
    | {200: {"content": {"video/*": {}}}, 206: {"description": "A range of it.", "content": {"video/*": {}}}},
    response_class=FileResponse,
)
async def media(service: Serving, video_id: Id) -> FileResponse:
    """The file of a video, whole or in ranges, to be played."""
    file = _file(service, await _row(service, video_id))
    kind = guess_type(file)[0] or ""
    # By its content a video, but served by its name: never as something that a browser would run.
    kind = kind if re.fullmatch("video/[a-z0-9.+-]+", kind) else "video/mp4"
    return FileResponse(file, media_type=kind, headers=HOLDS_NO_SCRIPT)


@router.delete("/videos/{video_id}", responses=responses(404, 422))
async def remove(service: Serving, video_id: Id) -> answers.RemovedAnswer:
    """Takes a video out of the library. Its file stays, but if it was uploaded."""
    row = await got(service.shelf.remove(video_id))
    await asyncio.to_thread(service.places.discard, row.path)
    return answers.RemovedAnswer(path=row.path, id=row.id, status="removed")


@asynccontextmanager
async def _received(request: Request, service: Service, *files: str, keep: bool = False) -> AsyncIterator[Received]:
    """The request, with a place in the queue for what it asks for; what is left in `files` after it is removed."""
    with service.jobs.place():
        limit = service.settings.max_upload_bytes
        form = await received(request, service.places, files=files, max_bytes=limit, keep=keep)
        try:
            yield form
        finally:
            form.discard(service.places)


def _source(service: Service, form: Received, name: str, named: str | None, what: str = "video") -> Source:
    """The file of the form, or what a field of it names."""
    if (name in form.files) == (named is not None):
        raise RefusedError(422, f"{name}: give a {what}, as a file or by its path, and not both")
    if named is not None:
        return service.source(named)
    shown, path = form.files[name]
    return Source("upload", str(path), shown)


def _accepted(response: Response, job: Job) -> answers.JobAnswer:
    response.headers["location"] = f"/api/jobs/{job.id}"
    return answers.JobAnswer.model_validate(job.to_json())


def _ended(job: Job) -> Future[None]:
    # A future of its own: who goes away while waiting must not cancel the job's.
    ended: Future[None] = Future()
    job.over.add_done_callback(lambda _: ended.set_result(None) if ended.set_running_or_notify_cancel() else None)
    return ended


async def _row(service: Service, video_id: str) -> VideoRow:
    rows = await got(service.shelf.rows())
    found = next((row for row in rows if row.id == video_id), None)
    if found is None:
        raise RefusedError(404, f"{video_id}: no video of the library has this id")
    return found


def _file(service: Service, row: VideoRow) -> str:
    file = service.places.file_of(row)
    if file is None:
        raise RefusedError(404, f"{row.path}: its file is not there, or lies outside the service's roots")
    return file


def _told(service: Service, row: VideoRow) -> dict[str, Any]:
    return {**row.to_json(), "warning": row.warning, "playable": service.places.file_of(row) is not None}
