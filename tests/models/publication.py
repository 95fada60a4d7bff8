"""A real web server on this machine that publishes one file, and can do so badly."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from reprise.models.network import Network, WeightsFile

NAME = "tiny.pth"
CONTENT = np.random.default_rng(5).bytes(600_000)


@dataclass
class Publication:
    """What is published, how it is served, and what was sent."""

    content: bytes = CONTENT
    etag: str = '"first"'
    last_modified: str = ""
    takes_ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # bytes after which each of the next answers breaks off
    statuses: list[int] = field(default_factory=list)  # of the next answers, in place of 200 and 206
    content_type: str = "application/octet-stream"
    told_length: int | None = None  # in place of the true one
    stalls: bool = False  # whether an answer that is cut is left hanging, until the other side goes
    url: str = ""
    sent: list[int] = field(default_factory=list)  # bytes of each answer

    def network(self, *, size_bytes: int | None = None, sha256: str = "") -> Network:
        """A network whose weights are this file."""
        return Network(
            name="tiny",
            title="A tiny network",
            operator="image_embedding.tiny",
            load="nowhere:load",
            picture=32,
            dimension=8,
            weights=(WeightsFile(NAME, self.url, size_bytes, sha256),),
            licence="MIT",
            source="https://tiny.example",
        )

    @property
    def sha256(self) -> str:
        """Of the content."""
        return hashlib.sha256(self.content).hexdigest()


@contextmanager
def published(publication: Publication) -> Iterator[Publication]:
    """Serves the file until the end of the block, under `publication.url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, publication)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    publication.url = f"http://127.0.0.1:{server.server_port}/{NAME}"
    try:
        yield publication
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, publication: Publication) -> None:
    if publication.statuses:
        publication.sent.append(0)
        request.send_response(publication.statuses.pop(0))
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    content, begin = publication.content, 0
    asked = request.headers.get("Range")
    known = request.headers.get("If-Range") in (publication.etag, publication.last_modified)
    if asked and known and publication.takes_ranges:
        begin = int(asked.removeprefix("bytes=").removesuffix("-"))
        if begin >= len(content):
            publication.sent.append(0)
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(206)
        request.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
    else:
        request.send_response(200)
    told = len(content) - begin if publication.told_length is None else publication.told_length
    request.send_header("Content-Length", str(told))
    request.send_header("Content-Type", publication.content_type)
    if publication.etag:
        request.send_header("ETag", publication.etag)
    if publication.last_modified:
        request.send_header("Last-Modified", publication.last_modified)
    request.end_headers()
    body = content[begin:]
    is_cut = bool(publication.cuts)
    if is_cut:
        body = body[: publication.cuts.pop(0)]
    publication.sent.append(len(body))
    with suppress(ConnectionError):  # who has seen enough hangs up
        request.wfile.write(body)
        if is_cut and publication.stalls:
            request.connection.recv(1)  # nothing comes but the end of the connection
    request.close_connection = True
