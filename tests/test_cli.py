"""The command line as a person and a program meet it: screens, JSON, exit statuses, interruptions."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from command_line import Finished, run

from reprise.cli.running import run_command

ROOT = Path(__file__).parents[1]
NAMES = (
    *("ingest", "query", "check", "search", "compare", "matrix", "dedupe", "list", "info"),
    *("remove", "update", "tag", "export", "import", "verify", "backup", "restore", "serve"),
)
GROUPS = ("ignore", "reject", "models", "benchmark")  # of commands


@pytest.fixture
def in_videos(videos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the videos, which is the working directory for one test."""
    monkeypatch.chdir(videos)
    return videos


def without_scores(answer: dict[str, Any]) -> dict[str, Any]:
    """A query's answer with every score, which must be from 0.85 to 1, replaced by None."""
    for match in answer["matches"]:
        for scored in (match, *match["segments"]):
            assert 0.85 <= scored["score"] <= 1
            scored["score"] = None
    return answer


# Help and wrong usage


def test_the_help_lists_every_command_with_a_whole_sentence_in_the_order_of_use() -> None:
    finished = run("--help")
    listed = finished.out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == [*NAMES, *GROUPS]
    assert all(line.endswith(".") and "..." not in line for line in listed)
    assert (finished.status, finished.err) == (0, "")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_tells_its_usage(name: str) -> None:
    finished = run(name, "--help")
    assert finished.status == 0
    assert finished.out.startswith(f"Usage: reprise {name} ")
    assert run(name, "-h") == finished


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_also_a_script(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "scripts" / f"{name}.py"), run_name="__main__")
    assert ended.value.code == 0
    as_command = run(name, "--help").out
    assert capsys.readouterr().out == as_command.replace(f"Usage: reprise {name} ", f"Usage: {name}.py ")


def test_the_version_is_told() -> None:
    assert re.fullmatch(r"reprise \d+\.\d+\.\d+\S*\n", run("--version").out)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("list", "--nonsense"),
        ("list", "unexpected"),
        ("ingest",),
        ("query",),
        ("compare", "only-one.mp4"),
        ("remove",),
        ("ingest", "a.mp4", "--workers", "0"),
        ("ingest", "a.mp4", "--workers", "two"),
        ("ingest", "a.mp4", "--fps", "0"),
        ("ingest", "a.mp4", "--fps", "nan"),
        ("ingest", "a.mp4", "--fps", "61"),
        ("ingest", "a.mp4", "--model", "nonsense"),
        ("ingest", "a.mp4", "--library", ""),
        ("query", "a.mp4", "--top-k", "0"),
        ("query", "a.mp4", "--min-score", "1.5"),
        ("query", "a.mp4", "--min-score", "nan"),
        ("query", "a.mp4", "--aligner", "nonsense"),
        ("search",),
        ("search", "--text", " "),
        ("search", "--text", "a dog", "--image", "dog.png"),
        ("search", "--text", "a dog", "--kernel", "2"),
        ("search", "--text", "a dog", "--limit", "0"),
        ("search", "--text", "a dog", "--where", "news"),
        ("search", "--text", "a dog", "--plot", "dog.svg"),
        ("compare", "a.mp4", "b.mp4", "--fps", "-1"),
        ("compare", "a.mp4", "b.mp4", "--fps", "0"),
        ("compare", "a.mp4", "b.mp4", "--device", "abacus"),
    ],
)
def test_wrong_usage_exits_2_with_a_message_and_makes_nothing(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    finished = run(*arguments)
    assert (finished.status, finished.out) == (2, "")
    assert finished.err
    assert "Traceback" not in finished.err
    assert list(tmp_path.iterdir()) == []


def test_settings_that_do_not_fit_the_library_are_refused(library: Path, videos: Path) -> None:
    finished = run("ingest", "--fps", "2", "--library", library, videos / "refs")
    message = (
        f"reprise: {library}: this library was made at 1 frames a second, not 2; give --fps 1, "
        "or ingest again into a new library\n"
    )
    assert finished == Finished(status=1, out="", err=message)


def test_a_fault_of_the_program_itself_is_one_line_unless_it_is_being_debugged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def faulty() -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(sys, "argv", ["faulty"])
    assert run_command(faulty) == 1
    assert capsys.readouterr().err == (
        "reprise: internal fault (ZeroDivisionError: a fault); please report it, with REPRISE_DEBUG=1 set\n"
    )
    monkeypatch.setenv("REPRISE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run_command(faulty)


# What programs read


def test_query_answers_in_exactly_the_contracted_shape(library: Path, in_videos: Path) -> None:
    finished = run("query", "--json", "--library", library, "queries/copy.mp4")
    [answer] = finished.objects
    assert without_scores(answer) == {
        "query": "queries/copy.mp4",
        "duration": 15.0,
        "matches": [
            {
                "reference": f"{in_videos}/refs/a.mp4",
                "score": None,
                "segments": [{"segment": [4.5, 11.5, 15.0, 22.0], "score": None}],
            }
        ],
    }
    assert (finished.status, finished.err) == (0, "")


def test_a_folder_is_queried_video_by_video_one_object_a_line(library: Path, in_videos: Path) -> None:
    finished = run("query", "--json", "--library", library, "queries")
    answers = {answer["query"]: [match["reference"] for match in answer["matches"]] for answer in finished.objects}
    assert answers == {"queries/copy.mp4": [f"{in_videos}/refs/a.mp4"], "queries/own.mp4": []}
    assert finished.status == 0


def test_a_video_with_no_copy_has_no_matches(library: Path, in_videos: Path) -> None:
    assert in_videos.is_dir()
    [answer] = run("query", "--json", "--library", library, "queries/own.mp4").objects
    assert answer == {"query": "queries/own.mp4", "duration": 10.0, "matches": []}


def test_compare_answers_like_query_with_the_paths_as_given(in_videos: Path) -> None:
    assert in_videos.is_dir()
    [answer] = run("compare", "--json", "queries/copy.mp4", "refs/a.mp4").objects
    # Ten of its fifteen seconds are a third of the thirty.
    assert 0.6 < answer.pop("similarity") < 0.8
    assert without_scores(answer) == {
        "query": "queries/copy.mp4",
        "duration": 15.0,
        "matches": [
            {
                "reference": "refs/a.mp4",
                "score": None,
                "segments": [{"segment": [4.5, 11.5, 15.0, 22.0], "score": None}],
            }
        ],
    }
    [nothing] = run("compare", "--json", "queries/own.mp4", "refs/a.mp4").objects
    assert 0.2 < nothing.pop("similarity") < 0.5
    assert nothing == {"query": "queries/own.mp4", "duration": 10.0, "matches": []}


def test_list_info_and_verify_print_json(library: Path, videos: Path) -> None:
    rows = run("list", "--json", "--library", library).objects
    assert [row["path"] for row in rows] == [f"{videos}/refs/a.mp4", f"{videos}/refs/b.mkv"]
    fields = ["path", "id", "duration", "frames", "fps", "model", "ingested_at", "content_hash", "file_size", "tags"]
    fields += ["width", "height", "codec"]
    assert all(list(row) == fields and row["tags"] == ["news"] for row in rows)
    assert run("info", "--json", "--library", library, videos / "refs" / "b.mkv").objects == [rows[1]]
    [about] = run("info", "--json", "--library", library).objects
    assert (about["library"], about["videos"], about["frames"], about["fps"]) == (str(library), 2, 50, 1.0)
    [verdict] = run("verify", "--json", "--library", library).objects
    assert verdict == {"library": str(library), "videos": 2, "problems": []}


def test_ingest_and_remove_print_json(videos: Path, tmp_path: Path) -> None:
    path, library = str(videos / "refs" / "b.mkv"), tmp_path / "library"
    assert run("ingest", "--json", "--library", library, path).objects == [{"path": path, "status": "added"}]
    assert run("ingest", "--json", "--library", library, path).objects == [{"path": path, "status": "unchanged"}]
    assert run("remove", "--json", "--library", library, path, path).objects == [{"path": path, "status": "removed"}]
    finished = run("remove", "--json", "--library", library, path)
    assert finished.status == 1  # the second time
    assert finished.err == f"reprise: {path}: not in the library {library}; `reprise list` shows what is\n"
    assert run("list", "--json", "--library", library).out == ""


# Where the library is


def test_the_library_is_the_environments_or_else_a_folder_here(
    videos: Path, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REPRISE_LIBRARY", raising=False)
    assert run("list").err == "reprise: ./library: no library there; `reprise ingest` makes one\n"
    monkeypatch.setenv("REPRISE_LIBRARY", str(library))
    assert run("list").out.endswith("2 videos, 0:50\n")
    assert run("list", "--library", "elsewhere").status == 1
    monkeypatch.setenv("REPRISE_LIBRARY", "")
    assert run("ingest", videos / "refs" / "b.mkv").out.startswith("./library: 1 video added ")
    assert (tmp_path / "library").is_dir()


def test_the_scripts_do_what_the_commands_do(videos: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "REPRISE_LIBRARY": str(tmp_path / "library")}

    def script(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, ROOT / "scripts" / f"{name}.py", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    ingested = script("ingest", videos / "refs", tmp_path / "gone.mp4")
    assert ingested.returncode == 1
    assert "2 videos added (0:50, 50 frames), 1 failed; took " in ingested.stdout
    queried = script("query", "--json", videos / "queries")
    assert queried.returncode == 0
    assert queried.stdout == run("query", "--json", "--library", tmp_path / "library", videos / "queries").out
