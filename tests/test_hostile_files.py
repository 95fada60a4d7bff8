"""Videos as an attacker makes them: each is told in one line or shown as it is, in little time and memory."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from clips import ffmpeg, number_in, write_clip
from command_line import run
from footage import looped
from hostile import counting, elsewhere, huge_h264, lasting, numbers, still_in_video, white_png, with_box

from reprise.decoding import guarded
from reprise.decoding.limits import DecodeLimits
from reprise.errors import DecodeError, InputError, LimitError, NotAPictureError
from reprise.stalling import tree_cpu_s

USUAL = DecodeLimits()
STBL = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def video(folder: Path) -> Path:
    return write_clip(folder / "video.mp4")


@pytest.fixture(scope="module")
def canary(folder: Path) -> Path:
    """A pipe that nobody writes into: whoever opens it waits for ever."""
    os.mkfifo(folder / "canary.ts")
    return folder / "canary.ts"


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """A socket that listens; `called` tells whether anybody called."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def called(trap: socket.socket) -> bool:
    with suppress(BlockingIOError):
        trap.accept()[0].close()
        return True
    return False


def line_about(path: Path, *assignments: str) -> str:
    """The one line about a video that cannot be used, without its name."""
    with pytest.raises(InputError) as raised:
        numbers(path, *assignments)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def _cpu_s() -> float:
    """CPU seconds of this process and of the one that decodes for it."""
    return tree_cpu_s(os.getpid())


# --- what reaches for others

PLAYLIST = "is a playlist; hand over the video files that it names"
HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n"
REACHING = {
    "hls.m3u8": HLS.format("{canary}"),
    "hls-to-the-network.m3u8": HLS.format("http://127.0.0.1:{port}/a.ts"),
    "hls-as-a-video.mp4": HLS.format("{canary}"),
    "hls-in-hls.ts": HLS.format("concat:{canary}|{canary}"),
    "hls-of-data.m3u8": HLS.format("data:video/mp2t;base64,AAAA"),
    "hls-with-a-key.m3u8": HLS.replace("{}", "a.ts").replace(
        "#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="{canary}"\n#EXTINF'
    ),
    "joined.ffconcat": "ffconcat version 1.0\nfile '{canary}'\n",
    "joined.mp4": "ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/a.ts'\n",
    "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "dash.mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
    '<AdaptationSet><Representation id="1"><BaseURL>http://127.0.0.1:{port}/a.mp4</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>\n",
    "imf.xml": '<?xml version="1.0"?>\n<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
    "<Id>urn:uuid:8713c020-2489-45f5-a9f7-87be539e20b5</Id></CompositionPlaylist>\n",
    "script.avs": 'FFVideoSource("{canary}")\n',
    "script.vpy": "import vapoursynth\nvapoursynth.core.ffms2.Source('{canary}').set_output()\n",
    "list.asx": '<asx version="3.0"><entry><ref href="http://127.0.0.1:{port}/a.wmv"/></entry></asx>\n',
    "drawing.svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{canary}"/></svg>\n',
}


@pytest.mark.parametrize("name", REACHING)
def test_what_names_other_files_or_addresses_is_refused_and_reaches_none(
    folder: Path, canary: Path, trap: socket.socket, name: str
) -> None:
    path = folder / name
    path.write_text(REACHING[name].format(canary=canary, port=trap.getsockname()[1]))
    line = line_about(path, "stall=20")
    known = (PLAYLIST, "no video format recognised", "is a still picture", "is a text file")
    assert any(line.startswith(word) for word in known), line
    # FFmpeg takes no file of another name for HLS.
    assert (PLAYLIST in line) == name.endswith((".m3u8", "joined.ffconcat", "joined.mp4", ".sdp")), line
    assert not called(trap)


def test_a_film_whose_pictures_are_in_another_file_does_not_open_that(
    folder: Path, video: Path, canary: Path
) -> None:
    path = folder / "elsewhere.mov"
    ffmpeg("-i", video, "-c", "copy", path)
    place = (*STBL[:-1], b"dinf", b"dref")
    path.write_bytes(with_box(path.read_bytes(), place, lambda _: elsewhere(canary)))
    assert b"alis" in path.read_bytes()
    with suppress(DecodeError):  # not LimitError, which is what waiting for the pipe ends with
        assert set(numbers(path, "stall=20")) <= {0, 25, 50}


def test_stills_for_a_search_open_no_other_file(folder: Path, canary: Path, video: Path) -> None:
    path = folder / "picture.png"
    path.write_text(f"ffconcat version 1.0\nfile '{canary}'\n")
    with pytest.raises(NotAPictureError, match="is not a picture"):
        guarded.read_picture(str(path), limits=USUAL)
    with pytest.raises(NotAPictureError, match="is a video"):
        guarded.read_picture(str(video), limits=USUAL)


def test_formats_and_codecs_that_are_on_no_list_are_named(folder: Path, video: Path) -> None:
    ffmpeg("-i", video, "-c:v", "roqvideo", "-r", "30", "-s", "64x48", "-strict", "-2", folder / "game.roq")
    assert line_about(folder / "game.roq") == "its format, roq, is not read here; convert it, e.g. to MP4"
    rare = write_clip(folder / "rare.avi", codec="mpeg4")
    rare.write_bytes(rare.read_bytes().replace(b"FMP4", b"WNV1"))
    assert line_about(rare) == "its codec, wnv1, is not read here; re-encode it, e.g. to H.264"


def test_only_a_cover_and_only_subtitles_are_told_and_nothing_is_made(folder: Path, video: Path) -> None:
    subtitles, cover = folder / "only.srt", folder / "cover.png"
    subtitles.write_text("1\n00:00:01,000 --> 00:00:02,000\nhello\n\n" * 3)
    ffmpeg("-i", subtitles, "-c:s", "mov_text", folder / "subtitles.mp4")
    ffmpeg("-i", video, "-frames:v", "1", "-update", "1", cover)
    both = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-i", cover, *both, folder / "song.mp4")
    files = [folder / "subtitles.mp4", folder / "song.mp4", subtitles]
    finished = run("ingest", "--library", folder / "none", *files)
    assert finished.status == 1
    assert sorted(finished.err.splitlines()) == [
        f"reprise: {files[2]}: holds only subtitles, no pictures",
        f"reprise: {files[1]}: holds only sound, no pictures",
        f"reprise: {files[0]}: holds no video track",
    ]


# --- bombs


@pytest.mark.parametrize("name", ["bomb.mov", "bomb.avi"])
def test_pictures_of_900_million_pixels_are_refused_by_what_the_file_announces(folder: Path, name: str) -> None:
    path = still_in_video(folder / name, white_png(30_000, 30_000), size=(30_000, 30_000))
    assert path.stat().st_size < 1_000_000
    assert line_about(path) == (
        "its pictures have 30000 x 30000 pixels, the limit is 64000000; if you trust it, "
        "allow more with --decode-limit pixels=N"
    )


@pytest.mark.parametrize("name", ["lying.mov", "lying.avi"])
def test_pictures_larger_than_announced_are_not_decoded(folder: Path, name: str) -> None:
    path = still_in_video(folder / name, white_png(30_000, 30_000), size=(64, 48))
    line_about(path)  # starts the process that decodes, if none is there
    before_s = _cpu_s()
    assert "pixels" in line_about(path)
    assert _cpu_s() - before_s < 5


def test_an_h264_stream_of_400_million_pixels_is_not_decoded(folder: Path) -> None:
    path = folder / "huge.h264"
    path.write_bytes(huge_h264(16_000, 16_000))
    assert "pixels" in line_about(path)


def test_a_still_of_900_million_pixels_is_refused(folder: Path) -> None:
    path = folder / "huge.png"
    path.write_bytes(white_png(30_000, 30_000))
    with pytest.raises(LimitError, match="pixels"):
        guarded.read_picture(str(path), limits=USUAL)


def test_what_needs_more_memory_than_it_may_have_is_told(folder: Path) -> None:
    path = still_in_video(folder / "large.mov", white_png(4_000, 4_000), size=(4_000, 4_000))
    assert line_about(path, "memory=16M") == (
        "decoding it needs more memory, the limit is 16 MB; if you trust it, allow more with --decode-limit memory=N"
    )
    assert len(numbers(path)) == 1


def test_a_file_that_announces_a_billion_pictures_is_refused(folder: Path, video: Path) -> None:
    content = with_box(video.read_bytes(), (*STBL, b"stsz"), counting(10**9))
    path = folder / "billion.mp4"
    path.write_bytes(with_box(content, (*STBL, b"stts"), lasting(10**9)))
    before_s = _cpu_s()
    line = line_about(path)
    assert "allow more with --decode-limit frames=N" in line or "allow more with --decode-limit memory=N" in line, (
        line
    )
    assert _cpu_s() - before_s < 20


def test_ten_hours_of_one_picture_are_shown_as_such_and_may_be_refused(folder: Path) -> None:
    path = write_clip(folder / "still.mkv", times_s=[0, 36_000])
    assert path.stat().st_size < 10_000
    pictures = 0
    for picture in guarded.sample(str(path), limits=USUAL):
        assert picture.time_s == pictures
        pictures += 1
    assert pictures == 36_001
    assert "it announces 10:00:00 of video, the limit is 3600 s; " in line_about(path, "duration=1h")


def test_an_endless_stream_is_given_up_at_the_limit(folder: Path) -> None:
    # No header says how long it is, and its time stamps go on and on.
    looped(folder / "long.ts", write_clip(folder / "short.ts", seconds=4), 50)
    assert line_about(folder / "long.ts", "duration=30").startswith("it goes on after 0:30")
    assert line_about(folder / "long.ts", "frames=100").startswith(
        "it goes on after 100 pictures, the limit is 100; "
    )
    assert line_about(folder / "long.ts", "bytes=2K").startswith("its pictures take more than ")


# --- time stamps, changes on the way


def test_time_stamps_years_ahead_are_refused_or_not_believed(folder: Path) -> None:
    years_s = 40 * 365 * 86_400
    ahead = write_clip(folder / "years.mkv", times_s=[0, 1, 2, years_s, years_s + 1])
    assert "of video, the limit is 86400 s; " in line_about(ahead)
    joined = folder / "years.ts"
    ffmpeg("-output_ts_offset", "80000", "-i", write_clip(folder / "one.ts"), "-c", "copy", folder / "late.ts")
    joined.write_bytes((folder / "one.ts").read_bytes() + (folder / "late.ts").read_bytes())
    assert numbers(joined) == [0, 25, 50, 0, 25, 50]


def test_time_stamps_that_run_backwards_do_not_stop_the_clock(folder: Path) -> None:
    late, early = folder / "b.ts", write_clip(folder / "a.ts")
    ffmpeg("-i", early, "-c", "copy", "-output_ts_offset", "500", late)
    (folder / "back.ts").write_bytes(late.read_bytes() + early.read_bytes())
    assert numbers(folder / "back.ts") == [0, 25, 50, 0, 25, 50]


@pytest.mark.parametrize(
    ("size", "pixel_format"), [((128, 96), "yuv420p"), ((64, 48), "yuv444p"), ((320, 16), "yuv422p")]
)
def test_pictures_that_change_in_the_middle_are_shown_as_they_are(
    folder: Path, size: tuple[int, int], pixel_format: str
) -> None:
    first = write_clip(folder / "first.ts")
    second = write_clip(folder / "second.ts", size=size, pixel_format=pixel_format)
    path = folder / "changing.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    pictures = list(guarded.sample(str(path), limits=USUAL))
    assert [number_in(picture.pixels) for picture in pictures] == [0, 25, 50, 0, 25, 50]
    assert [picture.pixels.shape[:2] for picture in pictures] == 3 * [(48, 64)] + 3 * [size[::-1]]


def test_pictures_that_grow_over_the_limit_in_the_middle_cost_only_themselves(folder: Path) -> None:
    first = write_clip(folder / "small.ts")
    (folder / "growing.ts").write_bytes(first.read_bytes() + huge_h264(16_000, 16_000))
    assert numbers(folder / "growing.ts", "pixels=10K") == [0, 25, 50]
