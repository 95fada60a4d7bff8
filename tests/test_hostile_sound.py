"""Sound as an attacker makes it: it reaches for nothing, ends at a limit, and costs one video."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
from clips import ffmpeg
from command_line import descendants, has_open, run, wait_until
from footage import footage
from hostile import elsewhere, with_box
from sounds import tune, with_sound

import reprise
from reprise.audio.chromaprint import ChromaprintError, codes_at_speeds
from reprise.audio.fingerprint import fingerprint, listened
from reprise.decoding import guarded, sound
from reprise.decoding.limits import DecodeLimits
from reprise.errors import DecodeError, InputError, LimitError, NotAVideoError, ProcessLostError

LONG_S = 3600
DREF = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sounds")


@pytest.fixture(scope="module")
def video(folder: Path) -> Path:
    """Ten seconds of pictures and of sound."""
    return with_sound(folder / "video.mp4", footage(folder / "bare.mp4", range(10)), tune(1, 0, 10))


@pytest.fixture(scope="module")
def long(folder: Path) -> Path:
    """Three seconds of pictures, an hour of sound, and no header that says so."""
    pictures, tone = "testsrc=size=64x48:rate=5:duration=3", f"sine=d={LONG_S}:sample_rate=16000"
    coded = ("-c:v", "mpeg2video", "-c:a", "mp2", "-b:a", "32k")
    ffmpeg("-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", tone, *coded, folder / "long.ts")
    return folder / "long.ts"


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """A socket that listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def limited(*assignments: str) -> DecodeLimits:
    return DecodeLimits.parse(assignments)


def program(path: Path, script: str) -> Path:
    """In place of ffmpeg, a program that says that it has Chromaprint and then does as `script` says."""
    path.write_text(f'#!/bin/sh\ncase "$*" in *-muxers*) echo " E  chromaprint     x"; exit;; esac\n{script}\n')
    path.chmod(0o755)
    return path


def decoders_of(path: Path) -> list[int]:
    return [pid for pid in descendants(os.getpid()) if has_open(pid, path)]


def test_sound_from_the_process_that_decodes_is_that_of_decoding_here(video: Path) -> None:
    apart = np.concatenate(list(guarded.sound(str(video), limits=DecodeLimits())))
    assert np.array_equal(apart, np.concatenate(list(sound.sound(str(video)))))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"),
        ("film.mp4", "ffconcat version 1.0\nfile '{canary}'\n"),
        ("joined.ffconcat", "ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/a.mp3'\n"),
    ],
)
def test_a_playlist_is_refused_and_its_sound_reaches_nothing(
    name: str, text: str, tmp_path: Path, trap: socket.socket
) -> None:
    os.mkfifo(tmp_path / "canary.ts")  # whoever opens it waits for ever
    path = tmp_path / name
    path.write_text(text.format(port=trap.getsockname()[1], canary=tmp_path / "canary.ts"))
    with pytest.raises(NotAVideoError, match="is a playlist"):
        fingerprint(str(path), limited("stall=20"))
    with pytest.raises(BlockingIOError):
        trap.accept()


def test_a_film_whose_sound_is_in_another_file_does_not_open_that(tmp_path: Path, video: Path) -> None:
    os.mkfifo(tmp_path / "canary.wav")
    path = tmp_path / "elsewhere.mov"
    ffmpeg("-i", video, "-map", "0:a", "-map", "0:v", "-c", "copy", path)
    path.write_bytes(with_box(path.read_bytes(), DREF, lambda _: elsewhere(tmp_path / "canary.wav")))
    assert path.read_bytes().count(b"alis") == 2
    with suppress(DecodeError):  # not LimitError, which is what waiting for the pipe ends with
        fingerprint(str(path), limited("stall=20"))


def test_a_sound_that_goes_on_and_on_is_given_up_at_the_limit(long: Path) -> None:
    for limit, told in (
        ("duration=60", "its sound goes on after 1:1"),  # somewhat more, as sound often runs on
        ("bytes=20K", "its sound takes more than "),
        ("time=0.01", "its decoding took too long, the limit is 0.01 s"),
    ):
        with pytest.raises(LimitError) as raised:
            fingerprint(str(long), limited(limit))
        assert str(raised.value).startswith(f"{long}: {told}")


def test_a_crash_of_the_sounds_decoder_costs_its_video_and_is_told(long: Path, video: Path) -> None:
    with closing(guarded.sound(str(long), limits=DecodeLimits())) as pieces:  # type: ignore[type-var]
        next(pieces)  # an hour is more than it can have sent already
        (decoder,) = decoders_of(long)
        os.kill(decoder, signal.SIGSEGV)
        with pytest.raises(DecodeError, match=r"long.ts: the decoder crashed on it \(SIGSEGV\)"):
            list(pieces)
    assert len(fingerprint(str(video))) > 40


def test_a_decoder_of_sound_that_hangs_is_ended_by_the_limit(long: Path) -> None:
    with closing(guarded.sound(str(long), limits=limited("stall=5"))) as pieces:  # type: ignore[type-var]
        next(pieces)
        (decoder,) = decoders_of(long)
        os.kill(decoder, signal.SIGSTOP)
        with pytest.raises(LimitError, match="made no progress, the limit is 5 s"):
            list(pieces)


def test_what_is_asked_of_the_sound_in_vain_is_a_warning_of_the_query(long: Path) -> None:
    told = listened(str(long), limited("duration=60"))
    assert (told.heard, len(told.codes)) == ((), 0)
    assert told.warning.startswith("its sound was not compared: its sound goes on after 1:1")


def test_a_crash_in_the_sound_of_one_video_leaves_the_library_as_it_was(
    long: Path, video: Path, tmp_path: Path
) -> None:
    place = tmp_path / "library"
    assert run("ingest", "--library", place, long, video).status == 0

    def strike() -> None:
        def struck() -> bool:
            for decoder in decoders_of(long):
                os.kill(decoder, signal.SIGSEGV)
                return True
            return False

        wait_until(struck)

    with ThreadPoolExecutor(1) as beside:
        striking = beside.submit(strike)
        finished = run("ingest", "--audio", "--library", place, long, video, "--workers", "1")
        striking.result()
    assert finished.status == 1
    assert finished.err.startswith(f"reprise: {long}: the decoder crashed on it (SIGSEGV)")
    with reprise.open(place) as library:
        assert {Path(row.path).name: row.audio for row in library.videos()} == {
            "long.ts": "",
            "video.mp4": "chromaprint",
        }
        assert library.verify() == []


@pytest.mark.parametrize(
    ("script", "kind", "told"),
    [
        ("echo out of order >&2; exit 3", DecodeError, "out of order"),
        ("kill -9 $$", ProcessLostError, "SIGKILL"),
        ("cat >/dev/null; kill -11 $$", DecodeError, "SIGSEGV"),
    ],
)
def test_an_ffmpeg_that_fails_costs_the_video_and_is_never_taken_for_silence(
    script: str, kind: type[InputError], told: str, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program(tmp_path / "ffmpeg", script)))
    with pytest.raises(kind) as raised:
        fingerprint(str(video))
    assert str(raised.value) == f"{video}: ffmpeg could not make a fingerprint of the sound ({told})"


@pytest.mark.parametrize("script", ["exec sleep 600", "cat >/dev/null; exec sleep 600"])
def test_an_ffmpeg_that_hangs_is_ended(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program(tmp_path / "ffmpeg", script)))
    minutes = [np.zeros(60 * sound.SAMPLE_RATE, np.int16)] * 3
    with pytest.raises(ChromaprintError, match="it stood still for 1 s"):
        codes_at_speeds(minutes, stall_s=1)


def test_a_video_that_cannot_give_its_sound_is_ingested_without_on_wish(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, other = tmp_path / "library", footage(tmp_path / "other.mp4", range(5), seed=2)
    with_sound(tmp_path / "clip.mp4", other, tune(3, 0, 5))
    assert run("ingest", "--audio", "--library", place, video).status == 0
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program(tmp_path / "ffmpeg", "exit 3")))
    refused = run("ingest", "--library", place, tmp_path / "clip.mp4")
    assert (refused.status, refused.err) == (
        1,
        f"reprise: {tmp_path / 'clip.mp4'}: ffmpeg could not make a fingerprint of the sound (exit status 3); "
        "--no-audio --retry-failed ingests its pictures alone\n",
    )
    taken = run("ingest", "--no-audio", "--retry-failed", "--library", place, tmp_path / "clip.mp4")
    assert (taken.status, taken.err) == (0, "")


def test_an_ingest_that_stops_for_want_of_chromaprint_names_the_way_round(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, other = tmp_path / "library", footage(tmp_path / "other.mp4", range(5), seed=2)
    assert run("ingest", "--audio", "--library", place, video).status == 0
    bare = tmp_path / "ffmpeg"
    bare.write_text("#!/bin/sh\necho ' E  matroska        Matroska'\n")
    bare.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(bare))
    stopped = run("ingest", "--library", place, other)
    assert (stopped.status, stopped.err.count("\n")) == (1, 1)
    assert "or leave the sound of these videos alone with --no-audio" in stopped.err
    assert run("ingest", "--no-audio", "--library", place, other).status == 0
    checked = run("check", "--library", place, other, "--json")
    assert checked.objects[0]["verdict"] == "exact"
