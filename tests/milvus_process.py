"""A real Milvus server, of the PyPI package milvus, that can be stopped, killed and started on the same folder."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reprise.stores.milvus import Milvus

START_S = 120


class MilvusProcess:
    """One standalone server with its data in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, etcd_port, peer_port = _free_ports(3)
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

    @property
    def uri(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts it, and does not wait."""
        program = Path(sys.executable).parent / "milvus-server"
        ports = ["--proxy-port", str(self._port), "--etcd-port", str(self._etcd_port)]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, program, "--data", self._folder / "data", *ports],
                env={**os.environ, "ETCD_CONFIG_PATH": str(self._folder / "etcd.yaml")},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Waits until it answers; skips the test where it does not run on this machine."""
        assert self._process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                pytest.skip(f"the Milvus server does not run on this machine: {self._log.read_text()[-300:]}")
            try:
                milvus = Milvus(self.uri)
                milvus.has("frames")
            except Exception:  # noqa: BLE001 - whatever it says, it is not up yet
                time.sleep(0.5)  # between two tries; a deadline ends them
            else:
                milvus.close()
                return
        pytest.fail(f"the Milvus server did not answer within {START_S} s: {self._log.read_text()[-1000:]}")

    def kill(self) -> None:
        """Ends it as a loss of power does."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to all its processes."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def stop(self) -> None:
        """Ends it."""
        assert self._process is not None
        if self._process.poll() is not None:
            return
        self.signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


def _free_ports(count: int) -> list[int]:
    # Below those that the system gives to clients: a client that waits for a server which is being started again can
    # be given that very port, and the server goes to another one.
    with Path("/proc/sys/net/ipv4/ip_local_port_range").open() as file:
        first_of_clients = int(file.read().split()[0])
    free = [port for port in random.sample(range(10_000, first_of_clients), 50) if _is_free(port)]
    return free[:count]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
