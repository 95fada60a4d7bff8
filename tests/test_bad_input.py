"""What a person meets whose files are damaged, oddly named or gone: every one is named, and the rest is done."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from clips import write_clip
from command_line import Finished, run
from footage import FPS, cut_short, footage, silence

import reprise
from reprise.ingest import Outcome

# What is bad about the files, and the word that must stand in the reason.
BROKEN = {
    "empty.mp4": "empty (0 bytes)",
    "random [bold]:smile:.mp4": "not a video",
    "text.mp4": "not a video",
    "headless.mp4": "incomplete",  # cut off before the index that stands at the end of an MP4 file
    "sound.wav": "only sound",
    "sound.mp4": "only sound",
    "still.jpg": "still picture",
    "nothing-decodes.mp4": "no picture can be decoded",
    "dangling.mp4": "link",
    "circle.mp4": "circle",
    "pipe.mp4": "pipe",
    "gone.mp4": "no such file",
}
GOOD = ("good.mp4", "with spaces and [brackets] :smile:.mp4", "two\nlines.mp4", "ünïcödé 日本 🎬.mp4")
TRUNCATED = "truncated.mkv"
SECONDS, WHOLE_S = 8, 20  # of the good videos, and of the truncated one before


@dataclass(frozen=True)
class Ingested:
    """A folder of good and bad files, all named to one `reprise ingest`, and what that said."""

    folder: Path
    library: Path
    finished: Finished

    @property
    def truncated_s(self) -> int:
        """Where the pictures of the truncated video end, in whole seconds that were begun."""
        return decodable_s(self.folder / TRUNCATED)

    def line_about(self, name: str) -> str:
        """The one line on stderr that names the file."""
        [line] = [line for line in self.finished.err.splitlines() if f"{shown(self.folder / name)}: " in line]
        return line


def shown(path: Path) -> str:
    return str(path).replace("\n", "\\n")


def decodable_s(path: Path) -> int:
    """How many seconds of the footage can be decoded, at least in part."""
    pictures = 0
    with av.open(str(path)) as container, suppress(av.FFmpegError):
        for _ in container.decode(video=0):
            pictures += 1
    return math.ceil(pictures / FPS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All the files of BROKEN, GOOD and TRUNCATED."""
    folder = tmp_path_factory.mktemp("files")
    good = footage(folder / GOOD[0], range(SECONDS), seed=1)
    for number, name in enumerate(GOOD[1:], start=2):
        footage(folder / name, range(SECONDS), seed=number)
    (folder / "empty.mp4").touch()
    (folder / "random [bold]:smile:.mp4").write_bytes(np.random.default_rng(0).bytes(20_000))
    (folder / "text.mp4").write_text("This is not a video.\n" * 100)
    cut_short(folder / "headless.mp4", good, share=0.5)
    silence(folder / "sound.wav")
    shutil.copy(folder / "sound.wav", folder / "sound.mp4")
    write_clip(folder / "still.jpg", seconds=1, fps=1, codec="mjpeg", pixel_format="yuvj420p", muxer="mjpeg")
    _without_pictures(folder / "nothing-decodes.mp4", good)
    (folder / "dangling.mp4").symlink_to("nowhere.mp4")
    (folder / "circle.mp4").symlink_to("circle.mp4")
    os.mkfifo(folder / "pipe.mp4")
    cut_short(folder / TRUNCATED, footage(folder / "whole.mkv", range(WHOLE_S), seed=9), share=0.5)
    (folder / "whole.mkv").unlink()
    return folder


def _without_pictures(path: Path, source: Path) -> None:
    """`source` with everything but its index overwritten."""
    content = source.read_bytes()
    index = content.index(b"moov")
    path.write_bytes(content[:48] + bytes(index - 52) + content[index - 4 :])


@pytest.fixture(scope="module")
def ingested(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    library = tmp_path_factory.mktemp("place") / "library"
    names = [*GOOD[:2], *BROKEN, TRUNCATED, *GOOD[2:]]
    return Ingested(folder, library, run("ingest", "--library", library, *(folder / name for name in names)))


@pytest.mark.parametrize(("name", "reason"), BROKEN.items())
def test_a_file_that_cannot_be_used_is_named_with_the_reason(ingested: Ingested, name: str, reason: str) -> None:
    line = ingested.line_about(name)
    assert line.startswith(f"reprise: {ingested.folder / name}: ")
    assert reason in line


def test_everything_else_is_done_and_all_is_counted_and_the_exit_status_is_1(ingested: Ingested) -> None:
    assert ingested.finished.status == 1
    [summary] = ingested.finished.out.splitlines()
    frames = 4 * SECONDS + ingested.truncated_s
    counts = f"5 videos added (0:{frames}, {frames} frames, 1 truncated), {len(BROKEN)} failed; took "
    assert summary.startswith(f"{ingested.library}: {counts}")
    with reprise.open(ingested.library) as library:
        assert {row.path for row in library.videos()} == {
            shown(ingested.folder / name) for name in (*GOOD, TRUNCATED)
        }
        assert library.verify() == []


def test_no_message_is_more_than_a_line_or_a_traceback(ingested: Ingested) -> None:
    lines = ingested.finished.err.splitlines()
    assert len(lines) == len(BROKEN) + 1  # and the truncated one
    assert all(line.startswith("reprise: ") for line in lines)


def test_a_video_that_decodes_in_part_is_ingested_up_to_there_and_flagged(ingested: Ingested) -> None:
    flag = f"truncated: its pictures end at {ingested.truncated_s} s of {WHOLE_S} s"
    assert ingested.line_about(TRUNCATED) == f"reprise: {ingested.folder / TRUNCATED}: {flag}; ingested up to there"
    listed = {row["path"]: row for row in run("list", "--json", "--library", ingested.library).objects}
    row = listed[str(ingested.folder / TRUNCATED)]
    assert (row["frames"], row["warning"]) == (ingested.truncated_s, flag)
    assert [path for path, row in listed.items() if "warning" in row] == [str(ingested.folder / TRUNCATED)]
    table = run("list", "--library", ingested.library).out
    assert [line.endswith(flag) for line in table.splitlines() if TRUNCATED in line] == [True]


def test_programs_are_told_the_same(folder: Path, tmp_path: Path) -> None:
    names = (GOOD[2], "empty.mp4", TRUNCATED)
    library = tmp_path / "library"
    finished = run("ingest", "--json", "--library", library, *(folder / name for name in names))
    assert finished.status == 1
    told = {answer.pop("path"): answer for answer in finished.objects}
    assert told == {
        shown(folder / GOOD[2]): {"status": "added"},
        str(folder / "empty.mp4"): {
            "status": "failed",
            "reason": f"{folder / 'empty.mp4'}: the file is empty (0 bytes)",
        },
        str(folder / TRUNCATED): {
            "status": "added",
            "warning": f"truncated: its pictures end at {decodable_s(folder / TRUNCATED)} s of {WHOLE_S} s",
        },
    }


def test_queries_name_the_same_files_and_answer_for_the_others(ingested: Ingested) -> None:
    names = [*BROKEN, *GOOD, TRUNCATED]
    queries = [ingested.folder / name for name in names]
    finished = run("query", "--json", "--library", ingested.library, *queries)
    assert finished.status == 1
    answered = {answer["query"]: [match["reference"] for match in answer["matches"]] for answer in finished.objects}
    assert answered == {path: [path] for path in (shown(ingested.folder / name) for name in (*GOOD, TRUNCATED))}
    for name, reason in BROKEN.items():
        [line] = [line for line in finished.err.splitlines() if str(ingested.folder / name) in line]
        assert reason in line


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_comparing_with_a_broken_file_names_it(folder: Path, order: tuple[int, int]) -> None:
    pair = (folder / GOOD[0], folder / "empty.mp4")
    finished = run("compare", *(pair[index] for index in order))
    message = f"reprise: {folder / 'empty.mp4'}: the file is empty (0 bytes)\n"
    assert finished == Finished(status=1, out="", err=message)


@pytest.mark.parametrize("name", GOOD)
def test_a_video_is_found_by_its_file_and_by_the_path_that_is_shown(ingested: Ingested, name: str) -> None:
    path = ingested.folder / name
    [by_file] = run("info", "--json", "--library", ingested.library, path).objects
    [by_shown] = run("info", "--json", "--library", ingested.library, shown(path)).objects
    assert by_file == by_shown
    assert by_file["path"] == shown(path)


def test_a_file_name_that_is_no_unicode_is_ingested_listed_and_removed(folder: Path, tmp_path: Path) -> None:
    video = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4")
    Path(video).write_bytes((folder / GOOD[0]).read_bytes())
    library = tmp_path / "library"
    assert run("ingest", "--library", library, video).status == 0
    [row] = run("list", "--json", "--library", library).objects
    assert row["path"] == f"{tmp_path}/caf\\udce9.mp4"
    [answer] = run("query", "--json", "--library", library, video).objects
    assert answer["query"] == answer["matches"][0]["reference"] == row["path"]
    assert run("remove", "--library", library, row["path"]).status == 0
    assert run("list", "--json", "--library", library).out == ""


def test_a_video_that_vanishes_while_others_are_ingested_is_named(folder: Path, tmp_path: Path) -> None:
    videos = [tmp_path / f"{number}.mp4" for number in range(4)]
    for video in videos:
        video.write_bytes((folder / GOOD[0]).read_bytes())

    def vanish(_outcome: Outcome, done: int, _total: int) -> None:
        if done == 1:  # the second is under way
            videos[2].unlink()

    with reprise.open(tmp_path / "library") as library:
        report = library.ingest([tmp_path], workers=1, progress=vanish)
    assert report.added == [str(videos[0]), str(videos[1]), str(videos[3])]
    [failure] = report.failed
    assert failure.path == str(videos[2])
    assert failure.reason.startswith(f"{videos[2]}: ")
    assert "no such file" in failure.reason


@pytest.mark.parametrize("names", [[], ["notes.txt"]])
def test_a_folder_with_no_video_in_it_fails_with_its_name(tmp_path: Path, names: list[str]) -> None:
    folder, library = tmp_path / "videos", tmp_path / "library"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    finished = run("ingest", "--library", library, folder)
    assert finished.status == 1
    assert finished.err.splitlines()[0] == f"reprise: {folder}: no video in this folder"
    assert finished.out.startswith(f"{library}: 0 videos added, 1 failed; took ")
    assert not library.exists()


@pytest.mark.parametrize("command", [("query", "a.mp4"), ("list",), ("info",), ("remove", "a.mp4"), ("verify",)])
def test_a_library_that_does_not_exist_is_named_and_not_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    finished = run(*command, "--library", tmp_path / "nowhere")
    message = f"reprise: {tmp_path / 'nowhere'}: no library there; `reprise ingest` makes one\n"
    assert finished == Finished(status=1, out="", err=message)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_files_is_no_place_for_a_library(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    finished = run("ingest", "--library", tmp_path, folder / GOOD[0])
    assert (finished.status, finished.out) == (1, "")
    assert finished.err.startswith(f"reprise: {tmp_path}: the folder holds other files; ")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


@pytest.fixture
def held(ingested: Ingested) -> Iterator[int]:
    """The id of another process that has the library open."""
    program = (
        f"import reprise, sys; library = reprise.open({str(ingested.library)!r}); library.require();"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        yield holder.pid
        holder.communicate()


def test_a_second_process_is_told_who_has_the_library_and_harms_nothing(ingested: Ingested, held: int) -> None:
    video = ingested.folder / GOOD[0]
    for command in (("list",), ("verify",), ("query", video), ("ingest", video), ("remove", video)):
        finished = run(*command, "--library", ingested.library)
        assert (finished.status, finished.out) == (1, "")
        assert finished.err.startswith(f"reprise: {ingested.library}: the library is in use by process {held} ")
        assert len(finished.err.splitlines()) == 1


def test_the_library_is_whole_after_the_second_process_was_turned_away(ingested: Ingested) -> None:
    finished = run("verify", "--library", ingested.library)
    assert finished == Finished(status=0, out=f"{ingested.library}: 5 videos checked, no problem\n", err="")
