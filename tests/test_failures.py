"""What a library remembers of files that could not be ingested."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from command_line import run
from footage import footage

import reprise
from reprise.errors import DecodeError, MissingVideoError, NotAVideoError, ProcessLostError, ReprisError
from reprise.failures import FORGOTTEN_AFTER, TRIED_AGAIN_AFTER, Failures, is_the_files_fault
from reprise.stores.library import LibraryStores

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAMAGE = DecodeError("broken.mp4: no picture can be decoded")


@dataclass(frozen=True)
class File:
    """A file of which nothing but this is asked."""

    path: str = "broken.mp4"
    id: str = "f1"
    file_size: int = 1000
    modified_ns: int = 5


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[LibraryStores]:
    """Those of a new library."""
    with reprise.open(tmp_path / "library") as library:
        yield library.opened(create=True)[0]


def test_a_failed_file_is_not_read_again_until_it_changes(place: str, tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    video.write_bytes(bytes(1000))
    first = run("ingest", "--library", place, video)
    reason = "no video format recognised; the file is broken, incomplete or not a video"
    assert (first.status, first.err) == (1, f"reprise: {video}: {reason}\n")
    # Of the same size and age, but a video now: who reads it finds that out.
    status = video.stat()
    whole = footage(tmp_path / "whole.mp4", range(4)).read_bytes()
    video.write_bytes(whole)
    os.truncate(video, 1000)
    os.utime(video, ns=(status.st_atime_ns, status.st_mtime_ns))
    again = run("ingest", "--library", place, video)
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    told = f"{video}: failed before, on {day}: {reason}; unchanged since, --retry-failed tries again"
    assert (again.status, again.err) == (1, f"reprise: {told}\n")
    assert "0 videos added, 1 failed" in again.out
    video.write_bytes(whole)
    assert run("ingest", "--library", place, video).status == 0
    assert run("list", "--library", place, "--failed").out == "0 files failed\n"


def test_what_failed_is_listed_and_tried_again_when_asked_for(tmp_path: Path) -> None:
    place, video = tmp_path / "library", tmp_path / "video.mp4"
    video.write_bytes(bytes(1000))
    run("ingest", "--library", place, video)
    (listed,) = run("list", "--library", place, "--failed", "--json").objects
    assert (listed["path"], listed["file_size"]) == (str(video), 1000)
    assert listed["reason"].startswith("no video format recognised")
    shown = run("list", "--library", place, "--failed").out
    assert shown.splitlines()[-1] == "1 file failed"
    assert listed["reason"] in shown
    retried = run("ingest", "--library", place, video, "--retry-failed")
    assert retried.err == f"reprise: {video}: {listed['reason']}\n"


def test_a_failure_holds_for_the_same_file_a_week_long(stores: LibraryStores) -> None:
    file = File()
    Failures(stores.notes, now=NOW).keep(file, DAMAGE)

    def holds(one: File, *, after: timedelta = timedelta(0)) -> bool:
        return Failures(stores.notes, now=NOW + after).holding(one) is not None

    assert holds(file)
    assert holds(file, after=TRIED_AGAIN_AFTER - timedelta(seconds=1))
    assert not holds(file, after=TRIED_AGAIN_AFTER)
    assert not holds(file, after=-TRIED_AGAIN_AFTER)
    assert not holds(replace(file, file_size=1001))
    assert not holds(replace(file, modified_ns=6))
    assert not holds(replace(file, id="f2"))
    assert holds(file)
    assert not holds(file, after=FORGOTTEN_AFTER)  # which also removes it
    assert not holds(file)


def test_another_version_of_the_program_tries_again(stores: LibraryStores, monkeypatch: pytest.MonkeyPatch) -> None:
    Failures(stores.notes, now=NOW).keep(File(), DAMAGE)
    assert Failures(stores.notes, now=NOW).holding(File()) is not None
    monkeypatch.setattr("reprise.failures.program", lambda: "99.0")
    assert Failures(stores.notes, now=NOW).holding(File()) is None


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        (DAMAGE, True),
        (NotAVideoError("a: is no video"), True),
        (ProcessLostError("a: the process was killed"), False),
        (MissingVideoError("a: is not there"), False),
        (ReprisError("a: unexpected fault (MemoryError)"), False),
    ],
)
def test_only_what_is_the_files_fault_is_kept(error: ReprisError, *, is_kept: bool) -> None:
    assert is_the_files_fault(error) is is_kept
