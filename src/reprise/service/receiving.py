"""Requests as they come in: JSON, or a form with files that are written to disk as they arrive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import IO, Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from reprise.errors import printable
from reprise.service.places import Places
from reprise.service.refusals import RefusedError

JSON_BYTES = 1 << 20
FIELD_BYTES = 1 << 16
WRITE_BYTES = 1 << 20
MOST_PARTS = 100
STALLED_S = 60.0
FORM_SLACK = 1 << 20  # of a form beyond its file

Model = TypeVar("Model", bound=BaseModel)


@dataclass(slots=True)
class Received:
    """The fields of a request, and its files under their names."""

    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, tuple[str, Path]] = field(default_factory=dict)  # (file name as sent, where it lies)

    def discard(self, places: Places) -> None:
        """Removes the files."""
        for _, path in self.files.values():
            places.discard(str(path))

    def options(self, model: type[Model]) -> Model:
        """The fields, validated. Raises RefusedError."""
        try:
            return model.model_validate(self.fields)
        except ValidationError as error:
            raise RefusedError(422, complaint_of(error.errors())) from error


def complaint_of(errors: Any) -> str:
    """The first of pydantic's errors as one line."""
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    return printable(f"{where or 'request'}: {first['msg'][0].lower()}{first['msg'][1:]}")


async def received(
    request: Request, places: Places, *, files: tuple[str, ...], max_bytes: int, keep: bool = False
) -> Received:
    """The request's fields and, of a form, the files of these names. Raises RefusedError; then no file is left.

    `keep`: the files are to go into the library.
    """
    kind = _kind(request)
    length = request.headers.get("content-length", "")
    if kind == "application/json":
        return Received(await _json(request))
    if kind != "multipart/form-data":
        raise RefusedError(415, "the request must be a form (multipart/form-data) or JSON (application/json)")
    if length.isdigit() and int(length) > max_bytes * len(files) + FORM_SLACK:
        raise _too_large(max_bytes)
    form = _Form(request.headers["content-type"], places, files, max_bytes, keep)
    try:
        async for chunk in _chunks(request):
            form.feed(chunk)
            if form.pending >= WRITE_BYTES:
                await asyncio.to_thread(form.write)
        await asyncio.to_thread(form.finish)
    except FormParserError as error:
        form.abandon()
        raise RefusedError(400, f"the form cannot be read ({printable(str(error))})") from error
    except BaseException:  # raised again: also when the client goes away
        form.abandon()
        raise
    return form.received


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _json(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for chunk in _chunks(request):
        body += chunk
        if len(body) > JSON_BYTES:
            raise RefusedError(413, f"the request is larger than {JSON_BYTES} bytes")
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "the request is no valid JSON") from error
    if not isinstance(fields, dict):
        raise RefusedError(422, "the request must be a JSON object")
    return fields


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises RefusedError if nothing comes any more: the request holds a place in the queue."""
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(STALLED_S):
                yield await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise RefusedError(400, f"the request stopped coming for {STALLED_S:.0f} s") from error
        except ClientDisconnect as error:
            raise RefusedError(400, "the client went away") from error


def _too_large(max_bytes: int) -> RefusedError:
    return RefusedError(
        413, f"the file is larger than the {max_bytes} bytes that this service takes; see --max-upload"
    )


class _Form:
    """A form as it is parsed: what arrives of a file waits in memory until `write`."""

    def __init__(self, content_type: str, places: Places, files: tuple[str, ...], max_bytes: int, keep: bool) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise RefusedError(400, "the form has no boundary in its content type")
        self.received = Received()
        self._places, self._wanted, self._max_bytes, self._keep = places, files, max_bytes, keep
        self._headers, self._header_name, self._header_value = Message(), b"", b""
        self._name = ""
        self._text = bytearray()
        self._file: IO[bytes] | None = None
        self._unwritten = bytearray()
        self._written = 0
        self._parts = 0
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    @property
    def pending(self) -> int:
        """Bytes of a file that are not written yet."""
        return len(self._unwritten)

    def feed(self, chunk: bytes) -> None:
        """Parses what arrived."""
        if chunk:
            self._parser.write(chunk)

    def write(self) -> None:
        """Writes what has arrived of the file."""
        if self._file is not None and self._unwritten:
            try:
                self._file.write(self._unwritten)
            except OSError as error:
                raise RefusedError(503, "the service's disk is full", retry_after_s=60) from error
            self._unwritten = bytearray()

    def finish(self) -> None:
        """The whole form has arrived. Raises RefusedError if it has not."""
        self._parser.finalize()
        if not self._ended:
            raise RefusedError(400, "the form ends in the middle")

    def abandon(self) -> None:
        """Nothing is kept."""
        if self._file is not None:
            self._file.close()
        self.received.discard(self._places)

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise RefusedError(413, "the form has too many parts")
        self._headers, self._name, self._text = Message(), "", bytearray()

    def _on_header_field(self, text: bytes, start: int, end: int) -> None:
        self._header_name += text[start:end]

    def _on_header_value(self, text: bytes, start: int, end: int) -> None:
        self._header_value += text[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            options = parse_options_header(self._header_value)[1]
            self._name = options.get(b"name", b"").decode(errors="replace")
            if b"filename" in options:
                self._open(options[b"filename"].decode(errors="replace"))
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        # A client may send a file without a name.
        if self._file is None and self._name in self._wanted:
            self._open("")

    def _open(self, file_name: str) -> None:
        if self._name not in self._wanted:
            raise RefusedError(422, f"{printable(self._name)}: the form has a file of a name that is not asked for")
        if self._name in self.received.files:
            raise RefusedError(422, f"{self._name}: one file is taken, the form has several")
        path = self._places.new_file(file_name or "video", keep=self._keep)
        self.received.files[self._name] = printable(file_name) or path.name, path
        self._file, self._written = path.open("wb"), 0

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            self._text += data[start:end]
            if len(self._text) > FIELD_BYTES:
                raise RefusedError(413, f"{printable(self._name)}: the field is too long")
            return
        self._written += end - start
        if self._written > self._max_bytes:
            raise _too_large(self._max_bytes)
        self._unwritten += data[start:end]

    def _on_part_end(self) -> None:
        if self._file is not None:
            self.write()
            self._file.close()
            self._file = None
            return
        text, fields = self._text.decode(errors="replace"), self.received.fields
        if self._name in fields:
            before = fields[self._name]
            fields[self._name] = [*before, text] if isinstance(before, list) else [before, text]
        else:
            fields[self._name] = text

    def _on_end(self) -> None:
        self._ended = True
