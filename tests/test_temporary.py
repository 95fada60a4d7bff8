"""Folders that last as long as something runs, whatever becomes of the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reprise.temporary import HELD_NAME, YOUNG_S, temporary_folder

HOLDING = (
    "import sys\n"
    "from reprise.temporary import temporary_folder\n"
    "with temporary_folder('test') as folder:\n"
    "    (folder / 'frames').write_text('some')\n"
    "    print(folder, flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


@contextmanager
def held_by_another() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has a folder, made a while ago, and the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        made_s = (folder / HELD_NAME).stat().st_mtime - YOUNG_S - 1
        os.utime(folder / HELD_NAME, (made_s, made_s))
        yield process, folder
        process.kill()


def test_a_folder_is_there_while_it_is_used_and_gone_afterwards(tmp_path: Path) -> None:
    with temporary_folder("test") as folder:
        (folder / "frames").write_text("some")
        assert folder.parent == tmp_path
        assert folder.name.startswith("reprise-test-")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_of_its_kind(tmp_path: Path) -> None:
    with held_by_another() as (process, left):
        process.send_signal(signal.SIGKILL)
        process.wait()
        with temporary_folder("other"):
            assert (left / "frames").exists()
        with temporary_folder("test") as folder:
            assert list(tmp_path.iterdir()) == [folder]


def test_the_folder_of_a_process_that_runs_is_left_alone() -> None:
    with held_by_another() as (_, theirs):
        with temporary_folder("test"), temporary_folder("test"):
            assert (theirs / "frames").exists()
        assert (theirs / "frames").exists()


def test_a_folder_that_is_just_being_made_is_left_alone(tmp_path: Path) -> None:
    made = tmp_path / "reprise-test-new"
    made.mkdir()
    (made / HELD_NAME).touch()
    unheld = tmp_path / "reprise-test-none"
    unheld.mkdir()
    with temporary_folder("test"):
        assert made.exists()
        assert unheld.exists()
