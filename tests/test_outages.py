"""A full disk, a read-only folder, a server that goes away: one clear line, nothing lost, a later run completes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from command_line import COMMAND, Finished, run
from footage import footage
from milvus_process import MilvusProcess, running_server
from test_stores import opened, row, video

from reprise.errors import StoreAwayError
from reprise.stores.connections import disconnect

ROOT = Path(__file__).parents[1]


def run_apart(*arguments: str | Path, largest_file: int | None = None) -> Finished:
    """Runs `reprise` in a process of its own, which may write no file larger than so many bytes."""

    def limited() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    finished = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=limited,
    )
    return Finished(finished.returncode, finished.stdout, finished.stderr)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """first.mp4, and more/ with three longer ones."""
    folder = tmp_path_factory.mktemp("clips")
    footage(folder / "first.mp4", range(4), seed=0)
    (folder / "more").mkdir()
    for number in range(3):
        footage(folder / "more" / f"{number}.mp4", range(30), seed=10 + number)
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", "size=6m", "tmpfs", folder)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(*arguments: str | Path) -> None:
    mounted = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this user may not mount: {mounted.stderr.strip()}")


def test_a_disk_that_fills_up_costs_no_video_and_a_later_run_completes(clips: Path, small_disk: Path) -> None:
    library = small_disk / "library"
    assert run("ingest", clips / "first.mp4", "--library", library).status == 0
    filling = small_disk / "filling"
    with filling.open("wb") as file:
        while os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize > 100_000:
            file.write(bytes(20_000))
            file.flush()
    failed = run_apart("ingest", clips / "more", "--library", library, "--workers", "1")
    assert failed.status == 1
    assert failed.err.count("\n") == 1
    assert "o space left on device; make room on the disk and run the same command again" in failed.err
    filling.unlink()
    completes(library, clips)


def test_a_file_that_may_not_grow_costs_no_video_and_a_later_run_completes(clips: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    assert run("ingest", clips / "first.mp4", "--library", library).status == 0
    failed = run_apart("ingest", clips / "more", "--library", library, "--workers", "1", largest_file=60_000)
    assert failed.status == 1
    assert failed.err.count("\n") == 1
    assert "file too large; the system allows no larger file" in failed.err.lower()
    completes(library, clips)


def completes(library: Path, clips: Path) -> None:
    """Ingests the rest, and finds every video there once and whole."""
    assert run("ingest", clips / "more", "--library", library, "--workers", "1").status == 0
    verified = run("verify", "--library", library)
    assert (verified.status, verified.out) == (0, f"{library}: 4 videos checked, no problem\n")


def test_a_library_in_a_read_only_folder_is_refused_in_one_line(clips: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    assert run("ingest", clips / "first.mp4", "--library", library).status == 0
    if os.geteuid():
        library.chmod(0o500)
    else:  # whom no permission stops
        _mount("--bind", library, library)
    try:
        if not os.geteuid():
            _mount("-o", "remount,bind,ro", library)
        for command in (["ingest", clips / "more"], ["list"], ["verify", "--repair"]):
            refused = run(*command, "--library", library)
            assert refused.status == 1
            assert refused.err in {
                f"reprise: {library}: the folder cannot be written (Read-only file system)\n",
                f"reprise: {library}: the folder cannot be written (Permission denied)\n",
            }
    finally:
        if os.geteuid():
            library.chmod(0o700)
        else:
            subprocess.run(["umount", library], check=True)
    completes(library, clips)


# A server that goes away. It has a process of its own, for it is killed.


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusProcess]:
    """A server for this file alone."""
    with running_server(tmp_path_factory.mktemp("own-milvus-server")) as server:
        yield server


@pytest.mark.server
def test_an_ingest_and_a_search_wait_for_a_server_that_is_killed_and_started_again(
    own_server: MilvusProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path))
    monkeypatch.setattr("reprise.stores.patience.PATIENCE_S", 150.0)  # a loaded machine takes its time to start one
    with closing(opened(own_server.uri)) as stores:
        stores.add(row("0" * 32), video())
        own_server.kill()
        own_server.start_again()
        for number in range(1, 4):
            stores.add(row(str(number) * 32, path=f"{number}.mp4"), video(seed=number))
        stores.flush()
        own_server.kill()
        own_server.start_again()
        (best,) = stores.videos.nearest(video(seed=2).pooled, 1)
        assert best[0] == "2" * 32
        assert stores.problems() == []
        assert stores.frames.count() == 20


@pytest.mark.server
def test_a_server_that_hangs_for_a_moment_is_waited_for(
    own_server: MilvusProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path))
    with closing(opened(own_server.uri)) as stores:
        own_server.signal(signal.SIGSTOP)
        waker = threading.Timer(3.0, own_server.signal, [signal.SIGCONT])
        waker.start()
        stores.add(row("4" * 32), video(seed=4))
        waker.join()
        stores.flush()
        assert stores.frames.count("4" * 32) == 5


@pytest.mark.server
def test_a_server_that_stays_away_ends_an_ingest_in_one_line_and_a_later_run_completes(
    own_server: MilvusProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path))
    monkeypatch.setattr("reprise.stores.patience.PATIENCE_S", 2.0)
    with closing(opened(own_server.uri)) as stores:
        monkeypatch.setattr("reprise.stores.milvus.TIMEOUT_S", 2.0)  # now: making collections takes longer
        own_server.kill()
        with pytest.raises(
            StoreAwayError, match="went away and was not back within 2 s; what was done is kept: when"
        ):
            stores.add(row("5" * 32, path="5.mp4"), video(seed=5))
        with pytest.raises(StoreAwayError):  # at once
            stores.flush()
    own_server.start_again()
    own_server.wait()
    monkeypatch.undo()
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path))
    with closing(opened(own_server.uri, create=False)) as stores:
        # What had come as far as LevelDB is finished, with no decoding.
        assert "5" * 32 in stores.videos.get(["5" * 32])
        assert stores.frames.count("5" * 32) == 5
        assert stores.problems() == []
    disconnect(own_server.uri)
