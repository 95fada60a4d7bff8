"""Downloading published weights: with progress, resumed where they broke off, and checked before they count."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from reprise.errors import DownloadError, printable
from reprise.models.checkpoints import HEAD_BYTES, is_web_page
from reprise.models.network import Network, WeightsFile
from reprise.models.part import Part
from reprise.models.weights import FOLDER_VARIABLE, doubt

# Bytes that are here, and bytes in all; None where the server does not tell.
Progress = Callable[[int, int | None], None]

TRIES = 5  # in a row that bring less than A_GAIN
A_GAIN = 2**20
PIECE_BYTES = 2**14  # of the last piece before a connection breaks off, nothing is kept
_TIMEOUT_S = (15, 60)  # to connect; between two pieces of the answer
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_BROKEN_OFF = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def fetch(
    network: Network,
    published: WeightsFile,
    folder: Path,
    *,
    on_progress: Progress = lambda _done, _total: None,
    pause_s: float = 1.0,
) -> Path:
    """Downloads a published file into the folder, and returns its path there.

    The file has its final name only when it is whole and has the published size and hash. Until then it is NAME.part,
    which a later call goes on with if the server still has the same version of the file (by its ETag, else its date).
    A connection that breaks off is taken up again after pause_s seconds, which double from try to try. What lies
    under the final name is replaced.

    Raises DownloadError, in one line: no network, an answer that is not the file, another size or hash, a full disk,
    a folder that cannot be written, another process that downloads the same file.
    """
    download = _Download(network, published, folder, on_progress)
    if not published.url:
        raise download.failure(f"{published.name} has no address; see {network.source}, and {download.by_hand}")
    try:
        download.target.parent.mkdir(parents=True, exist_ok=True)
        with Part(download.target.with_name(f"{download.target.name}.part")) as part:
            download.complete(part, pause_s)
            download.check(part)
            part.finish(download.target)
    except OSError as error:
        wanted = "make room" if error.errno in _FULL else "make it writable"
        raise download.failure(
            f"{printable(error.filename or folder)} cannot be written ({error.strerror}); {wanted}, or name another "
            f"folder in {FOLDER_VARIABLE}"
        ) from error
    return download.target


class _BrokeOffError(Exception):
    """Another request may bring more."""


@dataclass(frozen=True, slots=True)
class _Download:
    network: Network
    published: WeightsFile
    folder: Path
    on_progress: Progress

    @property
    def target(self) -> Path:
        return self.folder / self.published.name

    @property
    def by_hand(self) -> str:
        return f"get the file by other means and place it as {printable(self.target)}"

    def failure(self, reason: str) -> DownloadError:
        return DownloadError(f"model {self.network.name}: {reason}")

    def complete(self, part: Part, pause_s: float) -> None:
        """Requests what is missing until nothing is."""
        tries = 0
        answered = False
        with requests.Session() as session:
            while True:
                before = part.length
                try:
                    with session.get(
                        self.published.url, headers=_wanted(part), stream=True, timeout=_TIMEOUT_S
                    ) as answer:
                        answered = True
                        self._place(answer, part)
                        self._receive(answer, part)
                    return
                except _BROKEN_OFF as error:
                    reason = _innermost(error)
                except _BrokeOffError as error:
                    reason = str(error)
                except requests.RequestException as error:
                    raise self.failure(f"{self.published.url} cannot be loaded ({error}); {self.by_hand}") from error
                tries = 0 if part.length - before >= A_GAIN else tries + 1
                if not answered:
                    raise self.failure(f"{self.published.url} cannot be reached ({reason}); {self.by_hand}")
                if tries == TRIES:
                    raise self.failure(
                        f"{self.published.url} broke off {TRIES} times ({reason}); fetch again to go on after the "
                        f"{part.length} bytes that are here, or {self.by_hand}"
                    )
                # A server that breaks off is given time; the tries are counted.
                time.sleep(pause_s * 2 ** max(0, tries - 1))

    def _place(self, answer: requests.Response, part: Part) -> None:
        """Whether the answer goes on after the part, which is emptied where the server begins anew."""
        status = answer.status_code
        if status == requests.codes.partial_content:
            begins = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
            if begins != str(part.length) or _version(answer) not in ("", part.version):
                part.clear()
                raise _BrokeOffError("the server sent another part than was asked for")
        elif status == requests.codes.ok:
            part.clear()
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                raise self._web_page()
        elif status == requests.codes.requested_range_not_satisfiable:
            part.clear()
            raise _BrokeOffError("the part that was here is longer than the file")
        elif status in _TRANSIENT:
            raise _BrokeOffError(f"HTTP {status} {answer.reason}")
        else:
            raise self.failure(
                f"{self.published.url} answers HTTP {status} {answer.reason}; see {self.network.source}, or "
                f"{self.by_hand}"
            )

    def _receive(self, answer: requests.Response, part: Part) -> None:
        """Writes the answer to the end of the part."""
        told = answer.headers.get("Content-Length", "")
        total = part.length + int(told) if told.isdecimal() else None
        size = self.published.size_bytes
        if total is not None and size is not None and total != size:
            raise self.failure(
                f"{self.published.url} has {total} bytes, not the {size} that are published; {self.by_hand}"
            )
        free = shutil.disk_usage(self.folder).free
        if total is not None and free < total - part.length:
            raise self.failure(
                f"{printable(self.folder)} has room for {free} bytes, and {total - part.length} are needed; make "
                f"room, or name another folder in {FOLDER_VARIABLE}"
            )
        part.set_version(_version(answer))
        self.on_progress(part.length, total)
        for piece in answer.iter_content(PIECE_BYTES):
            part.append(piece)
            self.on_progress(part.length, total)
        if total is not None and part.length != total:
            raise _BrokeOffError(f"ended after {part.length} of {total} bytes")

    def check(self, part: Part) -> None:
        """Whether what was downloaded is the published file; it is removed where it is not."""
        with part.path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        wrong = doubt(self.published, part.path)
        if is_web_page(head) or wrong or not head:
            part.remove()
        if is_web_page(head):
            raise self._web_page()
        if wrong or not head:
            raise self.failure(
                f"{self.published.url} is not the published file: {wrong or 'it is empty'}; what was downloaded is "
                f"removed; {self.by_hand}"
            )

    def _web_page(self) -> DownloadError:
        return self.failure(
            f"{self.published.url} answers with a web page, not with the file (a login, or a limit on downloads); "
            f"open it in a browser and place the file as {printable(self.target)}"
        )


def _wanted(part: Part) -> dict[str, str]:
    """The headers that ask for what is missing. A part of an unknown version is thrown away."""
    headers = {"Accept-Encoding": "identity"}  # bytes as they are counted
    if part.length and part.version:
        return headers | {"Range": f"bytes={part.length}-", "If-Range": part.version}
    part.clear()
    return headers


def _version(answer: requests.Response) -> str:
    """What the server calls this version of the file, as a range of it may be asked for; else empty."""
    tag = answer.headers.get("ETag", "")
    # A weak ETag does not promise the same bytes.
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _innermost(error: BaseException) -> str:
    """What the network said, without the layers of libraries around it."""
    while error.__context__ is not None:
        error = error.__context__
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable(str(text).splitlines()[0])
