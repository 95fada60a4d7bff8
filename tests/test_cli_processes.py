"""Commands as processes: what is left when they are interrupted, and when nobody reads on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import COMMAND, cpu_s, descendants, has_open, run, wait_until

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a command with all its processes in a group of their own, as a shell does; they end with the test."""
    started: list[subprocess.Popen[str]] = []

    def command(*arguments: str | Path) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
            )
        )
        return started[-1]

    yield command
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def test_an_interrupted_ingest_keeps_what_was_done_and_exits_130(start: Start, videos: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    ingest = start("ingest", "--json", "--library", library, videos / "refs", videos / "long.mp4")
    assert ingest.stdout is not None
    done = [json.loads(ingest.stdout.readline()) for _ in range(2)]
    os.killpg(ingest.pid, signal.SIGINT)
    out, err = ingest.communicate(timeout=120)
    assert (ingest.returncode, out) == (130, "")
    assert err == "\nreprise: interrupted; 2 of 3 videos are in the library, ingest again for the rest\n"
    assert run("verify", "--library", library).status == 0
    rows = run("list", "--json", "--library", library).objects
    assert {row["path"] for row in rows} == {answer["path"] for answer in done}


@pytest.mark.parametrize("command", ["ingest", "query"])
def test_a_long_video_is_given_up_at_once(start: Start, command: str, library: Path, videos: Path) -> None:
    running = start(command, "--library", library, videos / "long.mp4")
    wait_until(lambda: any(has_open(pid, videos / "long.mp4") for pid in [running.pid, *descendants(running.pid)]))
    begun_s = cpu_s(running.pid)
    wait_until(lambda: cpu_s(running.pid) > begun_s + 0.5)  # now it decodes
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)  # it takes minutes to decode
    assert (running.returncode, out) == (130, "")
    assert err.startswith("\nreprise: interrupted")
    assert len(err.splitlines()) == 2
    assert run("verify", "--library", library).out == f"{library}: 2 videos checked, no problem\n"


def test_a_reader_that_has_seen_enough_gets_no_traceback(start: Start, library: Path, videos: Path) -> None:
    query = start("query", "--json", "--library", library, videos / "queries" / "own.mp4", videos / "refs")
    assert query.stdout is not None
    assert query.stderr is not None
    assert json.loads(query.stdout.readline())["query"] == f"{videos}/queries/own.mp4"
    query.stdout.close()
    assert query.stderr.read() == ""
    query.wait(timeout=120)
