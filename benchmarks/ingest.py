"""CPU seconds of `reprise ingest` by what they go to, beside plain decoding by ffmpeg and hashing as vPDQ does it.

    python benchmarks/ingest.py PATH... [--workers 2] [--runs 3] [--loops 6] [--at-720p] [--folder DIR]

PATH are videos or folders. --loops writes each of them so many times over, with no new encoding, so that starting up
does not outweigh the rest; --at-720p encodes the first 30 s of each anew at 1280 x 720 (libx264, preset medium).
Both are kept in DIR if given. Runs take turns; the one with the lowest CPU seconds counts.

Beside it, one thread, a process a video: the ffmpeg program at one picture a second of the network's size; and where
`pdqhash` is installed, every frame decoded and a picture a second hashed by PDQ at full size, as vPDQ does it.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from decoding import Cost, in_own_process, looped, pictures_in, run_ffmpeg, videos, write
from reprise.descriptor import PICTURE_SIZE

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
LOOK_S = 0.05
PR_SET_CHILD_SUBREAPER = 36  # prctl(2): processes whose parents have ended become ours, and are waited for
CUT_S = 30
# A process' role by a word of its command line; the first that is in it.
ROLES = {"decoding_process": "decode", "reprise.workers": "embed", "embedding_process": "embed", "ingest": "main"}


class Spent(NamedTuple):
    """What an ingest took."""

    cpu_s: float
    wall_s: float
    idle_s: float  # of all cores, meanwhile
    roles: dict[str, float]  # CPU seconds by role

    @property
    def busy(self) -> float:
        """The share of what other programs left of the cores that the ingest used."""
        return self.cpu_s / (self.cpu_s + self.idle_s)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--loops", type=int, default=1)
    parser.add_argument("--at-720p", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the files are kept for a next run")
    given = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = [file for path in given.paths for file in (videos(path) if path.is_dir() else [path])]
        files = [prepared(file, folder, loops=given.loops, at_720p=given.at_720p) for file in found]
        length_s = sum(pictures_in(file) for file in files)
        print(f"{len(files)} videos, {length_s:.0f} s; {given.workers} workers\n")
        shorts = short_clips(folder, files[0], given.workers)
        ways: dict[str, Callable[[], float]] = {"ffmpeg, decoding alone": lambda: by_ffmpeg(files)}
        if _has_pdq():
            ways["every frame, PDQ at full size"] = lambda: in_own_process(_hashed, files).cpu_s
        starts: list[Spent] = []
        spent: list[Spent] = []
        others: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(given.runs):
            starts.append(ingested(shorts, given.workers))
            spent.append(ingested(files, given.workers))
            for name, way in ways.items():
                others[name].append(way())
        tell(min(spent), min(starts), {name: min(costs) for name, costs in others.items()}, length_s)


def prepared(file: Path, folder: Path, *, loops: int, at_720p: bool) -> Path:
    """The file as it is to be ingested, made in the folder if it is not there."""
    if at_720p:
        made = folder / f"720p_{file.stem}.mp4"
        if not made.exists():
            scaled = "scale=1280:720:force_original_aspect_ratio=increase,crop=1280:720"
            encoder = ("-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "medium")
            write(made, "-i", str(file), "-t", str(CUT_S), "-an", "-vf", scaled, *encoder)
        file = made
    if loops > 1:
        made = folder / f"{loops}_times_{file.name}"
        if not made.exists():
            looped(made, file, loops)
        file = made
    return file


def short_clips(folder: Path, file: Path, count: int) -> list[Path]:
    """Clips of a second, of which ingesting one for each worker is little but starting up."""
    clips = [folder / f"short_{number}.mp4" for number in range(max(2, count))]
    for number, clip in enumerate(clips):
        if not clip.exists():
            write(clip, "-ss", str(number), "-i", str(file), "-t", "1", "-an", "-c:v", "libx264")
    return clips


def ingested(files: Sequence[Path], workers: int) -> Spent:
    """What ingesting them into a new library takes, all processes counted."""
    with tempfile.TemporaryDirectory() as folder:
        others = children()  # as the one with which Python looks after those that it starts
        idle_s, began_s = idle(), time.monotonic()
        command = [sys.executable, "-m", "reprise", "ingest", *map(str, files), "--workers", str(workers)]
        process = subprocess.Popen(
            [*command, "--library", f"{folder}/library"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        seen: dict[int, tuple[str, float]] = {}
        cpu_s, status, is_over = 0.0, 0, False
        while not is_over:
            look(seen)
            try:
                pid, ended, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                is_over = True
                continue
            if not pid:
                is_over = children() <= others
                time.sleep(LOOK_S)
                continue
            cpu_s += usage.ru_utime + usage.ru_stime
            status = ended if pid == process.pid else status
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"the ingest ended with exit status {process.returncode}")
        roles: dict[str, float] = {}
        for role, used_s in seen.values():
            roles[role] = roles.get(role, 0.0) + used_s
        return Spent(cpu_s, time.monotonic() - began_s, idle() - idle_s, roles)


def children() -> set[int]:
    """Our processes, those among them that have ended and were not waited for."""
    return {pid for pid, (parent, _) in _processes().items() if parent == os.getpid()}


def _processes() -> dict[int, tuple[int, float]]:
    """(parent, CPU seconds) of all processes by their ids."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found[int(entry.name)] = int(fields[1]), sum(map(int, fields[11:13])) / TICKS_A_SECOND
    return found


def look(seen: dict[int, tuple[str, float]]) -> None:
    """Notes of our descendants what they are and what they have used."""
    processes = _processes()
    parents = {pid: parent for pid, (parent, _) in processes.items()}
    for pid, parent in parents.items():
        above = parent
        while above in parents and above != os.getpid():
            above = parents[above]
        if above == os.getpid():
            role = seen[pid][0] if pid in seen else ""
            seen[pid] = (role or role_of(pid), processes[pid][1])


def role_of(pid: int) -> str:
    """What a process does; nothing if that cannot be told yet."""
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
    return next((role for word, role in ROLES.items() if word in told), "")


def idle() -> float:
    """Seconds that the machine's cores have had nothing to do, together."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    return (int(fields[4]) + int(fields[5])) / TICKS_A_SECOND


def by_ffmpeg(files: Sequence[Path]) -> float:
    """CPU seconds of the ffmpeg program for the same pictures."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    filters = f"fps=1:round=up,scale={PICTURE_SIZE[0]}:{PICTURE_SIZE[1]}:flags=area+accurate_rnd"
    for file in files:
        decode = ("-threads", "1", "-i", str(file), "-an", "-sn", "-dn", "-filter_threads", "1", "-vf", filters)
        run_ffmpeg("-v", "quiet", *decode, "-threads", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-y", "/dev/null")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _has_pdq() -> bool:
    try:
        import pdqhash  # noqa: F401
    except ImportError:
        print("pdqhash is not installed: hashing is left out\n")
        return False
    return True


def _hashed(files: Sequence[Path]) -> Cost:
    import av
    import pdqhash

    began_s = time.process_time()
    for file in files:
        with av.open(str(file)) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            next_s = 0.0
            for frame in container.decode(stream):
                if frame.time is not None and frame.time >= next_s:
                    pdqhash.compute(frame.to_ndarray(format="rgb24"))
                    next_s += 1.0
    return Cost(time.process_time() - began_s, 0, "")


def tell(spent: Spent, start: Spent, others: dict[str, float], length_s: float) -> None:
    """Prints what was measured."""
    per_second = 1000 / length_s
    print(f"{'':34}{'CPU s':>9}{'ms a video-second':>19}{'video-seconds a CPU second':>28}")
    for name, cpu_s in {**others, "reprise ingest": spent.cpu_s}.items():
        print(f"{name:34}{cpu_s:9.2f}{cpu_s * per_second:19.2f}{length_s / cpu_s:28.1f}")
    working_s = spent.cpu_s - start.cpu_s
    print(f"{'reprise ingest, less starting up':34}{working_s:9.2f}{working_s * per_second:19.2f}", end="")
    print(f"{length_s / working_s:28.1f}\n")
    parts = {"starting up": start.cpu_s}
    for role, name in (("decode", "decoding"), ("embed", "embedding"), ("main", "storing, and all else")):
        parts[name] = max(0.0, spent.roles.get(role, 0.0) - start.roles.get(role, 0.0))
    parts["not seen (ends of processes)"] = max(0.0, spent.cpu_s - sum(parts.values()))
    for name, cpu_s in parts.items():
        print(f"  {name:32}{cpu_s:9.2f}{cpu_s * per_second:19.2f}{cpu_s / spent.cpu_s:27.0%}")
    print(f"\nof what other programs left of the cores it used {spent.busy:.0%}; wall {spent.wall_s:.1f} s")


if __name__ == "__main__":
    main()
