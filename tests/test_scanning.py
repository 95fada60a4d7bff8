"""From the paths that a person names to the video files they mean."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reprise.errors import MissingVideoError
from reprise.scanning import Found, content_hash, find_videos, video_id

NOBODY = 65534


def touch(folder: Path, *names: str) -> list[str]:
    """Files of one byte; their paths."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return [str(folder / name) for name in names]


@contextmanager
def no_privileges() -> Iterator[None]:
    """Root reads everything: for a moment the tests are nobody."""
    if os.getuid() != 0:
        yield
        return
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


def test_a_file_that_is_named_is_taken_whatever_its_name_and_whether_or_not_it_is_there(tmp_path: Path) -> None:
    paths = [*touch(tmp_path, "notes.txt"), str(tmp_path / "gone.mp4")]
    assert find_videos(paths) == Found(videos=paths, skipped=[], failures=[])


def test_a_folder_gives_its_videos_by_name_at_any_depth_and_tells_what_it_left_out(tmp_path: Path) -> None:
    videos = touch(tmp_path, "a/b/c/d.webm", "a/z.mkv", "b.MP4", "c.mov")
    others = touch(tmp_path, "a/cover.jpg", "notes.txt")
    assert find_videos([tmp_path]) == Found(videos=videos, skipped=others, failures=[])


def test_hidden_files_and_folders_are_passed_over_unless_they_are_named(tmp_path: Path) -> None:
    videos = touch(tmp_path, "a.mp4", ".b.mp4", ".cache/c.mp4", "._a.mp4")
    assert find_videos([tmp_path]) == Found(videos=videos[:1], skipped=[], failures=[])
    assert find_videos([tmp_path / ".cache", tmp_path / ".b.mp4"]).videos == [videos[2], videos[1]]


def test_a_file_is_taken_once_by_whatever_paths_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.mp4")
    (tmp_path / "link.mp4").symlink_to("a.mp4")
    (tmp_path / "folder").symlink_to(".")
    monkeypatch.chdir(tmp_path)
    paths = ["a.mp4", "./a.mp4", str(tmp_path / "a.mp4"), "link.mp4", "folder/a.mp4", "folder", "."]
    assert find_videos(paths) == Found(videos=["a.mp4"], skipped=[], failures=[])


def test_a_folder_whose_videos_were_all_named_before_is_no_failure(tmp_path: Path) -> None:
    inner = touch(tmp_path, "in/a.mp4", "in/notes.txt")
    assert find_videos([tmp_path, tmp_path / "in", tmp_path]) == Found(inner[:1], inner[1:], [])


def test_a_file_left_out_of_a_folder_is_taken_when_it_is_named_as_well(tmp_path: Path) -> None:
    video, other = touch(tmp_path, "a.mp4", "b.dat")
    assert find_videos([tmp_path, other]) == Found(videos=[video, other], skipped=[], failures=[])


def test_links_that_lead_back_end_the_search_there(tmp_path: Path) -> None:
    videos = touch(tmp_path, "a.mp4", "in/b.mp4")
    (tmp_path / "in" / "up").symlink_to("..")
    (tmp_path / "in" / "self").symlink_to("self")
    (tmp_path / "in" / "self.mp4").symlink_to("self.mp4")
    found = find_videos([tmp_path])
    assert found.videos == [*videos, str(tmp_path / "in" / "self.mp4")]  # named later, as unusable
    assert found.skipped == [str(tmp_path / "in" / "self")]
    assert found.failures == []


@pytest.mark.parametrize("names", [[], ["notes.txt", "in/cover.jpg"], [".hidden.mp4"]])
def test_a_folder_with_no_video_is_a_failure(tmp_path: Path, names: list[str]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    touch(folder, *names)
    [failure] = find_videos([*touch(tmp_path, "video.mp4"), folder]).failures
    assert (failure.path, failure.reason) == (str(folder), f"{folder}: no video in this folder")


def test_a_folder_that_may_not_be_read_is_named_and_the_others_are_searched() -> None:
    # pytest's own folders are closed to everyone but their owner.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        videos = touch(Path(folder), "a/b.mp4", "c.mp4")
        closed = Path(folder, "b")
        closed.mkdir(mode=0)
        with no_privileges():
            found = find_videos([folder])
        closed.chmod(0o700)
    assert found.videos == videos
    [failure] = found.failures
    assert (failure.path, failure.reason) == (str(closed), f"{closed}: the folder cannot be read (permission denied)")


def test_folders_may_lie_deeper_than_python_may_call(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(1100):
        folder /= "d"
        folder.mkdir()
    [video] = touch(folder, "a.mp4")
    try:
        assert find_videos([tmp_path]).videos == [video]
    finally:
        Path(video).unlink()
        while folder != tmp_path:  # as pytest could not
            folder.rmdir()
            folder = folder.parent


def test_a_file_called_ts_is_a_video_if_it_is_a_transport_stream_and_not_if_it_is_typescript(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_bytes(b"\x47" + bytes(187))
    (tmp_path / "b.ts").write_text("export const answer = 42;\n")
    (tmp_path / "c.ts").write_bytes(b"")  # empty: a video that failed to be written, to be named as such
    found = find_videos([tmp_path])
    assert [Path(path).name for path in found.videos] == ["a.ts", "c.ts"]
    assert [Path(path).name for path in found.skipped] == ["b.ts"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.ts")
    assert find_videos([tmp_path]).videos == [str(tmp_path / "a.ts")]


def test_the_id_depends_on_the_real_path_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = touch(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "link.mp4").symlink_to("a.mp4")
    monkeypatch.chdir(tmp_path)
    assert video_id(first) == video_id("a.mp4") == video_id("link.mp4")
    assert video_id(first) != video_id(second)


def test_the_content_hash_of_a_file_that_is_gone_is_an_input_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(MissingVideoError, match=r"gone\.mp4: cannot be read \(no such file or directory\)"):
        content_hash(tmp_path / "gone.mp4")


def test_what_is_not_allowed_is_passed_over_unread(tmp_path: Path) -> None:
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "film.mp4").write_bytes(b"x")
    found = find_videos([tmp_path], is_allowed=lambda path: not path.endswith("closed"))
    assert found.videos == [str(tmp_path / "open" / "film.mp4")]
