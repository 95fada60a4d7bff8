"""The shapes of requests and answers, for OpenAPI and for validation."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from reprise.checking.settings import CheckSettings
from reprise.settings import QuerySettings

PATH = Field(default=None, min_length=1, max_length=4096, description="A file under the service's roots.")
MOST = 1000  # of what is asked for at once


class Asked(BaseModel):
    """What every request has in common: nothing that is not asked for."""

    model_config = ConfigDict(extra="forbid")


class IngestOptions(Asked):
    """`path`, or a file of the form."""

    path: str | None = PATH
    tags: list[str] = Field(default=[], max_length=50, description="Words to remember with the videos.")


class AlignOptions(Asked):
    """How copies are looked for."""

    aligner: str = Field(default=QuerySettings().aligner, description="As `reprise query --aligner`.")
    min_score: float | None = Field(default=None, ge=0, le=1, description="Of a segment.")
    refine: bool = Field(default=False, description="Whether ends are located to about 0.1 s.")
    evidence: bool = Field(default=True, description="Whether thumbnails and maps come with the result.")
    audio: bool = Field(default=True, description="Whether the sound is compared too, where there is any.")


class QueryOptions(AlignOptions):
    """`path`, or a file of the form."""

    path: str | None = PATH
    top_k: int = Field(default=QuerySettings().top_k, ge=1, le=MOST, description="Candidates that are looked at.")


class CheckOptions(Asked):
    """`path`, or a file of the form."""

    path: str | None = PATH
    most: float = Field(default=CheckSettings().most, ge=0.5, le=1, description="As `reprise check --most`.")
    top_k: int = Field(default=CheckSettings().top_k, ge=1, le=MOST, description="Candidates that are looked at.")
    aligner: str = Field(default=CheckSettings().aligner, description="As `reprise check --aligner`.")
    min_score: float | None = Field(default=None, ge=0, le=1, description="Of a segment.")
    audio: bool = Field(default=True, description="Whether the sound is compared too, where there is any.")


class CompareOptions(AlignOptions):
    """`a` and `b`: paths, or files of the form."""

    a: str | None = PATH
    b: str | None = PATH


class SearchOptions(Asked):
    """`text`, or `path`, or the file `image` of the form."""

    text: str | None = Field(default=None, min_length=1, max_length=1000)
    path: str | None = PATH
    limit: int = Field(default=20, ge=1, le=200)


class VideoUrl(BaseModel):
    """The sample's request: a path under a root, or an address."""

    video_url: str = Field(min_length=1, max_length=4096)


class VideoUrlAndSize(VideoUrl):
    """The sample's search."""

    size: int = Field(default=10, ge=1, le=MOST)


class TwoVideoUrls(BaseModel):
    """The sample's comparison."""

    video_url_1: str = Field(min_length=1, max_length=4096)
    video_url_2: str = Field(min_length=1, max_length=4096)


class ErrorAnswer(BaseModel):
    """What went wrong, in one line."""

    error: str


class Progress(BaseModel):
    """How far a job is."""

    stage: str
    done: int
    total: int


class JobAnswer(BaseModel):
    """A job. Times are seconds since 1970."""

    id: str
    kind: str
    status: Literal["queued", "running", "done", "failed"]
    videos: list[str]
    progress: Progress
    created_at: float
    started_at: float | None
    finished_at: float | None
    error: str | None


class JobWithResult(JobAnswer):
    """A job with what it gave, once it is done."""

    result: Any = None


class JobsAnswer(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]


class VideoAnswer(BaseModel):
    """A video of the library, as `reprise list --json` tells it, and whether it can be played."""

    path: str
    id: str
    duration: float
    frames: int
    fps: float
    model: str
    ingested_at: str
    content_hash: str
    file_size: int
    tags: list[str]
    warning: str = ""
    playable: bool


class VideosAnswer(BaseModel):
    """A page of the videos, by path."""

    total: int
    videos: list[VideoAnswer]
    tags: list[str]


class RemovedAnswer(BaseModel):
    """What was removed."""

    path: str
    id: str
    status: Literal["removed"]


class HitAnswer(BaseModel):
    """A stretch of a video that is like what was searched for; seconds."""

    video: str
    id: str
    start: float
    end: float
    best: float
    score: float
    playable: bool


class HitsAnswer(BaseModel):
    """The best first."""

    hits: list[HitAnswer]


class LibraryAnswer(BaseModel):
    """What the library holds, and what the service takes."""

    library: str
    videos: int
    frames: int
    model: str
    fps: float
    max_upload: int
    max_duration: float
    reads_paths: bool
    reads_urls: bool
    searches_text: bool


class HealthAnswer(BaseModel):
    """That the service is up."""

    status: Literal["ok"]


class VectorsAnswer(BaseModel):
    """The vectors of a video's frames, one a second, as the sample documents them and as its code gave them."""

    video_vectors: dict[str, list[float]]
    result: list[dict[str, list[float]]]


class InsertedAnswer(BaseModel):
    """How many frames of the video are in the library."""

    result: int


class SimilarVideo(BaseModel):
    """A video of the library, and how like it the query is, 0 to 1."""

    video_url: str
    score: float


class SimilarAnswer(BaseModel):
    """The most alike first."""

    videos: list[SimilarVideo]


class ScoreAnswer(BaseModel):
    """How like the second video the first is, 0 to 1."""

    score: float


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for OpenAPI."""
    told = {
        400: "The request cannot be read.",
        403: "The request comes from the page of another site.",
        404: "There is no such thing.",
        409: "It does not go together with what is there.",
        413: "Too large.",
        415: "Neither a form nor JSON.",
        416: "There is no such range.",
        422: "What is asked for cannot be done.",
        429: "Too much is waiting already; try again later.",
        503: "The library cannot be used, or the service is shutting down.",
    }
    always = {401: "The bearer token is missing or wrong."}
    return {
        status: {"model": ErrorAnswer, "description": line}
        for status, line in (told | always).items()
        if status in statuses or status in (*always, 400, 403, 503)
    }


def body(model: type[BaseModel], *files: str) -> dict[str, Any]:
    """The request body of a route that takes JSON or a form with these files, for OpenAPI."""
    schema = model.model_json_schema()
    with_files = schema | {
        "properties": schema["properties"] | {name: {"type": "string", "format": "binary"} for name in files}
    }
    return {
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": with_files}, "application/json": {"schema": schema}},
        }
    }
