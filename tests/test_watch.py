"""`reprise ingest --watch`: what comes into a folder, when it is taken, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import COMMAND, cpu_s, has_open, run, wait_until
from footage import footage

from reprise.arrivals import SETTLED_S, Arrivals, is_being_written, is_unfinished
from reprise.errors import MissingVideoError
from reprise.library import Library
from reprise.wakeups import Wakeups


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.mp4, b.mp4 and c.mp4 of six seconds."""
    folder = tmp_path_factory.mktemp("clips")
    for seed, name in enumerate("abc"):
        footage(folder / f"{name}.mp4", range(6), seed=seed)
    return folder


class Watcher:
    """A command that watches, and what it says."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "ingest", "--json", "--watch", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def next(self) -> Any:
        """What became of the next video."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Ends it; its exit status and the rest of what it said."""
        os.killpg(self.process.pid, how)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture
def watch() -> Iterator[Callable[..., Watcher]]:
    """Starts watchers, which end with the test."""
    watchers: list[Watcher] = []

    def start(*arguments: str | Path) -> Watcher:
        watchers.append(Watcher(*arguments))
        return watchers[-1]

    yield start
    for watcher in watchers:
        watcher.process.kill()
        watcher.process.communicate()


def test_what_is_there_what_comes_and_what_changes_is_ingested_and_the_library_given_back_meanwhile(
    clips: Path, tmp_path: Path, watch: Callable[..., Watcher]
) -> None:
    incoming, library = tmp_path / "incoming", tmp_path / "library"
    (incoming / "deep").mkdir(parents=True)
    shutil.copy(clips / "a.mp4", incoming)
    watcher = watch(incoming, "--library", library)
    assert watcher.next() == {"path": f"{incoming}/a.mp4", "status": "added"}

    content = (clips / "b.mp4").read_bytes()
    with (incoming / "deep" / "b.mp4").open("wb") as slow:
        slow.write(content[:1000])
        slow.flush()
        (incoming / "c.mp4.part").write_bytes((clips / "c.mp4").read_bytes()[:1000])
        (incoming / "broken.mp4").write_bytes(bytes(1000))
        # It comes later than the file that is being written, and is dealt with before.
        assert watcher.next()["status"] == "failed"
        slow.write(content[1000:])
    assert watcher.next() == {"path": f"{incoming}/deep/b.mp4", "status": "added"}
    # While nothing comes, others have the library.
    assert len(run("list", "--json", "--library", library, "--wait", "30").objects) == 2

    shutil.copy(clips / "c.mp4", incoming / "c.mp4.part")
    (incoming / "c.mp4.part").rename(incoming / "c.mp4")
    assert watcher.next() == {"path": f"{incoming}/c.mp4", "status": "added"}
    footage(incoming / "broken.mp4", range(5), seed=9)
    assert watcher.next() == {"path": f"{incoming}/broken.mp4", "status": "added"}
    footage(incoming / "a.mp4", range(7), seed=8)
    assert watcher.next() == {"path": f"{incoming}/a.mp4", "status": "replaced"}

    status, out, err = watcher.end()
    assert (status, out) == (0, "")
    first, second = err.splitlines()
    assert first.startswith(f"reprise: watching {incoming}")
    assert second.startswith(f"reprise: {incoming}/broken.mp4: ")
    assert run("verify", "--library", library).out == f"{library}: 4 videos checked, no problem\n"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_that_is_ended_in_the_middle_of_a_video_ends_at_once_with_status_0(
    videos: Path, tmp_path: Path, watch: Callable[..., Watcher], how: signal.Signals
) -> None:
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    (incoming / "long.mp4").symlink_to(videos / "long.mp4")
    watcher = watch(incoming, "--library", tmp_path / "library")
    wait_until(lambda: has_open(watcher.process.pid, videos / "long.mp4"))
    begun_s = cpu_s(watcher.process.pid)
    wait_until(lambda: cpu_s(watcher.process.pid) > begun_s + 0.5)  # now it decodes
    status, out, err = watcher.end(how)
    assert (status, out, err.count("\n")) == (0, "", 1)
    assert run("verify", "--library", tmp_path / "library").out.endswith("0 videos checked, no problem\n")


def test_a_file_that_somebody_writes_is_known_for_it(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"x")
    assert not is_being_written(str(file))
    program = f"import sys; f = open({str(file)!r}, 'r+b'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        assert is_being_written(str(file))
        writer.communicate()
    assert not is_being_written(str(file))
    with file.open("rb"):
        assert not is_being_written(str(file))


@pytest.mark.parametrize(
    ("names", "unfinished"),
    [
        (["a.mp4"], False),
        (["a.v2.mp4"], False),
        (["party.mp4"], False),
        (["a.part.mp4"], True),
        (["a.temp.mp4"], True),
        (["a.mp4", "a.mp4.aria2"], True),
        (["a.mp4", "a.mp4.part"], True),
        (["a.mp4.download/a.mp4"], True),
    ],
)
def test_names_that_downloaders_give_to_unfinished_files_are_known(
    tmp_path: Path, names: list[str], unfinished: bool
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert is_unfinished(str(tmp_path / names[0])) is unfinished


def test_a_file_is_complete_when_it_has_not_changed_for_a_moment_and_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"1")
    arrivals = Arrivals([str(tmp_path)], settled_s=0.2)
    look = arrivals.look()
    assert (look.ready, look.waits) == ([], True)
    wait_until(lambda: arrivals.look().ready == [str(file)])
    arrivals.dealt_with(str(file))
    assert (arrivals.look().ready, arrivals.look().waits) == ([], False)
    file.write_bytes(b"12")
    assert (arrivals.look().ready, arrivals.look().waits) == ([], True)
    wait_until(lambda: arrivals.look().ready == [str(file)])
    file.unlink()
    assert (arrivals.look().ready, arrivals.look().waits) == ([], False)
    assert SETTLED_S >= 1


def test_a_folder_that_is_gone_is_told_and_one_that_never_was_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    arrivals = Arrivals([str(folder)])
    assert arrivals.look().faults == []
    folder.rmdir()
    assert arrivals.look().faults == [f"{folder}: is not there any more"]
    with pytest.raises(MissingVideoError, match="no such file or folder"):
        Library(tmp_path / "library").watch([str(folder)])


def test_the_system_wakes_a_watch_before_its_next_look(tmp_path: Path) -> None:
    pytest.importorskip("watchdog", reason="without it the folder is looked at every few seconds")
    with Wakeups([str(tmp_path)]) as wakeups:
        assert (wakeups.silent, wakeups.look_every_s) == ("", 60.0)
        (tmp_path / "a.mp4").touch()
        begun_s = time.monotonic()
        wakeups.wait(0, 300)
        assert time.monotonic() - begun_s < 250


def test_a_poll_without_a_watch_is_wrong_usage(tmp_path: Path) -> None:
    finished = run("ingest", tmp_path, "--poll", "5")
    assert finished.status == 2
    assert "--poll is for --watch" in finished.err


def test_a_library_within_the_watched_folder_makes_no_noise(
    clips: Path, tmp_path: Path, watch: Callable[..., Watcher]
) -> None:
    pytest.importorskip("watchdog", reason="without it nothing listens to the folders")
    shutil.copytree(clips, tmp_path / "incoming")
    watcher = watch(tmp_path / "incoming", "--library", tmp_path / "incoming" / "library")
    for _ in range(3):
        assert watcher.next()["status"] == "added"
    status, _, err = watcher.end(signal.SIGINT)
    assert status == 0
    assert [line for line in err.splitlines() if "watching" not in line] == []
