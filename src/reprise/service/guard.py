"""What stands before every route: who may ask, what answers carry, and what is counted."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reprise.service.metrics import Metrics
from reprise.service.refusals import RefusedError

COOKIE = "reprise-viewer"
OPEN_PATHS = frozenset({"/", "/docs", "/health"})
OPEN_PREFIX = "/static/"
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
HEADERS = {
    # Nothing from elsewhere, nothing inline, in nobody's frame.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, token: str | None, metrics: Metrics) -> None:
        self._app, self._token, self._metrics = app, token, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers by itself what may not pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status = time.monotonic(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            try:
                self._check(scope)
            except RefusedError as refusal:
                answer = JSONResponse({"error": str(refusal)}, refusal.status, refusal.headers)
                await answer(scope, receive, sending)
            else:
                await self._app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.count(route, scope["method"], status, time.monotonic() - began_s)

    def _check(self, scope: Scope) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        host = headers.get("host", "")
        if self._token is None and re.sub(r":\d*$", "", host) not in LOCAL_HOSTS:
            # A name of the attacker's that stands for this machine: the browser would take him for the page.
            raise RefusedError(400, "the service is asked under a name that is not this machine's")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise RefusedError(403, "the request comes from the page of another site")
        if self._token is None or path in OPEN_PATHS or path.startswith(OPEN_PREFIX):
            return
        if is_bearer(headers.get("authorization", ""), self._token):
            return
        # Browsers send no header for pictures and films: for looking at those alone there is a cookie.
        is_view = scope["method"] in ("GET", "HEAD") and path.endswith(("/thumbnail", "/media"))
        if is_view and hmac.compare_digest(_cookie(headers), viewer_of(self._token)):
            return
        raise RefusedError(401, "the bearer token is missing or wrong; give the service's --token")


def is_bearer(authorization: str, token: str) -> bool:
    """Whether the header carries the token."""
    scheme, _, given = authorization.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def viewer_of(token: str) -> str:
    """What the cookie holds: proof of the token, good for nothing else."""
    return hmac.new(token.encode(), COOKIE.encode(), hashlib.sha256).hexdigest()


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None and found.value.isascii() else ""
