"""Decoding only what is asked for: the pictures, times and marks of a full decoding, and fewer packets decoded."""

from __future__ import annotations

import functools
import itertools
import math
import re
import struct
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import Picture as Pixels
from clips import ffmpeg, numbered_picture, write_clip
from footage import looped

from reprise.decoding.container import open_video
from reprise.decoding.limits import Meter
from reprise.decoding.needed import OtherwiseError, PacketList, list_packets, plan, planned_frames
from reprise.decoding.sampling import Picture, pictures_at, pictures_decoded_in_full
from reprise.errors import InputError

SECONDS = 8
SIZE = (96, 64)
QUICK = {"g": "50", "preset": "ultrafast", "qp": "26"}
X264 = {"preset": "veryfast", "qp": "26"}
VARIABLE_S = [k / 25 + (k // 30) * 0.7 + (k % 3) * 0.011 for k in range(150)]
# name: codec, options of the encoder, further settings of `write_clip`; with B-frames unless said otherwise
SKIPPED: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "default.mp4": ("libx264", X264, {}),
    "no_b_frames.mp4": ("libx264", {**X264, "bf": "0", "g": "30"}, {}),
    "pyramid.mkv": ("libx264", {**X264, "bf": "7", "b-adapt": "0", "b-pyramid": "normal", "refs": "4"}, {}),
    "one_second.mp4": ("libx264", {**X264, "g": "25"}, {}),
    "odd_groups.flv": ("libx264", {**X264, "g": "37", "bf": "2"}, {}),
    "open.mkv": ("libx264", {**X264, "bf": "3", "x264-params": "open-gop=1:keyint=40:min-keyint=40"}, {}),
    "refreshed.mp4": ("libx264", {**X264, "x264-params": "intra-refresh=1:bframes=2"}, {}),
    "ten_bits.mkv": ("libx264", X264, {"pixel_format": "yuv420p10le"}),
    "fragments.mp4": ("libx264", X264, {"muxer_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "slices.mp4": ("libx264", {**X264, "slices": "4"}, {}),
    "variable.mp4": ("libx264", X264, {"times_s": VARIABLE_S}),
    "stays.mp4": ("libx264", X264, {"times_s": [0, 0.04, 0.08, 3.5, 3.54, 15, 15.04, 15.08]}),
    "h265.mp4": ("libx265", {"preset": "veryfast", "x265-params": "log-level=none:keyint=60"}, {}),
    "h265_closed.mkv": ("libx265", {"preset": "veryfast", "x265-params": "log-level=none:open-gop=0:keyint=30"}, {}),
    "h265_layers.mp4": (
        "libx265",
        {"preset": "veryfast", "x265-params": "log-level=none:temporal-layers=3:keyint=40"},
        {},
    ),
    "vp8.webm": ("libvpx", {"g": "40", "b": "300k", "deadline": "realtime", "auto-alt-ref": "1"}, {}),
    "vp9.webm": ("libvpx-vp9", {"g": "40", "b": "300k", "deadline": "realtime", "cpu-used": "8"}, {}),
    "vp9.mp4": ("libvpx-vp9", {"g": "40", "b": "300k", "cpu-used": "5", "lag-in-frames": "16"}, {}),
    "av1.mp4": ("libsvtav1", {"g": "40", "preset": "12", "svtav1-params": "lp=1"}, {}),
    "part2.mp4": ("mpeg4", {"g": "40", "bf": "0"}, {}),
    "part2_b.mp4": ("mpeg4", {"g": "40", "bf": "2"}, {}),
    "part2_closed.mkv": ("mpeg4", {"g": "40", "bf": "2", "flags": "+cgop", "sc_threshold": "1000000000"}, {}),
}
IN_FULL: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "variable_fragments.mp4": (
        "libx264",
        X264,
        {"times_s": VARIABLE_S, "muxer_options": {"movflags": "frag_keyframe+empty_moov"}},
    ),
    "variable.mkv": ("libx264", X264, {"times_s": VARIABLE_S}),
    "interlaced.mp4": ("libx264", {**X264, "x264-params": "tff=1"}, {}),
    "part2_b.avi": ("mpeg4", {"bf": "2"}, {}),
    "joinable.ts": ("libx264", X264, {}),
    "raw.h264": ("libx264", X264, {}),
    "mpeg2.mkv": ("mpeg2video", {}, {}),
    "moving.gif": ("gif", {}, {"pixel_format": "rgb8", "fps": 10}),
    "with_alpha.webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}, {"pixel_format": "yuva420p"}),
}


def moving(number: int, size: tuple[int, int]) -> Pixels:
    """A numbered picture over noise, of which part moves and part is new: something to code in each frame."""
    width, height = size
    still = np.roll(_noise(width, height, 0), number, axis=1)
    new = _noise(width, height, 1 + number % 25) // 4
    return np.clip(numbered_picture(number, size) // 2 + still // 4 + new, 0, 255).astype(np.uint8)


@functools.lru_cache(maxsize=64)
def _noise(width: int, height: int, seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("needed")


@pytest.fixture(scope="session")
def clip(folder: Path) -> Iterator[Callable[[str], Path]]:
    """Makes the file of this name, once."""

    @functools.cache
    def made(name: str) -> Path:
        codec, options, settings = (SKIPPED | IN_FULL)[name]
        settings = {"seconds": SECONDS, "size": SIZE, "picture": moving} | settings
        return write_clip(folder / name, codec=codec, options=options, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SVT_LOG", "0")  # else the AV1 encoder tells all that it does
        yield made


def every(step_s: Fraction | float = 1, start_s: Fraction | float = 0) -> Iterator[Fraction]:
    return (Fraction(start_s) + k * Fraction(step_s) for k in itertools.count())


def outcome(pictures: Iterator[Picture]) -> list[tuple[float, bool, bytes] | str]:
    """All there is to a picture, and the error that the pictures end with, if any."""
    seen: list[tuple[float, bool, bytes] | str] = []
    try:
        seen.extend((p.time_s, p.is_key_frame, p.pixels.tobytes()) for p in pictures)
    except InputError as error:
        seen.append(f"{type(error).__name__}: {error}")
    return seen


def assert_same(path: Path, times: Callable[[], Iterator[Fraction]] = every, **settings: Any) -> int:
    """Fails unless both ways to decode come to the same; how many pictures there are."""
    expected = outcome(pictures_decoded_in_full(str(path), times(), **settings))
    assert outcome(pictures_at(str(path), times(), **settings)) == expected
    return len(expected)


def listed(path: Path) -> PacketList:
    packet_list = list_packets(str(path))
    assert packet_list is not None
    return packet_list


def share_decoded(path: Path, times_s: list[Fraction]) -> float:
    """How many of the video's packets are decoded for the times; 1 if there is no plan."""
    packet_list = list_packets(str(path))
    if packet_list is None:
        return 1.0
    is_sent = plan(packet_list, times_s).is_sent
    return sum(is_sent) / len(is_sent)


# --- the same pictures, with less work


@pytest.mark.parametrize("name", SKIPPED)
def test_what_is_asked_for_is_what_full_decoding_gives(clip: Callable[[str], Path], name: str) -> None:
    path = clip(name)
    assert assert_same(path) >= 6
    assert_same(path, lambda: every(Fraction(1, 3), Fraction(7, 100)), end_s=5.5)
    assert_same(path, lambda: every(Fraction(5, 2)), threads=3)
    assert_same(path, lambda: every(1, Fraction(41, 10)))
    assert_same(path, lambda: iter([Fraction(1, 25), Fraction(1, 25), Fraction(3), Fraction(599, 100)]))


@pytest.mark.parametrize("name", SKIPPED)
def test_not_all_is_decoded_for_a_few_pictures(clip: Callable[[str], Path], name: str) -> None:
    times_s = list(itertools.takewhile(lambda time_s: time_s < 4, every()))
    assert 0 < share_decoded(clip(name), times_s) < 0.9


@pytest.mark.parametrize("name", IN_FULL)
def test_files_that_give_a_reason_for_doubt_are_decoded_in_full(clip: Callable[[str], Path], name: str) -> None:
    assert assert_same(clip(name)) >= 3
    if name != "interlaced.mp4":  # which shows only when it is decoded
        assert list_packets(str(clip(name))) is None


def test_of_groups_of_a_second_little_but_their_first_picture_is_decoded(clip: Callable[[str], Path]) -> None:
    times_s = [Fraction(k) for k in range(SECONDS)]
    assert share_decoded(clip("one_second.mp4"), times_s) < 0.25
    assert 0.25 < share_decoded(clip("default.mp4"), times_s) < 0.8


def test_frames_that_lean_on_the_group_before_keep_it_whole(clip: Callable[[str], Path]) -> None:
    packet_list = listed(clip("open.mkv"))
    sent = plan(packet_list, [Fraction(0), Fraction(7)]).is_sent
    leant_on = [index for index, role in enumerate(packet_list.roles) if role == 0 and index < sent.rindex(1)]
    assert all(sent[index] for index in leant_on)


def test_as_many_times_as_pictures_are_decoded_in_full(clip: Callable[[str], Path]) -> None:
    assert assert_same(clip("default.mp4"), lambda: every(Fraction(1, 25))) == 25 * SECONDS
    assert assert_same(clip("default.mp4"), lambda: iter([])) == 0


def test_an_end_past_which_nothing_lies_is_the_same_error(clip: Callable[[str], Path]) -> None:
    for start_s in (7.99, 8, 60):
        assert assert_same(clip("default.mp4"), lambda start_s=start_s: every(1, Fraction(start_s))) == 1
    assert_same(clip("default.mp4"), every, end_s=math.inf)


# --- cut, changed and damaged files


def test_pictures_outside_of_an_edit_list_do_not_count(folder: Path, clip: Callable[[str], Path]) -> None:
    for name, start_s in (
        ("default.mp4", "1.5"),
        ("h265.mp4", "3.1"),
        ("part2_b.mp4", "2.2"),
        ("odd_groups.flv", "2"),
    ):
        path = folder / f"cut_{Path(name).stem}.mp4"
        ffmpeg("-ss", start_s, "-i", clip(name), "-c", "copy", path)
        assert assert_same(path) >= 4


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "flv"])
def test_a_size_that_changes_on_the_way_changes_in_the_same_picture(folder: Path, suffix: str) -> None:
    parts = b""
    for number, size in enumerate([(96, 64), (64, 96)]):
        part = write_clip(folder / f"part_{number}.ts", seconds=3, size=size, picture=moving, options=QUICK)
        ffmpeg(
            "-itsoffset", str(3 * number), "-i", part, "-c", "copy", "-muxdelay", "0", part.with_suffix(".late.ts")
        )
        parts += part.with_suffix(".late.ts").read_bytes()
    (folder / "sizes.ts").write_bytes(parts)
    path = folder / f"sizes.{suffix}"
    ffmpeg("-i", folder / "sizes.ts", "-c", "copy", path)
    sizes = [picture.pixels.shape for picture in pictures_at(str(path), every())]
    assert sizes == [(64, 96, 3)] * 3 + [(96, 64, 3)] * 3
    assert assert_same(path) == 6


def test_the_list_of_packets_is_small(folder: Path, clip: Callable[[str], Path]) -> None:
    path = looped(folder / "long.mp4", clip("one_second.mp4"), 30)
    packet_list = listed(path)
    columns = (packet_list.stamps, packet_list.sizes, packet_list.roles, packet_list.shown)
    assert len(packet_list.roles) == 30 * SECONDS * 25
    assert sum(sys.getsizeof(column) for column in columns) < 30 * len(packet_list.roles)


def test_an_encrypted_file_is_a_reason_for_doubt(folder: Path, clip: Callable[[str], Path]) -> None:
    path = folder / "encrypted.mp4"
    key = (
        "-encryption_key",
        "76a6c65c5ea762046bd749a2e632ccbb",
        "-encryption_kid",
        "a7e61c373e219033c21091fa607bf3b8",
    )
    ffmpeg("-i", clip("default.mp4"), "-c", "copy", "-encryption_scheme", "cenc-aes-ctr", *key, path)
    assert list_packets(str(path)) is None
    assert assert_same(path) == 1


def test_damage_that_decoding_meets_on_its_way_takes_nothing_back(folder: Path, clip: Callable[[str], Path]) -> None:
    content = bytearray(clip("no_b_frames.mp4").read_bytes())
    with av.open(str(clip("no_b_frames.mp4"))) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    place = places[len(places) * 3 // 4]
    assert place is not None
    content[place + 20 : place + 420] = np.random.default_rng(0).bytes(400)
    path = folder / "late_damage.mp4"
    path.write_bytes(content)
    pictures = outcome(pictures_at(str(path), every(), threads=1))
    assert pictures == outcome(pictures_decoded_in_full(str(path), every(), threads=1))
    assert len(pictures) == SECONDS
    chosen = plan(listed(path), [Fraction(k) for k in range(SECONDS)])
    with open_video(str(path), threads=1) as (opened, stream), pytest.raises(OtherwiseError):
        list(planned_frames(chosen, opened, stream, Meter(str(path))))


def test_an_address_is_read_once(clip: Callable[[str], Path]) -> None:
    assert list_packets(f"http://127.0.0.1:9/{clip('default.mp4').name}") is None


def test_a_single_stamp_that_is_damaged_is_a_reason_for_doubt(folder: Path) -> None:
    whole = write_clip(
        folder / "stamps.mp4",
        seconds=4,
        picture=moving,
        size=SIZE,
        options={"bf": "2", "b-adapt": "0"},
        muxer_options={"use_editlist": "0"},
    )
    content = whole.read_bytes()
    table = content.index(b"ctts") + 12
    for entry, later_s in ((30, 0.2), (31, 0.5), (32, 20.0), (33, 7200.0)):
        changed = bytearray(content)
        struct.pack_into(">I", changed, table + 8 * entry + 4, int(later_s * 90_000))
        path = folder / f"stamp_{entry}.mp4"
        path.write_bytes(changed)
        assert_same(path)


@pytest.mark.parametrize("share", [0.3, 0.55, 0.8, 0.99])
@pytest.mark.parametrize("name", ["pyramid.mkv", "odd_groups.flv", "h265_closed.mkv", "vp9.webm", "vp8.webm"])
def test_a_file_that_is_cut_short_shows_the_same(
    folder: Path, clip: Callable[[str], Path], name: str, share: float
) -> None:
    content = clip(name).read_bytes()
    path = folder / f"short_{share}_{name}"
    path.write_bytes(content[: int(len(content) * share)])
    assert assert_same(path) >= 1


@pytest.mark.parametrize("damage", ["bit", "zeros", "noise"])
@pytest.mark.parametrize(
    "name", ["default.mp4", "pyramid.mkv", "odd_groups.flv", "h265.mp4", "vp9.webm", "part2_b.mp4", "av1.mp4"]
)
def test_damage_anywhere_shows_the_same(folder: Path, clip: Callable[[str], Path], name: str, damage: str) -> None:
    content = clip(name).read_bytes()
    rng = np.random.default_rng([len(name), len(damage)])
    for trial in range(4):
        changed = bytearray(content)
        at = int(rng.integers(len(content) // 10, len(content) * 9 // 10))
        new = {"bit": bytes([changed[at] ^ 16]), "zeros": bytes(60), "noise": rng.bytes(200)}[damage]
        changed[at : at + len(new)] = new
        path = folder / f"{damage}_{trial}_{name}"
        path.write_bytes(changed)
        # With several threads even full decoding gives now this, now that for a damaged file.
        assert_same(path, threads=1)


def test_a_picture_that_only_seems_to_be_one_where_decoding_can_start_is_a_reason_for_doubt(
    folder: Path, clip: Callable[[str], Path]
) -> None:
    content = bytearray(clip("part2_b.mp4").read_bytes())
    starts = [found.end() for found in re.finditer(rb"\x00\x00\x01\xb6", content)]
    predicted = next(start for start in starts if content[start] >> 6 == 1)
    content[predicted] &= 0x3F
    path = folder / "seeming.mp4"
    path.write_bytes(content)
    assert list_packets(str(path)) is None


def test_a_gap_where_packets_may_be_lost_is_a_reason_for_doubt(folder: Path, clip: Callable[[str], Path]) -> None:
    content = clip("pyramid.mkv").read_bytes()
    middle = len(content) // 2
    path = folder / "gap.mkv"
    path.write_bytes(content[:middle] + bytes(3000) + content[middle + 3000 :])
    assert list_packets(str(path)) is None
    assert assert_same(path, threads=1) >= 7
