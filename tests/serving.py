"""Services for tests: in this process, and as the command in a process of its own."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_line import COMMAND, wait_until
from starlette.testclient import TestClient

from reprise.service.app import application
from reprise.service.service import Service
from reprise.service.settings import ServiceSettings


@dataclass(frozen=True)
class Served:
    """A service in this process, and a client of it."""

    service: Service
    client: TestClient

    def done(self, answer: Any) -> Any:
        """The job of an accepted request, when it is over."""
        assert answer.status_code == 202, answer.text
        while True:
            job = self.client.get(answer.headers["location"], params={"wait": 20}).json()
            if job["status"] in ("done", "failed"):
                return job

    def upload(self, route: str, path: Path, **fields: Any) -> Any:
        """The job of a file that is sent."""
        with path.open("rb") as file:
            return self.done(self.client.post(route, files={"file": (path.name, file)}, data=fields))


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[Served]:
    """A service whose library and state lie in `folder`."""
    usual = {"library": str(folder / "library"), "state": folder / "state", "workers": 1}
    service = Service(ServiceSettings(**{**usual, **settings}))
    with TestClient(application(service), base_url="http://localhost") as client:
        yield Served(service, client)


@dataclass(frozen=True)
class Running:
    """The command `reprise serve` in a process of its own."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    def end(self) -> int:
        """Asks it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(300)


@contextmanager
def running(folder: Path, *arguments: str | Path) -> Iterator[Running]:
    """`reprise serve` of the library in `folder`, at any free port."""
    log = folder / "serve.log"
    command = [*COMMAND, "serve", "--library", folder / "library", "--port", "0", "--workers", "1", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(list(map(str, command)), stderr=output, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: "is served at" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield Running(process, log.read_text().split("is served at")[1].split()[0], log)
    finally:
        process.kill()
        process.wait()
