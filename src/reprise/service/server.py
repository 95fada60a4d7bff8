"""Running the service until it is told to end."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType

from reprise.errors import MissingExtraError, ReprisError
from reprise.service.settings import ServiceSettings

LEFT_TO_ANSWER_S = 10


def serve(settings: ServiceSettings, ready: Callable[[str], None] = lambda _: None) -> None:
    """Serves until SIGTERM or SIGINT; `ready` is told the service's address once it answers.

    Raises MissingExtraError without the extra `serve`, ReprisError if it cannot start.
    """
    try:
        import uvicorn

        from reprise.service.app import application
        from reprise.service.service import Service
    except ImportError as error:
        raise MissingExtraError(
            f"the service needs {error.name or 'further packages'}; pip install 'reprise[serve]'"
        ) from error

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            # Now: requests that wait for a job would keep the server from coming to its end.
            service.jobs.release()
            super().handle_exit(sig, frame)

        async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
            await super().startup(sockets)  # type: ignore[arg-type]
            if self.started:
                bound = self.servers[0].sockets[0].getsockname()
                host = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
                ready(f"http://{host}:{bound[1]}")

    service = Service(settings)
    config = uvicorn.Config(
        application(service),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=LEFT_TO_ANSWER_S,
    )
    server = Server(config)
    try:
        server.run()
    except SystemExit as error:
        service.stop()
        raise ReprisError(
            f"{settings.host}:{settings.port}: the service cannot listen there; give another --host or --port"
        ) from error
