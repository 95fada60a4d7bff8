"""`--wait`: a second process at an embedded library."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command_line import run

import reprise
from reprise.cli.waiting import spelled_out
from reprise.errors import LibraryInUseError, SettingsError


@pytest.fixture
def holder(library: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the library open until its input ends."""
    program = (
        f"import reprise, sys; library = reprise.open({str(library)!r}); library.require();"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield process
        process.communicate()


def test_a_second_process_waits_as_long_as_it_is_told_and_says_for_whom(
    library: Path, holder: subprocess.Popen[bytes]
) -> None:
    finished = run("list", "--library", library, "--wait", "0.5")
    assert (finished.status, finished.out) == (1, "")
    waiting, refused = finished.err.splitlines()
    assert waiting == f"reprise: {library}: waiting for process {holder.pid} (-c), which has the library open"
    assert refused == (
        f"reprise: {library}: the library is in use by process {holder.pid} (-c) (waited 0.5 s); wait until it ends, "
        "or let --wait do so"
    )


def test_a_process_that_waits_goes_on_when_the_other_ends(
    library: Path, videos: Path, holder: subprocess.Popen[bytes]
) -> None:
    with ThreadPoolExecutor(1) as beside:
        # --wait with no number, and a path after it.
        waiting = beside.submit(
            run, "query", "--json", "--library", library, "--wait", videos / "queries" / "copy.mp4"
        )
        holder.communicate()
        finished = waiting.result()
    assert finished.status == 0
    (answer,) = finished.objects
    assert [match["reference"] for match in answer["matches"]] == [f"{videos}/refs/a.mp4"]
    assert all("waiting for" in line for line in finished.err.splitlines())


def test_the_wait_is_also_an_environment_variable_and_an_argument(
    library: Path, holder: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LibraryInUseError, match=r"waited 0\.1 s"):
        reprise.open(library, wait_s=0.1).require()
    monkeypatch.setenv("REPRISE_WAIT", "0.2")
    with pytest.raises(LibraryInUseError, match=r"waited 0\.2 s"):
        reprise.open(library).require()
    assert "(waited 0.2 s)" in run("list", "--library", library).err
    assert "waited" not in run("list", "--library", library, "--wait", "0").err
    monkeypatch.setenv("REPRISE_WAIT", "soon")
    with pytest.raises(SettingsError, match="REPRISE_WAIT is 'soon'"):
        reprise.open(library)
    assert holder.poll() is None


def test_a_wait_without_seconds_takes_no_path_for_them() -> None:
    assert spelled_out(["query", "--wait", "a.mp4"]) == ["query", "--wait=inf", "a.mp4"]
    assert spelled_out(["query", "--wait", "--json"]) == ["query", "--wait=inf", "--json"]
    assert spelled_out(["query", "--wait", "5", "a.mp4"]) == ["query", "--wait", "5", "a.mp4"]
    assert spelled_out(["query", "--wait=5", "--", "--wait"]) == ["query", "--wait=5", "--", "--wait"]
    assert spelled_out(["list", "--wait"]) == ["list", "--wait=inf"]


def test_a_wait_of_less_than_nothing_is_wrong_usage(library: Path) -> None:
    for wrong in ("-1", "nan"):
        assert run("list", "--library", library, f"--wait={wrong}").status == 2
