"""A library on a server that keeps no matrices on the machines that use it: they come from Milvus, by video id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from footage import footage
from milvus_servers import cleared
from sounds import tune, with_sound
from test_stores import FACTS, opened, row, video

import reprise
from reprise.errors import SettingsError
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place

ROOT = Path(__file__).parents[1]
A, B = "a" * 32, "b" * 32


@pytest.fixture
def server(milvus_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A server with nothing on it, for commands that keep no matrices; what they keep lies under `tmp_path`/here."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "here"))
    monkeypatch.setenv("REPRISE_MATRICES", "milvus")
    cleared(milvus_server, keep_collections=True)
    return milvus_server


def kept(tmp_path: Path) -> list[Path]:
    """The LevelDB folders on this machine."""
    return [path.parent for path in (tmp_path / "here").rglob("CURRENT")]


def dies_in_writing(place: str) -> None:
    """A process writes the videos A, whole, and B, half, and is killed."""
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from test_stores import opened, row, video
stores = opened({place!r})
stores.add(row("{A}"), video())
stores.videos.put = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
stores.add(row("{B}", frames=7, path="b.mp4"), video(7, seed=1))
"""
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr


@pytest.mark.server
def test_queries_answer_as_with_matrices_here_and_nothing_is_left_on_the_machine(
    server: str, videos: Path, library: Path, tmp_path: Path
) -> None:
    asked = run("query", videos / "queries", "--library", library, "--json")
    ingested = run("ingest", videos / "refs", "--library", server, "--json")
    assert [line["status"] for line in ingested.objects] == ["added", "added"]
    answered = run("query", videos / "queries", "--library", server, "--json")
    assert answered.objects == asked.objects
    assert run("verify", "--library", server).out == f"{server}: 2 videos checked, no problem\n"
    assert kept(tmp_path) == []


@pytest.mark.server
def test_the_option_says_it_as_the_variable_does(
    server: str, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REPRISE_MATRICES")
    refs = [videos / "refs", "--library", server]
    assert run("ingest", *refs, "--matrices", "milvus").status == 0
    assert kept(tmp_path) == []
    with reprise.open(server, matrices="milvus") as shelf:
        assert [Path(row.path).name for row in shelf.videos()] == ["a.mp4", "b.mkv"]
    assert kept(tmp_path) == []
    assert run("ingest", *refs, "--matrices", tmp_path / "here" / "other").status == 0
    assert len(kept(tmp_path)) == 1
    assert run("ingest", *refs, "--matrices", "").status == 2


def test_a_library_in_a_folder_keeps_its_matrices_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has its matrices in it"):
        reprise.open(tmp_path / "library", matrices="milvus")


@pytest.mark.server
@pytest.mark.parametrize("next_keeps", ["milvus", "matrices"])
def test_what_a_killed_process_was_writing_is_finished_by_the_next_whatever_that_keeps(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, next_keeps: str
) -> None:
    dies_in_writing(server)
    assert len(kept(tmp_path)) == 1
    if next_keeps == "matrices":
        monkeypatch.delenv("REPRISE_MATRICES")
    with closing(opened(server, create=False)) as stores:
        assert stores.frames.counts() == {A: 5, B: 7}
        matrix = stores.frames.matrix(B)
        assert matrix is not None and np.allclose(matrix, video(7, seed=1).matrix)
        assert {found.path for found in stores.videos.all()} == {"a.mp4", "b.mp4"}
        assert stores.problems() == []
    assert [path for path in kept(tmp_path) if "unfinished" in path.parts] == []


@pytest.mark.server
def test_what_a_killed_process_with_matrices_was_writing_is_finished_by_one_without(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REPRISE_MATRICES")
    dies_in_writing(server)
    monkeypatch.setenv("REPRISE_MATRICES", "milvus")
    with closing(opened(server, create=False)) as stores:
        assert stores.frames.counts() == {A: 5, B: 7}
        assert stores.problems() == []
    (slot,) = kept(tmp_path)  # of the matrices, which stay for who keeps them
    monkeypatch.delenv("REPRISE_MATRICES")
    with closing(opened(server, create=False)) as stores:
        assert stores.place.matrices == slot
        assert stores.matrices.pending() == []
        assert stores.matrices.get_array(A) is not None


@pytest.mark.server
def test_what_is_written_is_let_go_as_soon_as_milvus_has_flushed_it(server: str) -> None:
    with closing(LibraryStores(Place.of(server), create=FACTS)) as stores:
        stores.add(row(A), video())
        assert list(stores.matrices.keys()) == [A]
        stores.flush()
        assert (list(stores.matrices.keys()), stores.matrices.pending()) == ([], [])
        matrix = stores.matrix(A)
        assert matrix is not None and np.allclose(matrix, video().matrix)
        stores.remove(A)


@pytest.mark.server
def test_a_moved_file_and_a_backup_keep_the_sound_that_only_the_server_has(server: str, tmp_path: Path) -> None:
    (tmp_path / "refs").mkdir()
    silent = footage(tmp_path / "silent.mp4", range(20), seed=1)
    clip = with_sound(tmp_path / "refs" / "a.mp4", silent, tune(1, 20))
    assert run("ingest", clip.parent, "--library", server, "--audio").status == 0
    clip.rename(clip.with_name("moved.mp4"))
    moved = run("ingest", clip.parent, "--library", server, "--json")
    assert [line["status"] for line in moved.objects] == ["moved"]
    assert run("verify", "--library", server).status == 0
    assert run("backup", tmp_path / "backup.zip", "--library", server).status == 0
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        kinds = {Path(name).name for name in archive.namelist() if name.startswith("videos/")}
    assert kinds == {"matrix", "times", "audio"}
    assert kept(tmp_path) == []


@pytest.mark.server
def test_whatever_the_moment_at_which_it_is_killed_a_library_without_matrices_holds_what_was_done(
    milvus_server: str, tmp_path: Path
) -> None:
    cleared(milvus_server, keep_collections=False)
    finished = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "kills.py", milvus_server, "--kills", "3", "--seed", "5"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "REPRISE_MATRICES": "milvus",
            "XDG_DATA_HOME": str(tmp_path / "here"),
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (finished.returncode, finished.stdout.splitlines()[-1][-15:]) == (0, "0 things wrong."), finished.stdout
