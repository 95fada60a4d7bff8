"""Ingesting many videos: what becomes of each, and what a dying process costs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command_line import COMMAND, children, descendants, has_open, is_running, run, wait_until
from footage import footage, looped

import reprise
from reprise.embedding import EmbeddedVideo, attempt
from reprise.errors import NotAVideoError, ProcessLostError
from reprise.ingest import Outcome
from reprise.scanning import Failure, content_hash
from reprise.settings import EmbedSettings
from reprise.workers import Job, embed_in_workers

LOOPS = 2000  # of a clip of ten seconds: decoding them takes far longer than a test waits


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a.mp4 and b.mp4, ten seconds each."""
    folder = tmp_path_factory.mktemp("clips")
    footage(folder / "a.mp4", range(10), seed=1)
    footage(folder / "b.mp4", range(10), seed=2)
    return folder


@pytest.fixture(scope="module")
def long_clip(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that takes many seconds to decode."""
    return looped(tmp_path_factory.mktemp("long") / "long.mp4", clips / "a.mp4", LOOPS)


def paths(library: Path) -> list[str]:
    with reprise.open(library) as opened:
        return [row.path for row in opened.videos()]


def test_ingesting_again_changes_nothing_and_does_not_even_read_the_files(clips: Path, tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes((clips / "a.mp4").read_bytes())
    with reprise.open(tmp_path / "library") as library:
        library.ingest([video, clips / "b.mp4"])
        before = library.videos()
        # Of the same size and age, but no video any more: who reads it fails.
        status = video.stat()
        video.write_bytes(bytes(status.st_size))
        os.utime(video, ns=(status.st_atime_ns, status.st_mtime_ns))
        report = library.ingest([video, clips / "b.mp4"])
        assert (report.unchanged, report.failed) == ([str(video), str(clips / "b.mp4")], [])
        assert library.videos() == before
        assert library.verify() == []


def test_a_file_whose_content_is_known_is_not_decoded(tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes(bytes(1000))
    assert isinstance(attempt(str(video), EmbedSettings()), NotAVideoError)
    assert attempt(str(video), EmbedSettings(), content_hash(video)) is None


def test_a_file_that_was_only_touched_is_unchanged(clips: Path, tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes((clips / "a.mp4").read_bytes())
    with reprise.open(tmp_path / "library") as library:
        library.ingest([video])
        os.utime(video)
        assert library.ingest([video]).unchanged == [str(video)]


def test_a_file_that_has_changed_is_replaced(clips: Path, tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    video.write_bytes((clips / "a.mp4").read_bytes())
    with reprise.open(tmp_path / "library") as library:
        library.ingest([video])
        footage(video, range(12), seed=2)
        report = library.ingest([video])
        assert (report.replaced, report.added, report.frames) == ([str(video)], [], 12)
        assert [(row.path, row.frame_count) for row in library.videos()] == [(str(video), 12)]
        assert library.info().frames == 12
        assert library.query(clips / "a.mp4").matches == ()
        assert [match.reference for match in library.query(clips / "b.mp4")] == [str(video)]
        assert library.verify() == []


def test_a_file_named_by_several_paths_is_ingested_once(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link.mp4").symlink_to(clips / "a.mp4")
    (tmp_path / "folder").symlink_to(clips)
    monkeypatch.chdir(clips)
    with reprise.open(tmp_path / "library") as library:
        report = library.ingest([clips / "a.mp4", "a.mp4", tmp_path / "link.mp4"])
        assert report.added == [str(clips / "a.mp4")]
        assert library.ingest(["a.mp4"]).unchanged == ["a.mp4"]
        assert library.ingest([tmp_path / "link.mp4"]).unchanged == [str(tmp_path / "link.mp4")]
        assert library.find("a.mp4") == library.find(tmp_path / "folder" / "a.mp4")
        assert library.info().videos == 1


def test_the_files_of_a_library_are_no_videos(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mp4").symlink_to(clips / "a.mp4")
    monkeypatch.chdir(tmp_path)
    with reprise.open() as library:
        library.ingest(["."])
        report = library.ingest(["."])
        assert (report.unchanged, report.skipped, report.failed) == (["./a.mp4"], [], [])


def test_progress_is_told_after_every_video(clips: Path, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.mp4")
    told: list[tuple[str, str, int, int]] = []

    def note(outcome: Outcome, done: int, total: int) -> None:
        told.append((outcome.path, outcome.status, done, total))

    with reprise.open(tmp_path / "library") as library:
        library.ingest([clips / "a.mp4"])
        library.ingest([gone, clips / "a.mp4", clips / "b.mp4"], progress=note)
    assert told == [
        (gone, "failed", 1, 3),
        (str(clips / "a.mp4"), "unchanged", 2, 3),
        (str(clips / "b.mp4"), "added", 3, 3),
    ]


def test_a_worker_that_dies_costs_only_its_video(long_clip: Path, tmp_path: Path) -> None:
    crashing, killed = tmp_path / "crashing.mp4", tmp_path / "killed.mp4"
    crashing.write_bytes(long_clip.read_bytes())
    killed.write_bytes(long_clip.read_bytes())
    short = [footage(tmp_path / f"{k}.mp4", range(4), seed=k) for k in range(3)]

    def struck(video: Path, how: signal.Signals) -> bool:
        # A worker while it reads the file for its hash, the process that decodes for it after that.
        busy = [pid for pid in descendants(os.getpid()) if has_open(pid, video)]
        for pid in busy[:1]:
            os.kill(pid, how)
        return bool(busy)

    def kill() -> None:
        # Beside the ingest, which may store the first video for as long as the others are decoded.
        for video, how in ((crashing, signal.SIGSEGV), (killed, signal.SIGKILL)):
            wait_until(lambda video=video, how=how: struck(video, how))

    with reprise.open(tmp_path / "library") as library, ThreadPoolExecutor(1) as beside:
        killing = beside.submit(kill)
        report = library.ingest([crashing, killed, *short], workers=2)
        killing.result()
        assert sorted(report.added) == [str(path) for path in short]
        assert sorted(report.failed, key=lambda failure: failure.path) == [
            Failure(str(crashing), f"{crashing}: the decoder crashed on it (SIGSEGV); the file is damaged"),
            Failure(
                str(killed),
                f"{killed}: the process that decoded it was killed; the machine may have run out of memory, "
                "try again",
            ),
        ]
        assert library.verify() == []


def test_giving_up_ends_the_workers_at_once(long_clip: Path, clips: Path) -> None:
    before = set(children(os.getpid()))
    embedded = embed_in_workers([Job(str(clips / "a.mp4")), Job(str(long_clip))], EmbedSettings(), 2)
    assert next(embedded)[0] == 0
    workers = set(children(os.getpid())) - before
    assert workers
    embedded.close()
    assert not any(is_running(pid) for pid in workers)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("/bin/false", r"ended while it started \(exit status 1\)"),
        ("/nowhere/python", r"cannot be started \(No such file or directory\)"),
    ],
)
def test_workers_that_cannot_start_end_the_ingest_with_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, clips: Path, program: str, reason: str
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    jobs = [Job(str(clips / "a.mp4")), Job(str(clips / "b.mp4"))]
    with pytest.raises(reprise.ReprisError, match=reason):
        list(embed_in_workers(jobs, EmbedSettings(), 2))


def test_a_plain_script_with_no_main_guard_ingests_and_queries(clips: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import reprise\n"
        f"library = reprise.open({str(tmp_path / 'library')!r})\n"
        f"print(len(library.ingest([{str(clips)!r}]).added))\n"
        f"for match in library.query({str(clips / 'a.mp4')!r}):\n"
        "    print(match.reference, match.segments[0].box)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["2", f"{clips / 'a.mp4'} [0.0, 0.0, 10.0, 10.0]"]
    assert done.stderr == ""


def test_a_killed_ingest_leaves_no_process_and_a_sound_library(clips: Path, long_clip: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    command = [*COMMAND, "ingest", "--json", "--workers", "2", "--library", library, clips, long_clip]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as ingest:
        assert ingest.stdout is not None
        ingest.stdout.readline()
        workers = children(ingest.pid)
        ingest.kill()
    wait_until(lambda: not any(is_running(pid) for pid in workers))  # decoding takes minutes
    assert workers
    assert run("verify", "--library", library).status == 0
    assert set(paths(library)) <= {str(clips / "a.mp4"), str(clips / "b.mp4")}
    assert run("ingest", "--library", library, clips).status == 0
    assert paths(library) == [str(clips / "a.mp4"), str(clips / "b.mp4")]


def test_a_worker_that_stands_still_is_given_up_and_its_video_named(clips: Path, long_clip: Path) -> None:
    before = set(children(os.getpid()))
    results = embed_in_workers(
        [Job(str(long_clip)), *[Job(str(clips / "b.mp4"))] * 3], EmbedSettings(threads=1), 2, stall_s=3.0
    )
    found = dict([next(results)])

    def at_the_long_clip() -> list[int]:
        """The worker that is at it; its decoding process is its child."""
        workers = set(children(os.getpid())) - before
        return [pid for pid in workers if any(has_open(child, long_clip) for child in descendants(pid))]

    seen: list[int] = []
    wait_until(lambda: bool(seen.extend(at_the_long_clip()) or seen))  # it may be the slower one to start
    (standing,) = seen
    for pid in [standing, *descendants(standing)]:
        os.kill(pid, signal.SIGSTOP)
    found |= dict(results)
    assert sorted(found) == [0, 1, 2, 3]
    assert isinstance(found[0], ProcessLostError)
    assert str(found[0]).startswith(f"{long_clip}: given up, as its process did nothing for ")
    assert all(isinstance(found[index], EmbeddedVideo) for index in (1, 2, 3))
    assert not is_running(standing)
