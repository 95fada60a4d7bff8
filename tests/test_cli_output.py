"""What the commands print for people."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command_line import COMMAND, run
from rich.console import Console
from rich.progress import Progress

from reprise.cli.printing import progress_bar
from reprise.times import clock

ESCAPE = "\x1b"


@pytest.fixture
def in_videos(videos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(videos)
    return videos


def test_query_shows_a_table_of_copied_segments(library: Path, in_videos: Path) -> None:
    finished = run("query", "--library", library, "queries/copy.mp4", "queries/own.mp4")
    lines = finished.out.splitlines()
    assert lines[0] == "queries/copy.mp4 (0:15): 1 copied segment"
    assert re.split(r" {2,}", lines[1]) == ["copied from", "in the query", "in the reference", "score"]
    assert set(lines[2]) == {"─"}
    assert re.fullmatch(rf"{in_videos}/refs/a\.mp4 +0:04\.5 - 0:15 +0:11\.5 - 0:22 +(0\.9\d|1\.00)", lines[3])
    assert lines[4:] == ["", "queries/own.mp4 (0:10): no copy found"]


def test_list_shows_a_table_of_videos_without_empty_columns(library: Path, videos: Path) -> None:
    lines = run("list", "--library", library).out.splitlines()
    assert lines[0].split() == ["video", "length", "frames", "ingested", "(UTC)", "tags"]
    date = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert re.fullmatch(rf"{videos}/refs/a\.mp4 +0:30 +30 +{date} +news", lines[2])
    assert re.fullmatch(rf"{videos}/refs/b\.mkv +0:20 +20 +{date} +news", lines[3])
    assert lines[4:] == ["2 videos, 0:50"]


def test_ingest_sums_up_in_a_line(videos: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    first = run("ingest", "--library", library, videos / "refs" / "b.mkv").out
    assert re.fullmatch(rf"{library}: 1 video added \(0:20, 20 frames\); took \d+\.\d s\n", first)
    again = run("ingest", "--library", library, videos / "refs" / "b.mkv").out
    assert re.fullmatch(rf"{library}: 0 videos added, 1 already there; took \d+\.\d s\n", again)


def test_files_in_folders_that_are_no_videos_are_told_but_fail_nothing(
    videos: Path, library: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").symlink_to(videos / "refs" / "a.mp4")
    for number in range(7):
        (tmp_path / f"{number}.txt").touch()
    finished = run("ingest", "--library", library, tmp_path)
    shown = ", ".join(f"{tmp_path}/{number}.txt" for number in range(5))
    message = f"reprise: 7 other files left out, not videos by their names: {shown}, ...\n"
    assert (finished.status, finished.err) == (0, message)


@pytest.mark.parametrize(
    ("time_s", "shown"),
    [(0, "0:00"), (59.96, "1:00"), (61.5, "1:01.5"), (3599.99, "1:00:00"), (7384.25, "2:03:04.2")],
)
def test_times_read_like_a_clock(time_s: float, shown: str) -> None:
    assert clock(time_s) == shown


def test_without_a_terminal_there_are_no_bars_no_colours_and_no_folded_paths(videos: Path, tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a long name for a folder " * 8] * 4)
    folder.mkdir(parents=True)
    (folder / "copy.mp4").write_bytes((videos / "queries" / "copy.mp4").read_bytes())
    library = tmp_path / "library"
    finished = [
        run("ingest", "--library", library, folder),
        run("query", "--library", library, folder),
        run("list", "--library", library),
        run("verify", "--library", library),
    ]
    assert [one.status for one in finished] == [0, 0, 0, 0]
    assert [one.err for one in finished] == ["", "", "", ""]
    assert not any(ESCAPE in one.out or "\r" in one.out for one in finished)
    for one in finished[1:3]:
        assert any(line.startswith(f"{folder}/copy.mp4  ") for line in one.out.splitlines())


def shown_bar(done: list[float], total: int, now_s: float) -> str:
    """The bar after one video more was done at each of the times, as it stands at `now_s`."""
    times_s = [0.0]
    bar = Progress(*progress_bar().columns, get_time=lambda: times_s[-1])
    row = bar.add_task("ingesting", total=total)
    for time_s in done:
        times_s.append(time_s)
        bar.advance(row)
    times_s.append(now_s)
    console = Console(file=io.StringIO(), width=120)
    with console.capture() as drawn:
        console.print(bar)
    return drawn.get().replace("━", "").replace("╸", "").replace("╺", "").strip()


@pytest.mark.parametrize(
    ("done", "now_s", "shown"),
    [
        ([], 3, "ingesting 0/10 0:00:03"),
        ([1, 2, 3, 4], 4, "ingesting 4/10 1.0/s 0:00:04 0:00:06 left"),
        ([300, 600], 600, "ingesting 2/10 12.0/h 0:10:00 0:40:00 left"),
        ([10, 20, 30, 40], 120, "ingesting 4/10 2.0/min 0:02:00 0:03:00 left"),
        ([2] * 10, 2, "ingesting 10/10 5.0/s 0:00:02"),
    ],
)
def test_the_bar_shows_count_rate_and_estimate_also_when_videos_take_minutes(
    done: list[float], now_s: float, shown: str
) -> None:
    assert " ".join(shown_bar(done, 10, now_s).split()) == shown


def on_a_terminal(*arguments: str | Path, stdout: Any = None) -> str:
    """Runs `reprise` with a terminal for stderr, and for stdout too unless it is given; what the terminal shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments], stdin=theirs, stdout=theirs if stdout is None else stdout, stderr=theirs
    ):
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # Linux' way to say that the other side has closed
            pass
    os.close(ours)
    return shown.decode()


def test_results_go_to_their_file_while_the_bar_is_on_the_terminal(
    library: Path, videos: Path, tmp_path: Path
) -> None:
    with (tmp_path / "answers").open("w") as answers:
        shown = on_a_terminal("query", "--json", "--library", library, videos / "queries", stdout=answers)
    written = [json.loads(line)["query"] for line in (tmp_path / "answers").read_text().splitlines()]
    assert written == [f"{videos}/queries/copy.mp4", f"{videos}/queries/own.mp4"]
    assert "querying" in shown
    assert "matches" not in shown


def test_on_a_terminal_the_bar_is_gone_when_the_command_ends(library: Path, videos: Path) -> None:
    shown = on_a_terminal("query", "--library", library, videos / "queries")
    assert "querying" in shown
    left = shown.rpartition(f"{ESCAPE}[2K")[2]  # after the line was erased for the last time
    assert "querying" not in left
    assert "own.mp4 (0:10): no copy found" in shown
