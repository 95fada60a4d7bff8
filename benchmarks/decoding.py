"""CPU seconds and memory of sampling videos at 1 fps, beside the ffmpeg program and decoding in full.

    python benchmarks/decoding.py [BENCH] [--seconds 30] [--long] [--folder DIR]

Makes 720p files with motion and noise, of ordinary groups of pictures and of groups of a second, by the encoders of
imageio-ffmpeg's ffmpeg (kept in DIR if given), and takes those under BENCH, if given, together. Each figure is the
lowest of `--runs` runs, one thread, a process of its own for each: user and system time of the whole ffmpeg, of ours
less the start of Python. `--long` adds the peak memory for a file of 10 minutes and one of an hour.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import imageio_ffmpeg

from reprise.decoding.needed import list_packets, plan, until_last
from reprise.decoding.sampling import Picture, pictures_at, pictures_decoded_in_full, video_facts
from reprise.errors import InputError

SIZE = (224, 224)
FPS = 25
DRAWN = f"mandelbrot=s=1280x720:r={FPS},noise=alls=7:allf=t"
VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".webm", ".avi", ".mov", ".flv", ".ts", ".mpg", ".wmv"})
X264 = ("-c:v", "libx264", "-preset", "medium")
# name: the encoder and its options
KINDS: dict[str, tuple[str, ...]] = {
    "h264.mp4": X264,
    "h264_no_b_frames.mp4": (*X264, "-bf", "0"),
    "h264_one_second.mp4": (*X264, "-g", str(FPS)),
    "hevc.mp4": ("-c:v", "libx265", "-preset", "fast", "-x265-params", "log-level=none"),
    "hevc_one_second.mp4": (
        *("-c:v", "libx265", "-preset", "fast", "-g", str(FPS)),
        *("-x265-params", "log-level=none:open-gop=0"),
    ),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-b:v", "3M", "-deadline", "realtime", "-cpu-used", "6", "-row-mt", "1"),
    "vp9_one_second.webm": (
        *("-c:v", "libvpx-vp9", "-b:v", "3M", "-deadline", "realtime", "-cpu-used", "6", "-row-mt", "1"),
        *("-g", str(FPS)),
    ),
    "av1.mp4": ("-c:v", "libsvtav1", "-preset", "10", "-svtav1-params", "lp=2"),
    "av1_one_second.mp4": ("-c:v", "libsvtav1", "-preset", "10", "-g", str(FPS), "-svtav1-params", "lp=2"),
    "mpeg4.mp4": ("-c:v", "mpeg4", "-b:v", "4M", "-bf", "2", "-g", "250"),
    "mpeg4_one_second.mp4": ("-c:v", "mpeg4", "-b:v", "4M", "-g", str(FPS)),
}


class Cost(NamedTuple):
    """What decoding the files took, and what came of it."""

    cpu_s: float
    peak_bytes: int
    digest: str  # of all pixels, times and key-frame marks; "" for the ffmpeg program


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path, nargs="?", help="a folder with videos of your own")
    parser.add_argument("--seconds", type=int, default=30, help="length of the files made (default %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, of which the lowest counts")
    parser.add_argument("--long", action="store_true", help="memory for 10 minutes and for an hour too")
    parser.add_argument("--folder", type=Path, help="where the files are kept for a next run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        clips = [made(folder, name, arguments.seconds) for name in KINDS]
        print(f"1 fps at {SIZE[0]} x {SIZE[1]}, one thread: CPU milliseconds a second of video; ratios of CPU time\n")
        print(f"{'':28}{'decoded':>8}{'ffmpeg':>9}{'in full':>9}{'ours':>9}{'ffmpeg/ours':>13}{'in full/ours':>14}")
        for clip in clips:
            print(row(clip.name, [clip], arguments.runs), flush=True)
        if arguments.bench is not None:
            paths = videos(arguments.bench)
            print(row(f"{len(paths)} files of yours", paths, arguments.runs), flush=True)
        if arguments.long:
            print(f"\n{'peak memory':28}{'MiB':>8}{'CPU s':>9}")
            for minutes in (10, 60):
                print(memory_row(folder, minutes, arguments.seconds), flush=True)


def made(folder: Path, name: str, seconds: int) -> Path:
    """The file of this kind in the folder, made if it is not there."""
    drawn, path = folder / f"drawn_{seconds}.mkv", folder / f"{seconds}_{name}"
    if not drawn.exists():
        options = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "12", "-pix_fmt", "yuv420p")
        write(drawn, "-f", "lavfi", "-i", DRAWN, "-t", str(seconds), *options)
    if not path.exists():
        write(path, "-i", str(drawn), *KINDS[name])
    return path


def write(path: Path, *options: str) -> None:
    # Under another name first: an interrupted run leaves no half file.
    part = path.with_name(f"part_{path.name}")
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *options, str(part)], check=True
    )
    part.replace(path)


def videos(folder: Path) -> list[Path]:
    """The videos under the folder that can be decoded."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            try:
                video_facts(str(path))
            except InputError as error:
                print(f"left out: {error}")
            else:
                found.append(path)
    return found


def row(name: str, paths: Sequence[Path], runs: int) -> str:
    """A line of the table: what the files took together, a second of video."""
    length_s = sum(pictures_in(path) for path in paths)
    ways: tuple[Callable[[Sequence[Path]], Cost], ...] = (by_ffmpeg, in_full, by_need)
    # Turn by turn, so that what else the machine does falls on all.
    costs = [[in_own_process(way, paths) for way in ways] for _ in range(runs)]
    theirs_s, full_s, ours_s = (min(cost.cpu_s for cost in way) for way in zip(*costs, strict=True))
    is_same = len({cost.digest for run in costs for cost in run[1:]}) == 1
    share = sum(share_sent(path) for path in paths) / len(paths)
    per_second = "".join(f"{1000 * cpu_s / length_s:>9.1f}" for cpu_s in (theirs_s, full_s, ours_s))
    ratios = f"{theirs_s / ours_s:>13.2f}{full_s / ours_s:>14.2f}"
    return f"{name:28}{share:>8.0%}{per_second}{ratios}{'' if is_same else '  NOT THE SAME PICTURES'}"


def memory_row(folder: Path, minutes: int, seconds: int) -> str:
    """A line of the table of memory, for a file of so many minutes."""
    path = folder / f"{minutes}_minutes.mp4"
    if not path.exists():
        looped(path, made(folder, "h264_one_second.mp4", seconds), 60 * minutes // seconds)
    cost = in_own_process(by_need, [path])
    return f"{f'{minutes} minutes, 720p':28}{cost.peak_bytes / 2**20:>8.0f}{cost.cpu_s:>9.1f}"


def looped(path: Path, source: Path, times: int) -> None:
    """Writes the source over and over, with no new encoding."""
    write(path, "-stream_loop", str(times - 1), "-i", str(source), "-c", "copy")


def run_ffmpeg(*arguments: str) -> None:
    """Runs the ffmpeg program."""
    # SVT_LOG: else the AV1 encoder tells all that it does.
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", *arguments]
    subprocess.run(command, check=True, env={**os.environ, "SVT_LOG": "0"})


def pictures_in(path: Path) -> float:
    """The length of the video in seconds, by its packets."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
        return float((max(packets) - min(packets)) * (stream.time_base or 0)) + 1 / FPS


def share_sent(path: Path) -> float:
    """How many of the packets are decoded for 1 fps."""
    listed = list_packets(str(path))
    if listed is None:
        return 1.0
    is_sent = plan(listed, until_last(listed, steps())).is_sent
    return sum(is_sent) / len(is_sent)


def steps() -> Iterator[Fraction]:
    """The times 0 s, 1 s, 2 s, …"""
    return (Fraction(second) for second in itertools.count())


def in_own_process(way: Callable[[Sequence[Path]], Cost], paths: Sequence[Path]) -> Cost:
    """What the way costs where nothing ran before it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(way, paths).result()


def by_ffmpeg(paths: Sequence[Path]) -> Cost:
    """The ffmpeg program, with the same rate, size and filter."""
    filters = f"fps=1:round=up,scale={SIZE[0]}:{SIZE[1]}:flags=area+accurate_rnd"
    for path in paths:
        decode = ("-threads", "1", "-i", str(path), "-an", "-sn", "-dn", "-filter_threads", "1", "-vf", filters)
        encode = ("-threads", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-y", "/dev/null")
        run_ffmpeg("-v", "quiet", *decode, *encode)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, "")


def in_full(paths: Sequence[Path]) -> Cost:
    """Ours, with all frames decoded."""
    return _sampled(pictures_decoded_in_full, paths)


def by_need(paths: Sequence[Path]) -> Cost:
    """Ours, with what is needed decoded."""
    return _sampled(pictures_at, paths)


def _sampled(sampler: Callable[..., Iterator[Picture]], paths: Sequence[Path]) -> Cost:
    digest = hashlib.sha1(usedforsecurity=False)
    begun_s = time.process_time()
    for path in paths:
        for picture in sampler(str(path), steps(), size=SIZE, threads=1):
            digest.update(picture.pixels.tobytes())
            digest.update(f"{picture.time_s} {picture.is_key_frame}".encode())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Cost(time.process_time() - begun_s, peak, digest.hexdigest())


if __name__ == "__main__":
    main()
