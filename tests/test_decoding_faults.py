"""Files that are no videos, not there, cut short or damaged: named with the reason, or shown as far as they go."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import Picture, ffmpeg, number_in, numbered_picture, write_clip

from reprise.decoding.container import check_file
from reprise.decoding.sampling import every_picture, sample, video_facts
from reprise.errors import DecodeError, InputError, MissingVideoError, NotAVideoError, printable

PLAIN_TEXT = b"".join(b"line %d of a plain text\n" % line for line in range(400))


def numbers(path: Path | str, **settings: Any) -> list[int]:
    return [number_in(picture.pixels) for picture in sample(str(path), **settings)]


def error_of(path: Path | str) -> InputError:
    """The error that sampling the file raises, with the path left out of its message."""
    with pytest.raises(InputError) as raised:
        list(sample(str(path)))
    message = str(raised.value)
    assert message.startswith(f"{printable(str(path))}: ")
    assert "\n" not in message
    assert "Traceback" not in message
    return type(raised.value)(message.removeprefix(f"{printable(str(path))}: "))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="session")
def video(folder: Path) -> Path:
    return write_clip(folder / "video.mp4")


def noisy(number: int, size: tuple[int, int]) -> Picture:
    """A numbered picture that compresses badly, so that a file's bytes are its pictures'."""
    noise = np.random.default_rng(number).integers(-16, 16, (size[1], size[0], 3))
    return np.clip(numbered_picture(number, size) + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def eight_seconds(folder: Path) -> Callable[[str], Path]:
    """200 noisy pictures, a key frame every two seconds, in the container of the given suffix."""
    source = write_clip(
        folder / "eight.mp4",
        seconds=8,
        picture=noisy,
        options={"g": "50", "qp": "20", "preset": "ultrafast"},
        muxer_options={"movflags": "faststart"},
    )

    # libvpx left to itself spends as much time on a picture as the machine has to spare.
    vp8 = ("-c:v", "libvpx", "-b:v", "2M", "-qmax", "20", "-deadline", "best")

    @functools.cache
    def in_container(suffix: str) -> Path:
        codec = {"webm": vp8, "mpg": ("-c:v", "mpeg2video", "-q:v", "2")}
        if suffix != "mp4":
            ffmpeg("-i", source, *codec.get(suffix, ("-c", "copy")), source.with_suffix(f".{suffix}"))
        return source.with_suffix(f".{suffix}")

    return in_container


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# --- not a video


@pytest.mark.parametrize("name", ["notes.txt", "notes.nfo", "art.ans", "subtitles.srt", "page.html", "renamed.mp4"])
def test_a_text_file_is_no_video(folder: Path, name: str) -> None:
    error = error_of(write(folder / name, PLAIN_TEXT))
    assert isinstance(error, NotAVideoError)
    assert "text file" in str(error) or "no video format recognised" in str(error)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tiff", "avif"])
def test_a_still_picture_is_no_video_whatever_its_name(folder: Path, video: Path, suffix: str) -> None:
    still = folder / f"still.{suffix}"
    ffmpeg(
        "-i", video, "-frames:v", "1", "-update", "1", *(("-c:v", "libaom-av1") if suffix == "avif" else ()), still
    )
    shutil.copy(still, folder / f"still_{suffix}.mp4")
    for path in (still, folder / f"still_{suffix}.mp4"):
        assert str(error_of(path)) == "is a still picture, not a video"


@pytest.mark.parametrize("suffix", ["mp3", "wav", "m4a", "mka", "opus"])
def test_sound_alone_is_no_video(folder: Path, suffix: str) -> None:
    path = folder / f"sound.{suffix}"
    ffmpeg("-f", "lavfi", "-i", "sine", "-t", "1", path)
    assert str(error_of(path)) == "holds only sound, no pictures"


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "flac"])
def test_the_cover_of_a_song_is_no_video(folder: Path, video: Path, suffix: str) -> None:
    cover, path = folder / "cover.png", folder / f"covered.{suffix}"
    ffmpeg("-i", video, "-frames:v", "1", "-update", "1", cover)
    both = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-i", cover, *both, path)
    assert str(error_of(path)) == "holds only sound, no pictures"


def test_subtitles_alone_are_no_video(folder: Path) -> None:
    subtitles = write(folder / "only.srt", b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n" * 30)
    ffmpeg("-i", subtitles, "-c", "copy", folder / "subtitles.mkv")
    assert str(error_of(folder / "subtitles.mkv")) == "holds no video track"


@pytest.mark.parametrize("name", ["noise.mp4", "zeros.ts"])
def test_meaningless_bytes_are_no_video(folder: Path, name: str) -> None:
    content = np.random.default_rng(0).bytes(50_000) if name == "noise.mp4" else bytes(50_000)
    error = error_of(write(folder / name, content))
    assert isinstance(error, NotAVideoError)
    assert str(error) == "no video format recognised; the file is broken, incomplete or not a video"


@pytest.mark.parametrize(
    "content", ["ffconcat version 1.0\nfile '{0}'\n", "#EXTM3U\n#EXTINF:3,\n{0}\n#EXT-X-ENDLIST\n"]
)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_playlist_is_no_video_and_reads_no_other_file(folder: Path, content: str, is_there: bool) -> None:
    write_clip(folder / "named.ts")
    path = folder / f"list_{is_there}{'.m3u8' if 'M3U' in content else '.ffconcat'}"
    error = error_of(write(path, content.format("named.ts" if is_there else "elsewhere.ts").encode()))
    assert isinstance(error, NotAVideoError)


# --- not there, not readable


def test_what_is_not_there_is_named_with_the_reason(folder: Path, video: Path) -> None:
    (folder / "dangling.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "circle.mp4").symlink_to(folder / "circle.mp4")
    reasons = {
        "missing.mp4": "no such file; it was moved, deleted or mistyped",
        "missing/video.mp4": "no such file; it was moved, deleted or mistyped",
        "video.mp4/inside.mp4": "no such file; it was moved, deleted or mistyped",
        "dangling.mp4": "is a symbolic link to a file that is not there",
        "circle.mp4": "its symbolic links go in a circle",
        "long" * 100: "the file name is too long",
        "zero\0byte.mp4": "no file can have this name",
    }
    assert video.exists()
    for name, reason in reasons.items():
        error = error_of(folder / name)
        assert isinstance(error, MissingVideoError)
        assert str(error) == reason


def test_what_is_no_file_is_named_so_and_not_waited_for(folder: Path) -> None:
    (folder / "empty.mp4").touch()
    (folder / "folder.mp4").mkdir()
    os.mkfifo(folder / "pipe.mp4")
    reasons = {
        folder / "empty.mp4": "the file is empty (0 bytes)",
        folder / "folder.mp4": "is a folder, not a video file",
        folder / "pipe.mp4": "is a pipe, socket or device, not a video file",
        Path("/dev/zero"): "is a pipe, socket or device, not a video file",
    }
    for path, reason in reasons.items():
        error = error_of(path)
        assert isinstance(error, NotAVideoError)
        assert str(error) == reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_named_so(folder: Path, video: Path) -> None:
    path = Path(shutil.copy(video, folder / "locked.mp4"))
    path.chmod(0)
    error = error_of(path)
    assert isinstance(error, MissingVideoError)
    assert str(error) == "no permission to read the file"


def test_a_file_that_vanishes_between_looking_and_opening_is_missing(folder: Path, video: Path) -> None:
    path = Path(shutil.copy(video, folder / "vanishing.mp4"))
    check_file(path)
    pictures = sample(str(path))
    path.unlink()
    with pytest.raises(MissingVideoError, match="no such file"):
        next(pictures)


def test_a_file_that_vanishes_while_it_is_read_is_read_to_its_end(folder: Path, video: Path) -> None:
    path = Path(shutil.copy(video, folder / "vanishing_later.mp4"))
    pictures = sample(str(path))
    shown = [next(pictures)]
    path.unlink()
    assert [number_in(picture.pixels) for picture in [*shown, *pictures]] == [0, 25, 50]


# --- names


@pytest.mark.parametrize(
    "name",
    [
        "with space.mp4",
        "line\nbreak.mp4",
        "-leading dash.mp4",
        ":colon.mp4",
        "a:b.mp4",
        "http:local.mp4",
        "pipe:0",
        "concat:a|b.mp4",
        "%03d.mp4",
        "[0-9]*?.mp4",
        'it\'s "quoted".mp4',
        "back\\slash.mp4",
        "ünï ☃ 日本\u3000語 👩\u200d👧.mp4",
        os.fsdecode(b"latin\xe4.mp4"),
        "\u202egnp.mp4",
    ],
)
def test_any_name_can_be_read(video: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(video, tmp_path / name)
    assert numbers(tmp_path / name) == [0, 25, 50]
    monkeypatch.chdir(tmp_path)
    assert numbers(name) == [0, 25, 50]


def test_a_printed_path_is_one_line_and_reads_as_it_is_stored() -> None:
    for path in ("/a b/ü ☃ 日本\u3000語 👩\u200d👧.mp4", "non\u00a0breaking.mp4"):
        assert printable(path) == path
    assert printable("a\nb\r\t\x1b[1m\u2028.mp4") == r"a\nb\r\t\x1b[1m\u2028.mp4"
    assert printable(os.fsdecode(b"latin\xe4.mp4")) == r"latin\udce4.mp4"
    assert printable("\u202egnp.mp4") == r"\u202egnp.mp4"
    assert printable(Path("a/b.mp4")) == "a/b.mp4"


# --- cut short, damaged


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "flv", "webm", "mpg"])
def test_a_file_cut_in_half_is_shown_up_to_there(
    folder: Path, eight_seconds: Callable[[str], Path], suffix: str
) -> None:
    content = eight_seconds(suffix).read_bytes()
    path = write(folder / f"half.{suffix}", content[: len(content) // 2])
    shown = [(number_in(picture.pixels), picture.time_s) for picture in every_picture(str(path))]
    assert 80 <= len(shown) <= 150
    # The picture that the cut goes through may show what was before it.
    assert shown[:-1] == [(k, pytest.approx(k / 25, abs=0.041)) for k in range(len(shown) - 1)]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_a_file_cut_in_half_still_announces_all_of_its_length(
    folder: Path, eight_seconds: Callable[[str], Path], suffix: str
) -> None:
    content = eight_seconds(suffix).read_bytes()
    facts = video_facts(str(write(folder / f"announces.{suffix}", content[: len(content) // 2])))
    assert (facts.duration_s or facts.container_duration_s) == pytest.approx(8.0)


@pytest.mark.parametrize("suffix", ["mp4", "flv"])
def test_a_cut_file_is_shown_alike_by_any_number_of_threads(folder: Path, suffix: str) -> None:
    # With pictures stored out of order the decoder holds some back, which the cut must not cost.
    options = {"bf": "2", "b-adapt": "0", "qp": "20"}
    faststart = {"movflags": "faststart"} if suffix == "mp4" else {}
    whole = write_clip(folder / f"reordered.{suffix}", picture=noisy, options=options, muxer_options=faststart)
    content = whole.read_bytes()
    for percent in (50, 51, 52):
        path = write(folder / f"reordered_{percent}.{suffix}", content[: len(content) * percent // 100])
        assert len({tuple(numbers(path, fps=25, threads=threads)) for threads in (1, 2, 8)}) == 1


def test_an_mp4_whose_index_was_at_its_cut_off_end_is_no_video(folder: Path) -> None:
    content = write_clip(folder / "index_at_end.mp4", picture=noisy).read_bytes()
    error = error_of(write(folder / "index_cut_off.mp4", content[: len(content) * 9 // 10]))
    assert isinstance(error, NotAVideoError)
    assert "broken, incomplete" in str(error)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "flv", "webm"])
def test_a_file_cut_before_its_first_picture_is_an_error(
    folder: Path, eight_seconds: Callable[[str], Path], suffix: str
) -> None:
    content = eight_seconds(suffix).read_bytes()
    for kept in (len(content) // 200, 40, 4):
        error_of(write(folder / f"stump.{suffix}", content[:kept]))


@pytest.mark.parametrize("damage", ["zeros", "noise"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "flv", "webm", "mpg"])
def test_damage_in_the_middle_costs_the_pictures_there_and_no_others(
    folder: Path, eight_seconds: Callable[[str], Path], suffix: str, damage: str
) -> None:
    content = bytearray(eight_seconds(suffix).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(0).bytes(3000) if damage == "noise" else bytes(3000)
    path = write(folder / f"damaged_{damage}.{suffix}", content)
    shown = numbers(path)
    # AVI counts pictures and has no time stamps: those that are lost bring the others forward.
    slack = 5 if suffix == "avi" else 0
    assert [abs(number - 25 * k) <= slack for k, number in enumerate(shown) if k not in (4, 5)] == [True] * 6


def test_pictures_of_an_unknown_codec_are_named_so(folder: Path, video: Path) -> None:
    path = write(folder / "unknown_codec.mp4", video.read_bytes().replace(b"avc1", b"zzzz"))
    error = error_of(path)
    assert isinstance(error, DecodeError)
    assert str(error) == "FFmpeg has no decoder for its pictures; re-encode it, e.g. to H.264"


def test_an_encrypted_video_is_an_error_that_says_so(folder: Path, video: Path) -> None:
    path = folder / "encrypted.mp4"
    key, key_id = "76a6c65c5ea762046bd749a2e632ccbb", "a7e61c373e219033c21091fa607bf3b8"
    scheme = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key_id)
    ffmpeg("-i", video, "-c", "copy", *scheme, path)
    error = error_of(path)
    assert isinstance(error, DecodeError)
    assert "encrypted" in str(error)


def test_ffmpegs_own_complaints_do_not_reach_the_terminal(
    folder: Path, eight_seconds: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(eight_seconds("mp4").read_bytes())
    content[len(content) // 2 :: 50] = bytes(len(content[len(content) // 2 :: 50]))
    numbers(write(folder / "complaints.mp4", content))
    assert capfd.readouterr() == ("", "")


# --- over the network


@pytest.fixture
def served(folder: Path) -> Iterator[str]:
    """The address at which the folder is served."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_video_is_read_from_its_address(served: str, video: Path) -> None:
    assert numbers(f"{served}/{video.name}") == [0, 25, 50]


def test_an_address_with_nothing_there_is_an_error_in_one_line(served: str) -> None:
    with pytest.raises(
        InputError, match=r"/missing\.mp4: cannot be opened \(.*404.*\); check that it plays elsewhere"
    ):
        list(sample(f"{served}/missing.mp4"))


def test_a_track_that_a_stream_announces_on_the_way_is_passed_over(tmp_path: Path) -> None:
    first = write_clip(tmp_path / "first.ts")
    # Wider than what FFmpeg looks through to find the tracks.
    ffmpeg("-i", first, "-c", "copy", "-muxrate", "30M", tmp_path / "wide.ts")
    sound = ("-f", "lavfi", "-i", "sine=d=3", "-map", "0", "-map", "1", "-c:a", "aac")
    ffmpeg("-i", first, *sound, "-c:v", "copy", tmp_path / "heard.ts")
    wide = (tmp_path / "wide.ts").read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(wide + (tmp_path / "heard.ts").read_bytes() + wide)
    with av.open(str(joined)) as container, pytest.raises(IndexError):
        list(container.demux(container.streams.video[0]))
    assert [number_in(picture.pixels) for picture in sample(str(joined), fps=1)][:3] == [0, 25, 50]
    assert len(list(sample(str(joined), fps=1))) == 9
