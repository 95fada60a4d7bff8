"""How many queries a second the service answers: many clients, a library of short synthetic videos, one machine.

    python benchmarks/service_load.py [--clients 50] [--videos 200] [--queries 4] [--evidence]

Makes the videos in a temporary folder, starts `reprise serve` at a free port of the loopback, and lets every client
upload one clip after another and wait for each answer. An answer counts if it names the video that the clip was taken
from; what does not come, or is wrong, is lost.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np

import reprise
from reprise.stalling import tree_cpu_s

FPS = 8
SIZE = (192, 144)
VIDEO_S, CLIP_S = 12, 6
PATIENCE_S = 300.0


@dataclass
class Tally:
    """What the clients met."""

    times_s: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: int = 0  # answered with 429, and asked again
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def draw(path: Path, number: int, seconds: range) -> None:
    """These seconds of the video `number`: every second has a scene of its own, which moves."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height = SIZE
        for second in seconds:
            rng = np.random.default_rng([number, second])
            coarse = rng.integers(0, 256, (rng.integers(3, 8), rng.integers(3, 9), 3), dtype=np.uint8)
            rows = np.arange(SIZE[1]) * coarse.shape[0] // SIZE[1]
            columns = np.arange(SIZE[0]) * coarse.shape[1] // SIZE[0]
            scene = coarse[rows][:, columns]
            for k in range(FPS):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(scene, k, axis=1)), format="rgb24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode())


def form(clip: bytes, evidence: bool) -> tuple[bytes, dict[str, str]]:
    """A form with the clip, and its headers."""
    mark = uuid.uuid4().hex
    fields = {"evidence": str(evidence).lower(), "top_k": "5"}
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    parts.append(f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="clip.mp4"\r\n\r\n')
    body = "".join(parts).encode() + clip + f"\r\n--{mark}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={mark}"}


class Client:
    """One connection."""

    def __init__(self, address: str, tally: Tally) -> None:
        where = urlsplit(address)
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE_S)
        self._tally = tally

    def ask(self, clip: Path, name: str, evidence: bool) -> None:
        """Uploads the clip and waits for the answer, which must name the video `name`."""
        began_s = time.monotonic()
        try:
            found = self._answer(*form(clip.read_bytes(), evidence))
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            found = [f"{type(error).__name__}: {error}"]
            self._connection.close()
        with self._tally.lock:
            self._tally.times_s.append(time.monotonic() - began_s)
            if found[:1] != [name]:
                self._tally.lost.append(f"{clip.name}: {found}")

    def _answer(self, body: bytes, headers: dict[str, str]) -> list[str]:
        while True:
            status, job, retry_after_s = self._request("POST", "/api/query", body, headers)
            if status != 429:
                break
            with self._tally.lock:
                self._tally.refused += 1
            time.sleep(retry_after_s)  # as the service asks
        if status != 202:
            raise ValueError(job)
        while job["status"] in ("queued", "running"):
            _, job, _ = self._request("GET", f"/api/jobs/{job['id']}?wait=30")
        if job["status"] == "failed":
            raise ValueError(job["error"])
        return [Path(match["reference"]).name for match in job["result"]["result"]["matches"]]

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, float]:
        """Status, JSON and the seconds after which to come again."""
        self._connection.request(method, path, body, headers or {})
        answer = self._connection.getresponse()
        told = json.loads(answer.read())
        with self._tally.lock:
            self._tally.requests += 1
        return answer.status, told, float(answer.headers.get("Retry-After") or 1)


def made(folder: Path, videos: int) -> list[Path]:
    """The videos, and a clip of each; the clips' paths."""
    for name in ("videos", "clips"):
        (folder / name).mkdir()
    clips = []
    for number in range(videos):
        draw(folder / "videos" / f"{number:03d}.mp4", number, range(VIDEO_S))
        start = 1 + number % (VIDEO_S - CLIP_S - 1)
        clips.append(folder / "clips" / f"{number:03d}.mp4")
        draw(clips[-1], number, range(start, start + CLIP_S))
    return clips


def load(address: str, clips: list[Path], clients: int, queries: int, evidence: bool) -> tuple[Tally, float]:
    """What the clients met, and the seconds from the first question to the last answer."""
    tally = Tally()

    def one(client: int) -> None:
        asking = Client(address, tally)
        for turn in range(queries):
            clip = clips[(client * queries + turn) % len(clips)]
            asking.ask(clip, clip.name, evidence)

    began_s = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(one, range(clients)))
    return tally, time.monotonic() - began_s


def cpu_s(pid: int) -> tuple[float, float]:
    """The CPU seconds that the process, and those below it, have used so far."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
    return own, tree_cpu_s(pid) - own


def main() -> int:
    """Prints the figures; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--queries", type=int, default=4, help="of each client")
    parser.add_argument(
        "--evidence", action="store_true", help="with thumbnails and similarity maps, as the page asks"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reprise-load-") as name:
        folder = Path(name)
        clips = made(folder, asked.videos)
        with reprise.open(folder / "library") as library:
            report = library.ingest(folder / "videos")
        print(f"{len(report.added)} videos, {report.frames} frames in the library")
        command = [sys.executable, "-m", "reprise", "serve", "--library", folder / "library", "--port", "0"]
        command += ["--root", folder / "videos"]
        service = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
        try:
            assert service.stderr is not None
            address = service.stderr.readline().split()[-1]
            for clip in clips[:2]:  # the workers' start is not what is measured
                load(address, [clip], 2, 1, asked.evidence)
            before_s = cpu_s(service.pid)
            tally, took_s = load(address, clips, asked.clients, asked.queries, asked.evidence)
            spent_s = [after - before for after, before in zip(cpu_s(service.pid), before_s, strict=True)]
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(60)
    done = len(tally.times_s)
    p50, p95, p99 = np.percentile(tally.times_s, [50, 95, 99])
    print(f"{asked.clients} clients, {done} queries in {took_s:.1f} s: {done / took_s:.1f} queries a second")
    print(f"{tally.requests / took_s:.1f} requests a second; {tally.refused} answered with 429 and asked again")
    print(f"from upload to answer: 50 % within {p50:.2f} s, 95 % {p95:.2f} s, 99 % {p99:.2f} s")
    print(f"CPU seconds a query: service {spent_s[0] / done:.3f}, its worker processes {spent_s[1] / done:.3f}")
    print(f"lost: {len(tally.lost)}")
    for line in tally.lost[:10]:
        print(f"  {line}")
    return 1 if tally.lost else 0


if __name__ == "__main__":
    sys.exit(main())
