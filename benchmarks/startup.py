"""CPU seconds and wall time that a command takes to start, beside Python's and its libraries' own.

    python benchmarks/startup.py [--runs 11] [--library LIB] [--json]

Each row is a process of its own; the rows are run in turn, `--runs` rounds of them, and the medians are told: user
and system time of the whole process, and wall time. Without --library, a library of three synthetic videos is made.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

import reprise

# What the commands stand on: the first are the least that a command could take, the last two what `list` opens.
PROGRAMS = {
    "python -c pass": "pass",
    "import numpy": "import numpy",
    "import pandas": "import pandas",
    "import pymilvus": "from pymilvus import MilvusClient",
    "Milvus Lite opened by pymilvus": (
        "from pymilvus import MilvusClient; MilvusClient(uri={milvus!r}).list_collections()"
    ),
    "import towhee": "import towhee",
    "import reprise": "import reprise",
}
COMMANDS = (("--help",), ("ingest", "--help"), ("list",), ("info",))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library = options.library or small_library(Path(folder))
        rows = measured(runs(library), options.runs)
    if options.json:
        for name, (cpu_s, wall_s) in rows.items():
            print(json.dumps({"what": name, "cpu_s": round(cpu_s, 3), "wall_s": round(wall_s, 3)}))
        return
    print("| | CPU s | wall s |\n|---|---|---|")
    for name, (cpu_s, wall_s) in rows.items():
        print(f"| `{name}` | {cpu_s:.2f} | {wall_s:.2f} |")


def runs(library: Path) -> dict[str, list[str]]:
    """The command line of each row."""
    programs = {
        name: [sys.executable, "-c", program.format(milvus=str(library.resolve() / "milvus.db"))]
        for name, program in PROGRAMS.items()
    }
    commands = {
        " ".join(("reprise", *words)): [sys.executable, "-m", "reprise", *words]
        + (["--library", str(library)] if "--help" not in words else [])
        for words in COMMANDS
    }
    return programs | commands


def measured(commands: dict[str, list[str]], rounds: int) -> dict[str, tuple[float, float]]:
    """(CPU seconds, wall seconds) of each command line: the medians of so many runs."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, command in commands.items():
            taken[name].append(taken_by(command))
    # The first round fills the system's caches, and writes byte code where there is none.
    return {
        name: (statistics.median(cpu for cpu, _ in times[1:]), statistics.median(wall for _, wall in times[1:]))
        for name, times in taken.items()
    }


def taken_by(command: list[str]) -> tuple[float, float]:
    """(CPU seconds, wall seconds) of a process, which must succeed."""
    before = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - before
    if status:
        raise SystemExit(f"{' '.join(command)}: exit status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, wall_s


def small_library(folder: Path) -> Path:
    """A library of three videos of ten seconds of noise."""
    noise = np.random.default_rng(1)
    for number in range(3):
        with av.open(str(folder / f"{number}.mp4"), "w") as container:
            stream = container.add_stream("mpeg4", rate=2)
            stream.width, stream.height = 160, 120
            for _ in range(20):
                picture = noise.integers(0, 256, (120, 160, 3), dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            container.mux(stream.encode())
    with reprise.open(folder / "library") as library:
        report = library.ingest([folder / f"{number}.mp4" for number in range(3)])
    if report.failed:
        raise SystemExit(report.failed[0].reason)
    return folder / "library"


if __name__ == "__main__":
    main()
