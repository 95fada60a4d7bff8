"""Waiting, within a bound, for a Milvus server that went away or is starting up."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from reprise.errors import SettingsError, StoreAwayError, printable

T = TypeVar("T")

logger = logging.getLogger(__name__)

# From a call's first failure on. A server that was killed may take minutes: its parts wait for the leases of the old
# ones to run out.
PATIENCE_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0

# Of Milvus' own codes those of a server that is starting, or that lost one of its parts for a while: unavailable, not
# (fully) loaded, a channel or segment or node not there. Code 1 is also pymilvus' own for everything else.
_STARTING = frozenset({2, 101, 103, 500, 501, 503, 600, 602, 901, 902, 903})
_STARTING_WORDS = (
    "not ready",
    "not healthy",
    "service unavailable",
    "not loaded",
    "not fully loaded",
    "on recovering",
    "no available shard",
    "channel not available",
    "connection refused",
    "node not match",
    "context deadline exceeded",
    "timestamp lag",
    "etcdserver",
)


class PatientClient:
    """A pymilvus client of a server, each of whose calls waits for a server that is away, within a bound.

    Calls raise StoreAwayError when the server stays away for $REPRISE_SERVER_PATIENCE_S, by default PATIENCE_S; what
    Milvus refuses is raised as pymilvus does. An insert is tried once: repeated, rows that came through at first
    would be there twice.
    """

    def __init__(self, client: Any, shown: str) -> None:
        """`shown` is the server's address as messages name it."""
        self._client, self._shown = client, shown
        self._patience_s = _patience_s()
        self._given_up = False

    def insert(self, collection: str, rows: list[dict[str, Any]], *, timeout: float) -> Any:  # noqa: ARG002 - see below
        """As pymilvus' `insert`, tried once."""
        # pymilvus repeats a call unseen for as long as its timeout lasts; without one it can be told not to. A server
        # that hangs is noticed by the connection itself, which asks every 10 s whether it is alive.
        return self._ask(lambda: self._client.insert(collection, rows, retry_times=0), repeat=False)

    def query_iterator(self, collection: str, **options: Any) -> _PatientPages:
        """As pymilvus' `query_iterator`."""
        return _PatientPages(self._ask(lambda: self._client.query_iterator(collection, **options)), self._ask)

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return lambda *arguments, **options: self._ask(lambda: call(*arguments, **options))

    def _ask(self, call: Callable[[], T], *, repeat: bool = True) -> T:
        import grpc
        from pymilvus.exceptions import MilvusException

        # A server that was given up on is not waited for again by whatever is tidied up afterwards.
        end_s = time.monotonic() + (0 if self._given_up else self._patience_s)
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                answer = call()
            except (MilvusException, grpc.RpcError) as error:
                if not is_away(error):
                    raise
                if not repeat or time.monotonic() + pause_s > end_s:
                    self._given_up |= repeat
                    raise StoreAwayError(
                        f"{self._shown}: the Milvus server went away and was not back within "
                        f"{self._patience_s:.0f} s; what was done is kept: when the server answers again, run the "
                        "same command again"
                    ) from error
                if pause_s == FIRST_PAUSE_S:
                    logger.warning(
                        "%s: the Milvus server went away, waiting up to %.0f s", self._shown, self._patience_s
                    )
                time.sleep(pause_s)  # between two tries; a deadline ends them
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                self._given_up = False
                return answer


class _PatientPages:
    """The pages of a query, each waited for."""

    def __init__(self, pages: Any, ask: Callable[[Callable[[], Any]], Any]) -> None:
        self._pages, self._ask = pages, ask

    def next(self) -> Any:
        """The next page; empty at the end."""
        return self._ask(self._pages.next)

    def close(self) -> None:
        """Ends the query."""
        self._pages.close()


def _patience_s() -> float:
    given = os.environ.get("REPRISE_SERVER_PATIENCE_S")
    if not given:
        return PATIENCE_S
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SettingsError(f"REPRISE_SERVER_PATIENCE_S: {printable(given)!r} is no number of seconds")
    return seconds


def is_away(error: Exception) -> bool:
    """Whether the error of pymilvus or gRPC is one that a server gives, or brings about, that will be back."""
    import grpc

    code = getattr(error, "code", None)
    code = code() if callable(code) else code
    if isinstance(code, grpc.StatusCode):
        return code in {
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.CANCELLED,
            grpc.StatusCode.UNKNOWN,
            grpc.StatusCode.INTERNAL,
        }
    text = str(getattr(error, "message", None) or error).lower()
    return code in _STARTING or any(words in text for words in _STARTING_WORDS)


def first_line(error: BaseException) -> str:
    """The first line of what Milvus says; its messages run on with traces."""
    message = str(getattr(error, "message", None) or error)
    return message.strip().splitlines()[0] if message.strip() else type(error).__name__
