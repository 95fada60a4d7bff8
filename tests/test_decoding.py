"""Which picture is on the screen at a given time, whatever the file makes of its time stamps."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import Picture, ffmpeg, ffmpeg_pictures, number_in, numbered_picture, write_clip

from reprise.decoding.container import open_video, usual_length_s
from reprise.decoding.sampling import every_picture, pictures_at, sample, video_facts
from reprise.errors import DecodeError, SettingsError

NTSC = Fraction(30_000, 1001)
WITH_GAPS_S = (0, 0.04, 0.08, 3.5, 3.54, 3.99, 7.2, 7.24)
KEY_EACH_SECOND = {"g": "25"}


def seen(path: str | Path, **settings: Any) -> list[tuple[int, float]]:
    """The number of the picture shown at each sampled time."""
    return [(number_in(picture.pixels), picture.time_s) for picture in sample(str(path), **settings)]


def numbers(path: str | Path, **settings: Any) -> list[int]:
    return [number for number, _ in seen(path, **settings)]


def from_number(first: int) -> Callable[[int, tuple[int, int]], Picture]:
    return lambda number, size: numbered_picture(first + number, size)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("decoding")


@pytest.fixture(scope="session")
def six_seconds(folder: Path) -> Path:
    """150 pictures at 25 a second, a key frame each second."""
    return write_clip(folder / "six_seconds.mp4", seconds=6, options=KEY_EACH_SECOND)


# --- constant frame rate


@pytest.mark.parametrize(
    ("suffix", "codec", "fps"),
    [
        ("mp4", "libx264", 25),
        ("mp4", "libx264", NTSC),
        ("mkv", "libx264", NTSC),
        ("mkv", "ffv1", 50),
        ("webm", "libvpx", 30),
        ("webm", "libvpx-vp9", 24),
        ("ts", "libx264", 25),
        ("ts", "mpeg2video", NTSC),
        ("avi", "mpeg4", 25),
        ("avi", "mjpeg", 30),
        ("avi", "libx264", 25),
        ("flv", "flv", 25),
        ("flv", "libx264", 25),
        ("mpg", "mpeg2video", 25),
        ("mov", "prores_ks", 24),
        ("wmv", "msmpeg4", 25),
        ("gif", "gif", 10),
    ],
)
def test_at_each_full_second_the_last_started_picture_is_shown(
    folder: Path, suffix: str, codec: str, fps: Fraction
) -> None:
    pixels = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le", "gif": "rgb8"}.get(codec, "yuv420p")
    path = write_clip(folder / f"{codec}_{float(fps):.0f}.{suffix}", fps=fps, codec=codec, pixel_format=pixels)
    length_s = round(3 * fps) / fps
    assert seen(path) == [(math.floor(k * fps), float(k)) for k in range(math.ceil(length_s))]


@pytest.mark.parametrize("suffix", ["mp4", "ts", "avi", "mkv"])
def test_pictures_that_are_stored_out_of_order_are_shown_in_order(folder: Path, suffix: str) -> None:
    options = {"bf": "5", "b-adapt": "0", "b-pyramid": "normal"}
    path = write_clip(folder / f"reordered.{suffix}", options=options)
    shown = list(every_picture(str(path)))
    assert [number_in(picture.pixels) for picture in shown] == list(range(75))
    assert [picture.time_s for picture in shown] == pytest.approx([k / 25 for k in range(75)], abs=1e-3)


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "mpeg2video", "mjpeg"])
def test_a_raw_stream_without_time_stamps_runs_at_its_frame_rate(
    folder: Path, six_seconds: Path, encoder: str
) -> None:
    path = folder / f"raw.{ {'libx264': 'h264', 'libx265': 'hevc', 'mpeg2video': 'm2v'}.get(encoder, 'mjpeg') }"
    ffmpeg("-i", six_seconds, "-c:v", encoder, "-x265-params", "log-level=none", path)
    assert seen(path) == [(25 * k, float(k)) for k in range(6)]


# --- variable frame rate


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "ts", "flv"])
def test_a_picture_that_stays_is_given_again_each_second(folder: Path, suffix: str) -> None:
    codec = "libvpx-vp9" if suffix == "webm" else "libx264"
    path = write_clip(folder / f"gaps.{suffix}", times_s=WITH_GAPS_S, codec=codec)
    assert numbers(path) == [0, 2, 2, 2, 5, 5, 5, 5]


def test_a_picture_that_stays_is_converted_once(folder: Path) -> None:
    shown = list(sample(str(write_clip(folder / "gaps.mp4", times_s=WITH_GAPS_S))))
    assert shown[1].pixels is shown[2].pixels


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "flv"])
def test_a_picture_may_stay_for_longer_than_a_jump(folder: Path, suffix: str) -> None:
    path = write_clip(folder / f"still.{suffix}", times_s=[0, 0.04, 25, 25.04])
    assert numbers(path) == [0, *[1] * 24, 2]


def test_a_slide_may_stay_where_the_file_announces_no_length(folder: Path) -> None:
    path = folder / "live.mkv"
    path.write_bytes(
        ffmpeg(
            "-i", write_clip(folder / "still.mp4", times_s=[0, 0.04, 25, 25.04]), "-c", "copy", "-f", "matroska", "-"
        )
    )
    assert video_facts(str(path)).container_duration_s is None
    assert numbers(path)[:26] == [0, *[1] * 24, 2]


@pytest.mark.parametrize(
    ("name", "fps", "times_s"),
    [("cfr", 25, None), ("ntsc", NTSC, None), ("slow", Fraction(1, 2), None), ("vfr", 25, WITH_GAPS_S)],
)
def test_ffmpeg_picks_the_very_same_pictures(
    folder: Path, name: str, fps: Fraction, times_s: tuple[float, ...] | None
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 48, 64, 3), dtype=np.uint8)
    path = write_clip(
        folder / f"same_{name}.mkv",
        seconds=8,
        fps=fps,
        times_s=times_s,
        pixel_format="yuv444p",
        options={"preset": "ultrafast", "qp": "30"},
        picture=lambda number, _size: noise[number],
    )
    theirs = ffmpeg_pictures(path, (64, 48), "-vf", "fps=1:round=up,scale=flags=area+accurate_rnd")
    ours = np.stack([picture.pixels for picture in sample(str(path))])
    assert len(np.unique(ours.reshape(len(ours), -1), axis=0)) > 2
    assert np.array_equal(ours, theirs)


# --- where the time stamps begin, jump or are damaged


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "flv"])
def test_times_count_from_the_first_picture_when_its_stamp_is_late(
    folder: Path, six_seconds: Path, suffix: str
) -> None:
    path = folder / f"late.{suffix}"
    ffmpeg("-itsoffset", "7.3", "-i", six_seconds, "-c", "copy", "-copyts", path)
    assert seen(path) == [(25 * k, float(k)) for k in range(6)]


def test_times_count_from_the_first_picture_when_its_stamp_is_negative(folder: Path, six_seconds: Path) -> None:
    path = folder / "negative.webm"
    vp8 = ("-c:v", "libvpx", "-fps_mode", "passthrough", "-enc_time_base", "1/1000")
    ffmpeg("-itsoffset", "-0.5", "-i", six_seconds, *vp8, "-avoid_negative_ts", "disabled", "-copyts", path)
    assert seen(path) == [(25 * k, float(k)) for k in range(6)]


def test_pictures_cut_off_by_an_edit_list_do_not_count(folder: Path, six_seconds: Path) -> None:
    path = folder / "cut_without_encoding.mp4"
    ffmpeg("-ss", "1.5", "-i", six_seconds, "-c", "copy", path)
    theirs = ffmpeg_pictures(path, (64, 48), "-vf", "fps=1:round=up")
    assert seen(path) == [(38 + 25 * k, float(k)) for k in range(5)]
    assert [number_in(picture) for picture in theirs] == numbers(path)


@pytest.mark.parametrize("stamps", ["two hours ahead", "from zero again"])
def test_joined_transport_streams_follow_each_other(folder: Path, stamps: str) -> None:
    first = write_clip(folder / "first.ts").read_bytes()
    second = write_clip(folder / "second.mp4", picture=from_number(1000))
    offset = ("-itsoffset", "7200") if stamps == "two hours ahead" else ()
    ffmpeg(*offset, "-i", second, "-c", "copy", "-copyts", folder / "second.ts")
    path = folder / "joined.ts"
    path.write_bytes(first + (folder / "second.ts").read_bytes())
    assert seen(path) == [(number, float(k)) for k, number in enumerate([0, 25, 50, 1000, 1025, 1050])]


def test_stamps_far_past_the_announced_length_stretch_nothing(folder: Path) -> None:
    path = write_clip(
        folder / "jump.mkv",
        times_s=[k / 25 + (7200 if k >= 50 else 0) for k in range(100)],
        options=KEY_EACH_SECOND,
    )
    with_duration_s(path, 4.0)
    assert numbers(path) == [0, 25, 50, 75]


def test_where_no_length_is_announced_a_picture_stays_an_hour_at_most(folder: Path) -> None:
    path = write_clip(
        folder / "jump_unannounced.mkv",
        times_s=[k / 25 + (7200 if k >= 50 else 0) for k in range(100)],
        options=KEY_EACH_SECOND,
    )
    with_duration_s(path, 0.0)
    assert numbers(path) == [0, 25, 50, 75]


def test_a_single_damaged_stamp_moves_no_other_picture(folder: Path) -> None:
    muxer_options = {"use_editlist": "0"}
    path = write_clip(folder / "damaged_stamp.mp4", seconds=4, options={"bf": "2"}, muxer_options=muxer_options)
    content = bytearray(path.read_bytes())
    table = content.index(b"ctts") + 12  # of how many pictures, how much later than decoded
    entries = [struct.unpack_from(">II", content, table + 8 * index) for index in range(60)]
    single = next(index for index, (count, _) in enumerate(entries) if index > 20 and count == 1)
    struct.pack_into(">I", content, table + 8 * single + 4, 7200 * 90_000)
    path.write_bytes(content)
    shown = [(number_in(picture.pixels), picture.time_s) for picture in every_picture(str(path))]
    assert shown == [(k, pytest.approx(k / 25)) for k in range(100)]


def with_duration_s(path: Path, duration_s: float) -> None:
    """Changes what the Matroska file announces as its length."""
    content = bytearray(path.read_bytes())
    # The element Duration, eight bytes long, in milliseconds.
    struct.pack_into(">d", content, content.index(b"\x44\x89\x88") + 3, 1000 * duration_s)
    path.write_bytes(content)


# --- what is asked for


def test_other_rates_give_the_pictures_between_and_beyond(six_seconds: Path) -> None:
    assert seen(six_seconds, fps=2, end_s=2) == [(0, 0.0), (12, 0.5), (25, 1.0), (37, 1.5)]
    assert seen(six_seconds, fps=0.5) == [(0, 0.0), (50, 2.0), (100, 4.0)]
    assert seen(six_seconds, fps=1e-6) == [(0, 0.0)]


def test_thirds_of_a_second_do_not_drift(six_seconds: Path) -> None:
    assert [time_s for _, time_s in seen(six_seconds, fps=3)][::3] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert numbers(six_seconds, fps=3)[::3] == [0, 25, 50, 75, 100, 125]


def test_start_and_end_cut_a_half_open_span(six_seconds: Path) -> None:
    assert seen(six_seconds, start_s=1.5, end_s=3.5) == [(37, 1.5), (62, 2.5)]
    shown = list(every_picture(str(six_seconds), start_s=1.0, end_s=1.12))
    assert [number_in(picture.pixels) for picture in shown] == [25, 26, 27]


def test_any_ascending_times_can_be_asked_for(six_seconds: Path) -> None:
    times_s = [Fraction(1, 25), Fraction(1, 25), Fraction(3), Fraction(599, 100), Fraction(6)]
    shown = list(pictures_at(str(six_seconds), times_s))
    assert [number_in(picture.pixels) for picture in shown] == [1, 1, 75, 149]


def test_a_size_is_width_and_height(six_seconds: Path) -> None:
    picture = next(sample(str(six_seconds), size=(32, 18), start_s=5))
    assert picture.pixels.shape == (18, 32, 3)
    assert picture.pixels.dtype == np.uint8
    assert number_in(picture.pixels) == 125


def test_key_frames_are_told(six_seconds: Path) -> None:
    assert [picture.is_key_frame for picture in sample(str(six_seconds), fps=2, end_s=2)] == [True, False] * 2


def test_a_start_past_the_end_is_an_error_that_tells_the_length(six_seconds: Path) -> None:
    for pictures in (sample, every_picture):
        with pytest.raises(DecodeError, match=r"six_seconds\.mp4: no picture at 60\.00 s; the video ends at 6\.00 s"):
            list(pictures(str(six_seconds), start_s=60))


def test_a_span_in_which_no_picture_starts_is_an_error(folder: Path) -> None:
    path = write_clip(folder / "gaps.mp4", times_s=WITH_GAPS_S)
    with pytest.raises(DecodeError, match=r"gaps\.mp4: no picture starts between 1\.00 s and 3\.00 s"):
        list(every_picture(str(path), start_s=1, end_s=3))


@pytest.mark.parametrize(
    "settings",
    [{"fps": 0}, {"fps": -1}, {"fps": math.nan}, {"fps": 1001}, {"start_s": -1}, {"start_s": 3, "end_s": 3}],
)
def test_settings_out_of_range_are_refused(six_seconds: Path, settings: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        list(sample(str(six_seconds), **settings))


# --- resources


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files() -> Iterator[str]:
    for entry in Path("/proc/self/fd").iterdir():
        try:
            yield str(entry.readlink())
        except OSError:  # the listing's own
            continue


def test_decoding_holds_a_handful_of_pictures(folder: Path) -> None:
    grey = np.full((720, 1280, 3), 128, np.uint8)
    path = write_clip(
        folder / "large.mp4", fps=50, size=(1280, 720), codec="mpeg4", picture=lambda _number, _size: grey
    )
    pictures = sample(str(path), fps=50, size=(16, 16), threads=1)
    next(pictures)
    before = resident_bytes()
    most = max(resident_bytes() for _ in pictures)
    assert most - before < 20 * grey.nbytes  # of 150


@pytest.mark.parametrize("pictures", [sample, every_picture])
def test_a_generator_that_is_abandoned_closes_the_file(
    six_seconds: Path, pictures: Callable[[str], Iterator[Any]]
) -> None:
    begun = pictures(str(six_seconds))
    next(begun)
    assert str(six_seconds) in open_files()
    del begun
    assert str(six_seconds) not in open_files()


# --- what the file says of itself


def test_facts_are_those_of_the_container(folder: Path, six_seconds: Path) -> None:
    facts = video_facts(str(six_seconds))
    assert (facts.duration_s, facts.container_duration_s) == (6.0, 6.0)
    assert (facts.width, facts.height, facts.codec) == (64, 48, "h264")
    late = folder / "late_facts.mkv"
    ffmpeg("-itsoffset", "7.3", "-i", six_seconds, "-c", "copy", "-copyts", late)
    assert video_facts(str(late)).duration_s is None
    assert video_facts(str(late)).container_duration_s == pytest.approx(6.0)


def test_a_rate_that_is_the_tick_of_a_clock_is_not_taken_for_that_of_the_pictures(folder: Path) -> None:
    for fps, length_s in [(25, Fraction(1, 25)), (Fraction(1, 2), 2), (1000, Fraction(1, 25))]:
        path = write_clip(folder / f"rate_{float(fps)}.mkv", times_s=[0, 2, 4], fps=fps)
        with open_video(str(path)) as (_, stream):
            assert usual_length_s(stream) == length_s


@pytest.mark.parametrize("suffix", ["ts", "mpg", "h264"])
def test_a_format_that_announces_no_length_has_none(folder: Path, six_seconds: Path, suffix: str) -> None:
    path = folder / f"no_length.{suffix}"
    ffmpeg("-i", six_seconds, *(("-c:v", "mpeg2video") if suffix == "mpg" else ("-c", "copy")), path)
    facts = video_facts(str(path))
    assert (facts.duration_s, facts.container_duration_s) == (None, None)
