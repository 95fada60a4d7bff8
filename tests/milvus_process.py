"""A real Milvus server, of the PyPI package milvus, that can be stopped, killed and started on the same folder."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from command_line import children

from reprise.stores.milvus import Milvus
from watched_server import free_ports

START_S = 240  # on a machine on which much else runs


@contextmanager
def running_server(folder: Path) -> Iterator[MilvusProcess]:
    """A server with its data in `folder`, which answers; killed in the end, as nobody needs what it wrote."""
    if importlib.util.find_spec("milvus") is None:
        pytest.skip("the PyPI package milvus has no wheel for this machine")
    server = MilvusProcess(folder)
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.kill()


class MilvusProcess:
    """One standalone server with its data in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, etcd_port, peer_port = free_ports(3)
        self._etcd_port = etcd_port
        self._log = folder / "server.log"
        # Milvus' built-in etcd takes its ports from this file alone; without it only one server runs on a machine.
        (folder / "etcd.yaml").write_text(
            f"name: default\n"
            f"listen-client-urls: http://127.0.0.1:{etcd_port}\n"
            f"advertise-client-urls: http://127.0.0.1:{etcd_port}\n"
            f"listen-peer-urls: http://127.0.0.1:{peer_port}\n"
            f"initial-advertise-peer-urls: http://127.0.0.1:{peer_port}\n"
            f"initial-cluster: default=http://127.0.0.1:{peer_port}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._server: tuple[list[str], dict[str, str], Path] | None = None  # the program that serves

    @property
    def uri(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts it, and does not wait."""
        program = Path(sys.executable).parent / "milvus-server"
        ports = ["--proxy-port", str(self._port), "--etcd-port", str(self._etcd_port)]
        command = [sys.executable, str(program), "--data", str(self._folder / "data"), *ports]
        self._launch(command, {**os.environ, "ETCD_CONFIG_PATH": str(self._folder / "etcd.yaml")}, Path.cwd())

    def start_again(self) -> None:
        """Starts what was killed or stopped, on its folder and at its address, and does not wait."""
        # Not the Python program around it, which holds an address for taken that had connections a minute ago.
        assert self._server is not None
        self._launch(*self._server)

    def _launch(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def wait(self) -> None:
        """Waits until it answers; fails the test if it ends before."""
        assert self._process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                pytest.fail(f"the Milvus server ended: {self._log.read_text()[-1000:]}")
            try:
                milvus = Milvus(self.uri)
                milvus.has("frames")
            except Exception:  # noqa: BLE001 - whatever it says, it is not up yet
                time.sleep(0.5)  # between two tries; a deadline ends them
            else:
                milvus.close()
                self._remember()
                return
        pytest.fail(f"the Milvus server did not answer within {START_S} s: {self._log.read_text()[-1000:]}")

    def _remember(self) -> None:
        assert self._process is not None
        for child in children(self._process.pid):
            place = Path(f"/proc/{child}")
            command = (place / "cmdline").read_text().split("\0")[:-1]
            lines = (place / "environ").read_text().split("\0")[:-1]
            environment = {name: value for name, _, value in (line.partition("=") for line in lines)}
            self._server = command, environment, (place / "cwd").readlink()

    def kill(self) -> None:
        """Ends it as a loss of power does."""
        with suppress(ProcessLookupError):  # it ended by itself
            self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to all its processes."""
        assert self._process is not None
        os.killpg(self._process.pid, number)
