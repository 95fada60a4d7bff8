"""Running the service until it is told to end."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType

from reprise.errors import MissingExtraError, ReprisError
from reprise.service.settings import ServiceSettings

LEFT_TO_ANSWER_S = 10


def serve(settings: ServiceSettings, ready: Callable[[str], None] = lambda _: None) -> None:
    """Serves until SIGTERM or SIGINT; `ready` is told the service's address once it answers.

    The running jobs come to their end first; a second SIGINT leaves them to the next start.

    Raises MissingExtraError without the extra `serve`, ReprisError if it cannot start.
    """
    try:
        import uvicorn

        from reprise.service.app import application
        from reprise.service.service import Service
    except ImportError as error:
        raise MissingExtraError(
            f"the service needs {error.name or 'further packages'}; pip install '.[serve]'"
        ) from error

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
            # Now: requests that wait for a job would keep the server from coming to its end.
            service.jobs.release()
            if self.should_exit and sig == signal.SIGINT:
                service.jobs.abandon()
            # uvicorn would raise the signal again at the end: to be told to end is no failure.
            self.should_exit = True

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready(f"http://{name}:{port}")

    # Before the library is opened: what cannot listen need not hold it.
    listening = _listening(settings)
    name, port = listening.getsockname()[:2]
    name = f"[{name}]" if ":" in name else name
    try:
        service = Service(settings)
    except BaseException:  # raised again: whatever it is, the port must not stay taken
        listening.close()
        raise
    config = uvicorn.Config(
        application(service),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=LEFT_TO_ANSWER_S,
    )
    with listening:
        Server(config).run(sockets=[listening])


def _listening(settings: ServiceSettings) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ReprisError(
            f"{settings.host}:{settings.port}: the service cannot listen there ({reason}); give another --port"
        ) from error
