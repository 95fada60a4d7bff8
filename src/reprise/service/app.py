"""The web application: routes, errors, the page's files, and the start and end of everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from reprise.errors import ReprisError, printable
from reprise.report.page import STATIC as REPORT_STATIC
from reprise.service import answers, api, sample
from reprise.service.api import Serving, got
from reprise.service.guard import COOKIE, Guard, viewer_of
from reprise.service.receiving import complaint_of
from reprise.service.refusals import refusal_of
from reprise.service.service import Service
from reprise.service.views import Views

STATIC = "reprise.service.static"
PAGES = {"/": "page.html", "/docs": "docs.html"}
FILES = {
    "page.css": STATIC,
    "page.js": STATIC,
    "docs.js": STATIC,
    "report.css": REPORT_STATIC,
    "report.js": REPORT_STATIC,
}
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
METRICS_KIND = "text/plain; version=0.0.4; charset=utf-8"


def application(service: Service) -> FastAPI:
    """The application that serves `service`; it starts it with itself, and stops it."""

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            await asyncio.to_thread(service.stop)

    app = FastAPI(
        title="Reprise",
        version=version("reprise"),
        description="Which seconds of a video are copied from which seconds of the videos of a library.",
        lifespan=running,
        # FastAPI's own pages load their scripts from elsewhere; /docs here is a page of this service.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service, app.state.views = service, Views(service.viewers)
    app.include_router(api.router)
    app.include_router(sample.router)
    _add_pages(app)
    _add_errors(app)
    app.add_middleware(Guard, token=service.settings.token, metrics=service.metrics)
    _describe(app, has_token=service.settings.token is not None)
    return app


def _add_pages(app: FastAPI) -> None:
    for path, name in PAGES.items():
        app.add_api_route(path, _static(STATIC, name), include_in_schema=False)
    for name, package in FILES.items():
        app.add_api_route(f"/static/{name}", _static(package, name), include_in_schema=False)

    @app.get("/health")
    async def health() -> answers.HealthAnswer:
        """That the service is up."""
        return answers.HealthAnswer(status="ok")

    @app.get(
        "/metrics", responses=answers.responses() | {200: {"content": {"text/plain": {}}}}, response_class=Response
    )
    async def metrics(service: Serving) -> Response:
        """What is counted, in Prometheus' text format."""
        info = await got(service.shelf.info())
        text = service.metrics.text(service.jobs.waiting(), service.jobs.all(), info)
        return Response(text, media_type=METRICS_KIND)

    @app.post("/api/viewer", status_code=204, responses=answers.responses())
    async def viewer(service: Serving, response: Response) -> None:
        """Sets the cookie with which a browser may show thumbnails and films."""
        if service.settings.token is not None:
            response.set_cookie(
                COOKIE, viewer_of(service.settings.token), path="/api", httponly=True, samesite="strict"
            )


def _static(package: str, name: str) -> Any:
    content = (resources.files(package) / name).read_bytes()
    kind = f"{KINDS[name.rpartition('.')[2]]}; charset=utf-8"

    async def answer() -> Response:
        return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

    return answer


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(ReprisError)
    async def refused(_: Request, error: ReprisError) -> JSONResponse:
        refusal = refusal_of(error)
        line = printable(" ".join(str(refusal).split()))
        return JSONResponse({"error": line}, refusal.status, refusal.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"error": complaint_of(error.errors())}, 422)

    @app.exception_handler(HTTPException)
    async def failed(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail).lower()}, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": f"internal fault ({type(error).__name__}); the service's log tells more"}, 500)


def _describe(app: FastAPI, *, has_token: bool) -> None:
    """Makes the description true: errors have this service's shape, and a token is told of."""
    description = app.openapi()
    reference = {"$ref": "#/components/schemas/ErrorAnswer"}
    for path, operations in description["paths"].items():
        for operation in operations.values():
            if "422" in operation["responses"]:
                operation["responses"]["422"]["content"] = {"application/json": {"schema": reference}}
            if has_token and path != "/health":
                operation["security"] = [{"token": []}]
    schemas = description["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    if has_token:
        description["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    app.openapi_schema = description
