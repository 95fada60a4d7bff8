"""A standalone Milvus server of the PyPI package milvus, watched: its memory, its disk and its CPU."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from reprise.errors import ReprisError
from reprise.stores.frames import FRAMES
from reprise.stores.milvus import Milvus

START_S = 180.0
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A standalone server with all its data in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        port, etcd, peer = free_ports(3)
        (folder / "etcd.yaml").write_text(
            f"name: default\nlisten-client-urls: http://127.0.0.1:{etcd}\nadvertise-client-urls: http://127.0.0.1:{etcd}\n"
            f"listen-peer-urls: http://127.0.0.1:{peer}\ninitial-advertise-peer-urls: http://127.0.0.1:{peer}\n"
            f"initial-cluster: default=http://127.0.0.1:{peer}\n"
        )
        program = Path(sys.executable).parent / "milvus-server"
        with (folder / "log").open("wb") as log:
            self._wrapper = subprocess.Popen(
                [
                    sys.executable,
                    program,
                    "--data",
                    folder / "data",
                    "--proxy-port",
                    str(port),
                    "--etcd-port",
                    str(etcd),
                ],
                env={
                    **os.environ,
                    "ETCD_CONFIG_PATH": str(folder / "etcd.yaml"),
                    # By default 0.75 threads a core: with one, as on two cores, HNSW waits for itself for ever.
                    "COMMON_BUILDINDEXTHREADPOOLRATIO": "1.5",
                },
                stdout=log,
                stderr=log,
            )
        self.milvus = self._connected(f"http://127.0.0.1:{port}")
        self.pid = self._serving()
        self._peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _connected(self, uri: str) -> Milvus:
        end_s = time.monotonic() + START_S
        while True:
            try:
                milvus = Milvus(uri)
                milvus.has(FRAMES)
            except ReprisError:
                if time.monotonic() > end_s or self._wrapper.poll() is not None:
                    raise
                time.sleep(0.5)  # between two tries; a deadline ends them
            else:
                return milvus

    def _serving(self) -> int:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except OSError:
                    continue
                if parent == self._wrapper.pid:
                    return int(entry.name)
        raise RuntimeError("the server's process is not there")

    def _watch(self) -> None:
        while self._wrapper.poll() is None:
            self._peak = max(self._peak, self.memory()[0])
            time.sleep(0.5)  # between two looks

    def peak(self) -> int:
        """The most resident bytes since this was asked before."""
        peak, self._peak = self._peak, 0
        return peak

    def memory(self) -> tuple[int, int]:
        """Resident bytes, and those of them that are no file."""
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return 0, 0
        held = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
        return int(held["VmRSS"][0]) * 1024, int(held["RssAnon"][0]) * 1024

    def cpu_s(self) -> float:
        """CPU seconds of the server so far."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / TICKS

    def disk(self, *names: str) -> int:
        """Bytes of the files under folders of these names."""
        return sum(
            path.stat().st_size
            for path in self.folder.rglob("*")
            if path.is_file() and any(name in path.parts for name in names)
        )

    def stop(self) -> None:
        """Ends it and removes its files."""
        self.milvus.close()
        self._wrapper.terminate()
        try:
            self._wrapper.wait(20)
        except subprocess.TimeoutExpired:
            self._wrapper.kill()
            self._wrapper.wait()
        with suppress(ProcessLookupError):
            os.kill(self.pid, 9)
        shutil.rmtree(self.folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Ports of this machine at which nobody listens."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
