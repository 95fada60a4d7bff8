"""Damaged and forged video files by the thousand: whether any of them crashes, hangs or fills what embeds them.

    python benchmarks/fuzz.py --count 4000 --seed 1 [--audio]

Small videos in many containers and codecs are made, each file is one of them mutated (`MUTATIONS`), and each is
embedded as `reprise ingest` does, or with `--audio` as `reprise ingest --audio` does. The same seed and number give
the same file on every machine with the same FFmpeg.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from reprise.decoding import guarded
from reprise.decoding.limits import DecodeLimits
from reprise.embedding import EmbeddedVideo, attempt
from reprise.settings import EmbedSettings

LIMITS = DecodeLimits(time_s=60, stall_s=20, memory_bytes=1 << 30)
SECONDS = 3
# Container and what ffmpeg is told beyond it: cameras', stations', sites' and archives' files.
SOURCES: dict[str, tuple[str, ...]] = {
    "h264.mp4": ("-c:v", "libx264", "-c:a", "aac"),
    "h264-fast.mp4": ("-c:v", "libx264", "-movflags", "+faststart", "-bf", "0"),
    "h264-fragments.mp4": ("-c:v", "libx264", "-movflags", "frag_keyframe+empty_moov", "-g", "10"),
    "hevc.mov": ("-c:v", "libx265", "-x265-params", "log-level=none"),
    "prores.mov": ("-c:v", "prores_ks"),
    "png.mov": ("-c:v", "png"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-c:a", "mp3"),
    "mjpeg.avi": ("-c:v", "mjpeg"),
    "huffyuv.avi": ("-c:v", "ffvhuff"),
    "h264.mkv": ("-c:v", "libx264", "-c:a", "aac"),
    "ffv1.mkv": ("-c:v", "ffv1"),
    "vp8.webm": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libvorbis"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "av1.mkv": ("-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "h264.ts": ("-c:v", "libx264"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "mpeg2.mxf": ("-c:v", "mpeg2video"),
    "flv1.flv": ("-c:v", "flv", "-ar", "22050"),
    "wmv2.wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
    "theora.ogv": ("-c:v", "libtheora", "-c:a", "libvorbis"),
    "h263.3gp": ("-c:v", "h263", "-s", "128x96", "-an"),
    "rv20.rm": ("-c:v", "rv20", "-an"),
    "rgb.gif": ("-r", "10", "-an"),
    "rgb.apng": ("-r", "10", "-an"),
    "snow.nut": ("-c:v", "snow", "-strict", "-2", "-an"),
    "raw.h264": ("-c:v", "libx264", "-an"),
    "raw.hevc": ("-c:v", "libx265", "-x265-params", "log-level=none", "-an"),
    "raw.m2v": ("-c:v", "mpeg2video", "-an"),
    "raw.ivf": ("-c:v", "libvpx", "-deadline", "realtime", "-an"),
    "raw.y4m": ("-r", "5", "-an"),
}
# Where MP4 keeps counts, sizes and times; other containers have other words, which random places meet.
BOXES = (
    b"moov trak mdia minf stbl stts ctts stsc stsz stco mdhd mvhd tkhd elst mdat avcC hvcC stsd moof traf trun"
).split()
ABSURD = (0, 1, 7, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF0, 0x10000000)
NUMBER = re.compile(r"\d+(?:\.\d+)?(?::\d\d)*")
Mutation = Callable[[bytearray, "np.random.Generator", Sequence[bytes]], bytearray]


def make_sources(folder: Path, names: Sequence[str] = tuple(SOURCES)) -> list[tuple[str, bytes]]:
    """The videos that mutations begin with, by name; those that this ffmpeg cannot make are left out."""
    made = []
    for name in names:
        pictures = ("-f", "lavfi", "-i", f"testsrc2=size=96x64:rate=25:duration={SECONDS}")
        sound = ("-f", "lavfi", "-i", f"sine=duration={SECONDS}")
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *pictures, *sound]
        silent = () if "-c:a" in SOURCES[name] else ("-an",)
        rate = () if "-c:v" not in SOURCES[name] or "prores_ks" in SOURCES[name] else ("-pix_fmt", "yuv420p")
        rate = () if name in {"png.mov", "mjpeg.avi"} else rate
        done = subprocess.run(
            [*command, *rate, *SOURCES[name], *silent, "-threads", "1", str(folder / name)],
            check=False,
            capture_output=True,
        )
        if done.returncode == 0:
            made.append((name, (folder / name).read_bytes()))
    return made


def _stretch(content: bytearray, rng: np.random.Generator) -> tuple[int, int]:
    """Start and length of some bytes: a few or many, in equal shares of the orders of magnitude."""
    length = min(len(content), round(float(np.exp(rng.uniform(0, np.log(20_000))))))
    return int(rng.integers(len(content) - length + 1)), length


def _flip_bits(content: bytearray, rng: np.random.Generator, _others: Sequence[bytes]) -> bytearray:
    # Every second time among the first bytes, where the headers are.
    most = len(content) if rng.random() < 0.5 else min(len(content), 600)
    for place in rng.integers(0, most, rng.integers(1, 40)):
        content[place] ^= 1 << int(rng.integers(8))
    return content


def _truncate(content: bytearray, rng: np.random.Generator, _others: Sequence[bytes]) -> bytearray:
    return content[: int(rng.integers(len(content))) + 1]


def _overwrite(content: bytearray, rng: np.random.Generator, _others: Sequence[bytes]) -> bytearray:
    start, length = _stretch(content, rng)
    content[start : start + length] = bytes(length) if rng.random() < 0.5 else rng.bytes(length)
    return content


def _splice(content: bytearray, rng: np.random.Generator, others: Sequence[bytes]) -> bytearray:
    other = others[int(rng.integers(len(others)))]
    return content[: int(rng.integers(len(content)))] + bytearray(other[int(rng.integers(len(other))) :])


def _swap(content: bytearray, rng: np.random.Generator, _others: Sequence[bytes]) -> bytearray:
    one, length = _stretch(content, rng)
    other = int(rng.integers(max(1, len(content) - length)))
    content[one : one + length], content[other : other + length] = (
        content[other : other + length],
        content[one : one + length],
    )
    return content


def _repeat(content: bytearray, rng: np.random.Generator, _others: Sequence[bytes]) -> bytearray:
    start, length = _stretch(content, rng)
    return content[:start] + content[start : start + length] * int(rng.integers(2, 50)) + content[start:]


def _absurd_number(content: bytearray, rng: np.random.Generator, _others: Sequence[bytes]) -> bytearray:
    for _ in range(int(rng.integers(1, 4))):
        value = ABSURD[int(rng.integers(len(ABSURD)))]
        order = "big" if rng.random() < 0.7 else "little"
        place = int(rng.integers(max(1, min(len(content), 3000) - 4)))
        content[place : place + 4] = value.to_bytes(4, "big" if order == "big" else "little")
    return content


def _absurd_box(content: bytearray, rng: np.random.Generator, others: Sequence[bytes]) -> bytearray:
    places = [found.start() for box in BOXES for found in re.finditer(re.escape(box), content)]
    if not places:
        return _absurd_number(content, rng, others)
    for _ in range(int(rng.integers(1, 4))):
        # The size stands before the name; counts and times in the bytes after it.
        place = places[int(rng.integers(len(places)))] + (-4 if rng.random() < 0.5 else 4 * int(rng.integers(1, 12)))
        value = ABSURD[int(rng.integers(len(ABSURD)))] if rng.random() < 0.7 else int(rng.integers(1 << 32))
        content[max(0, place) : max(0, place) + 4] = value.to_bytes(4, "big")
    return content


def _tamper_stamps(content: bytearray, rng: np.random.Generator, others: Sequence[bytes]) -> bytearray:
    # Time stamps of program and transport streams, Matroska's clusters and blocks, FLV's tags, and MP4's tables.
    marks = [rb"\x00\x00\x01[\xe0-\xef]", rb"\x1f\x43\xb6\x75", rb"\xe7[\x81-\x88]", rb"stts", rb"ctts", rb"\x09..."]
    places = [found.end() for mark in marks for found in re.finditer(mark, content, re.DOTALL)]
    if not places:
        return _absurd_number(content, rng, others)
    for _ in range(int(rng.integers(1, 10))):
        place = places[int(rng.integers(len(places)))] + int(rng.integers(12))
        content[place : place + 2] = rng.bytes(len(content[place : place + 2]))
    return content


def _insert(content: bytearray, rng: np.random.Generator, _others: Sequence[bytes]) -> bytearray:
    place = int(rng.integers(len(content)))
    return content[:place] + bytearray(rng.bytes(int(rng.integers(1, 5000)))) + content[place:]


MUTATIONS: dict[str, Mutation] = {
    "bits": _flip_bits,
    "cut": _truncate,
    "block": _overwrite,
    "splice": _splice,
    "swap": _swap,
    "repeat": _repeat,
    "number": _absurd_number,
    "box": _absurd_box,
    "stamps": _tamper_stamps,
    "insert": _insert,
}


def mutated(sources: Sequence[tuple[str, bytes]], seed: int, number: int) -> tuple[str, str, bytes]:
    """The name of the source, those of its mutations, one to three, and the bytes of the file `number` of `seed`."""
    rng = np.random.default_rng([seed, number])
    name, whole = sources[int(rng.integers(len(sources)))]
    content = bytearray(whole)
    kinds = [str(kind) for kind in rng.choice(list(MUTATIONS), int(rng.choice([1, 1, 2, 3])))]
    for kind in kinds:
        if content:
            content = MUTATIONS[kind](content, rng, [other for _, other in sources])
    return name, "+".join(kinds), bytes(content)


@dataclass(slots=True)
class Tally:
    """What became of the files."""

    outcomes: Counter[str] = field(default_factory=Counter)
    bad: list[dict[str, object]] = field(default_factory=list)  # crashes, hangs and unexpected faults
    slowest_s: float = 0.0
    slowest: str = ""
    # (files so far, MB resident of this process, its open files, those of the decoding process)
    resources: list[tuple[int, int, int, int, int]] = field(default_factory=list)


def outcome_of(result: object) -> str:
    """The class of what an attempt at a file gave, with no names and numbers in it."""
    if isinstance(result, EmbeddedVideo):
        heard = ", with its sound" if result.sound is not None and len(result.sound) else ""
        return "embedded" + heard + (", with a warning" if result.warning else "")
    reason = str(result).partition(": ")[2]
    return f"{type(result).__name__}: {NUMBER.sub('N', reason)}"


def is_bad(outcome: str) -> bool:
    """Whether this must not happen at all."""
    words = (
        "crashed",
        "killed",
        "could not make a fingerprint",
        "unexpected fault",
        "no progress",
        "too long",
        "internal",
        "while it started",
    )
    return any(word in outcome for word in words)


def fuzz(
    count: int, seed: int, *, keep: Path | None = None, names: Sequence[str] = tuple(SOURCES), audio: bool = False
) -> Tally:
    """Embeds `count` mutated files; those that do what must not happen are kept in the folder `keep`."""
    per_process = guarded.VIDEOS_PER_PROCESS
    guarded.VIDEOS_PER_PROCESS = sys.maxsize  # one for all, so that what leaks adds up
    try:
        return _fuzz(count, seed, keep, names, audio=audio)
    finally:
        guarded.VIDEOS_PER_PROCESS = per_process


def _fuzz(count: int, seed: int, keep: Path | None, names: Sequence[str], *, audio: bool) -> Tally:
    settings = EmbedSettings(threads=1, limits=LIMITS, audio="too" if audio else "no")
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        sources = make_sources(Path(folder), names)
        for number in range(count):
            name, kinds, content = mutated(sources, seed, number)
            path = Path(folder) / f"file{Path(name).suffix}"
            path.write_bytes(content)
            began_s = time.monotonic()
            outcome = outcome_of(attempt(str(path), settings))
            took_s = time.monotonic() - began_s
            tally.outcomes[outcome] += 1
            if took_s > tally.slowest_s:
                tally.slowest_s, tally.slowest = took_s, f"file {number}, {name}, {kinds}: {outcome}"
            if is_bad(outcome):
                tally.bad.append({"number": number, "source": name, "mutations": kinds, "outcome": outcome})
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{seed}-{number}-{name}").write_bytes(content)
            if number % max(1, count // 20) == 0 or number == count - 1:
                tally.resources.append((number + 1, *_resources(os.getpid()), *_resources(_decoder())))
                print(f"{number + 1} of {count}: {tally.resources[-1][1:]}, {len(tally.bad)} bad", file=sys.stderr)
    return tally


def _decoder() -> int:
    """The decoding process: the youngest child of this process."""
    own = str(os.getpid())
    found = [0]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if parent == own:
                found.append(int(entry.name))
    return max(found)


def _resources(pid: int) -> tuple[int, int]:
    """Resident memory in MB and the number of open files of a process; 0 and 0 if there is none."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        return resident // 1024, len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except (OSError, StopIteration):
        return 0, 0


def main() -> int:
    """Prints what became of the files; 1 if any did what must not happen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=400, help="files (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which files (default: %(default)s)")
    parser.add_argument("--keep", type=Path, default=None, help="folder for files that crash or hang")
    parser.add_argument("--audio", action="store_true", help="decode the sound, too")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    tally = fuzz(arguments.count, arguments.seed, keep=arguments.keep, audio=arguments.audio)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(one.ru_utime + one.ru_stime for one in used)
    if arguments.json:
        print(
            json.dumps({"outcomes": tally.outcomes, "bad": tally.bad, "resources": tally.resources, "cpu_s": cpu_s})
        )
    else:
        for outcome, times in tally.outcomes.most_common():
            print(f"{times:6d}  {outcome}")
        print(f"slowest: {tally.slowest_s:.1f} s, {tally.slowest}; CPU {cpu_s:.0f} s")
        print("files, MB and open files of this process, and of the decoding process:")
        for row in tally.resources:
            print("  ", *row)
        for bad in tally.bad:
            print("BAD", bad)
    return 1 if tally.bad else 0


if __name__ == "__main__":
    sys.exit(main())
