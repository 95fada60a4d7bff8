"""The process that decodes: what it yields, and what its crash, its hanging and its limits cost."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from clips import ffmpeg, write_clip
from command_line import children, descendants, has_open, run, wait_until
from footage import footage, looped
from hostile import numbers

import reprise
from reprise.child_process import give_up_reading_after, start_process
from reprise.decoding import guarded
from reprise.decoding.limits import DecodeLimits
from reprise.decoding.sampling import sample
from reprise.decoding.still import read_picture
from reprise.errors import NotAVideoError, SettingsError

USUAL = DecodeLimits()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("decoding")


@pytest.fixture(scope="module")
def video(folder: Path) -> Path:
    return write_clip(folder / "video.mp4")


def test_pictures_are_those_of_decoding_without_a_process(folder: Path) -> None:
    path = write_clip(folder / "same.mkv", times_s=[0, 0.5, 3.25, 7])
    apart, here = (
        list(guarded.sample(str(path), limits=USUAL, fps=2, size=40)),
        list(sample(str(path), fps=2, size=40)),
    )
    assert [(one.time_s, one.is_key_frame) for one in apart] == [(one.time_s, one.is_key_frame) for one in here]
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(apart, here, strict=True))
    assert apart[0].pixels.flags.writeable
    png = folder / "same.png"
    ffmpeg("-i", path, "-frames:v", "1", "-update", "1", png)
    assert np.array_equal(guarded.read_picture(str(png), limits=USUAL), read_picture(str(png)))


def test_one_process_serves_many_videos_and_another_follows_one_that_was_left(video: Path) -> None:
    assert numbers(video) == [0, 25, 50]
    before = set(children(os.getpid()))
    for _ in range(5):
        assert numbers(video) == [0, 25, 50]
    assert set(children(os.getpid())) == before
    pictures = guarded.sample(str(video), limits=USUAL)
    next(pictures)
    pictures.close()  # type: ignore[attr-defined]
    assert numbers(video) == [0, 25, 50]


@pytest.fixture(scope="module")
def long_video(folder: Path) -> Path:
    return looped(folder / "long.mp4", footage(folder / "source.mp4", range(20), seed=3), 600)


@pytest.fixture(scope="module")
def library(folder: Path) -> Path:
    footage(folder / "reference.mp4", range(10), seed=4)
    assert run("ingest", "--library", folder / "library", folder / "reference.mp4").status == 0
    return folder / "library"


def when_decoding(path: Path, how: signal.Signals) -> Callable[[], None]:
    """Sends a signal to the process that decodes the video, as soon as there is one."""

    def struck() -> bool:
        busy = [pid for pid in descendants(os.getpid()) if has_open(pid, path)]
        for pid in busy[:1]:
            os.kill(pid, how)
        return bool(busy)

    return lambda: wait_until(struck)


@pytest.mark.parametrize("command", ["ingest", "query", "compare", "matrix"])
def test_a_crash_of_the_decoder_costs_its_video_and_is_told_in_one_line(
    library: Path, long_video: Path, command: str
) -> None:
    others = [library.parent / "reference.mp4"] if command in ("compare", "matrix") else []
    place = ["--library", library] if command in ("ingest", "query") else []
    place += ["--retry-failed"] if command == "ingest" else []
    with ThreadPoolExecutor(1) as beside:
        striking = beside.submit(when_decoding(long_video, signal.SIGSEGV))
        finished = run(command, *place, long_video, *others)
        striking.result()
    assert finished.status == 1
    assert finished.err == f"reprise: {long_video}: the decoder crashed on it (SIGSEGV); the file is damaged\n"
    with reprise.open(library) as opened:
        assert [row.path for row in opened.videos()] == [str(library.parent / "reference.mp4")]
        assert opened.verify() == []


@pytest.mark.parametrize("command", ["ingest", "query"])
def test_a_decoder_that_hangs_is_ended_by_the_limit(library: Path, long_video: Path, command: str) -> None:
    with ThreadPoolExecutor(1) as beside:
        striking = beside.submit(when_decoding(long_video, signal.SIGSTOP))
        again = ["--retry-failed"] if command == "ingest" else []  # a crash is remembered
        finished = run(command, "--library", library, "--decode-limit", "stall=3", *again, long_video)
        striking.result()
    assert (finished.status, finished.err) == (
        1,
        f"reprise: {long_video}: its decoding made no progress, the limit is 3 s; if you trust it, allow more "
        "with --decode-limit stall=N\n",
    )


def test_a_video_may_take_only_so_long(library: Path, long_video: Path) -> None:
    began_s = time.monotonic()
    finished = run("query", "--library", library, "--decode-limit", "time=1", long_video)
    assert time.monotonic() - began_s < 60
    assert "its decoding took too long, the limit is 1 s; " in finished.err


def test_limits_are_given_by_name_and_mistyped_ones_are_told(library: Path, video: Path) -> None:
    assert DecodeLimits.parse(["pixels=100M", "duration=48h", "memory=8G", "stall=2.5"]) == DecodeLimits(
        pixels=100_000_000, duration_s=172_800, memory_bytes=8 << 30, stall_s=2.5
    )
    for wrong in ("pixel=3", "pixels", "pixels=many", "duration=3M5", "frames=0", "frames=3h"):
        with pytest.raises(SettingsError):
            DecodeLimits.parse([wrong])
    finished = run("query", "--library", library, "--decode-limit", "speed=3", video)
    assert finished.status == 2
    assert "one of pixels, frames, duration, time, stall, memory, bytes" in " ".join(finished.err.split())


def test_a_refused_video_is_not_stored_and_is_taken_with_a_higher_limit(folder: Path, video: Path) -> None:
    place = folder / "limited"
    refused = run("ingest", "--library", place, "--decode-limit", "duration=2", video)
    assert (refused.status, "it announces 0:03 of video, the limit is 2 s" in refused.err) == (1, True)
    assert run("list", "--library", place, "--json").out == ""
    assert run("ingest", "--library", place, "--decode-limit", "duration=4", video).status == 0


def test_user_pipelines_decode_as_before_and_by_the_same_lists(folder: Path, video: Path) -> None:
    from towhee import ops, pipe

    decode = ops.video_decode.ffmpeg(sample_type="time_step_sample", args={"time_step": 1})
    frames = pipe.input("path").flat_map("path", "frame", decode).output("frame")
    before = set(children(os.getpid()))
    assert len(list(frames(str(video)).to_list())) == 3
    assert set(children(os.getpid())) == before
    path = shutil.copy(video, folder / "list.m3u8")
    Path(path).write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{video}\n#EXT-X-ENDLIST\n")
    with pytest.raises(NotAVideoError, match="is a playlist"):
        list(sample(str(path)))


def test_a_message_that_breaks_off_in_its_middle_is_not_waited_for_for_ever() -> None:
    sends_half = (
        "import os, sys, time; from multiprocessing.connection import Connection; number = int(sys.argv[1]); "
        "Connection(os.dup(number)).send_bytes(b'whole'); os.write(number, b'\\0\\0\\0\\x64half'); time.sleep(600)"
    )
    process, connection = start_process(sends_half)
    with process, connection:
        give_up_reading_after(connection, 0.5)
        try:
            wait_until(connection.poll)
            assert connection.recv_bytes() == b"whole"
            with pytest.raises(BlockingIOError):
                connection.recv_bytes()
        finally:
            process.kill()
