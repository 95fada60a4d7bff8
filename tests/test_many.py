"""Many at once at one library on a Milvus server: processes on this machine, and what stands for other machines."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import COMMAND, run, wait_until
from footage import footage
from test_stores import opened, row, video

import reprise
from reprise import scanning
from reprise.errors import LibraryInUseError
from reprise.stores import claims as claims_module
from reprise.stores.claims import Claims
from reprise.stores.milvus import Milvus
from reprise.stores.notes import NoteStore
from reprise.stores.present import PresentVideos
from reprise.stores.sharing import at_a_time

TESTS = Path(__file__).parent
VIDEO = "a" * 32


@pytest.fixture
def server(server_place: str) -> str:
    """A server with a library of no videos, and a folder of this test's for matrices."""
    opened(server_place).close()
    return server_place


@pytest.fixture
def notes(server: str) -> Iterator[NoteStore]:
    """The notes of that library."""
    milvus = Milvus(server)
    yield NoteStore(milvus)
    milvus.close()


def program(code: str) -> subprocess.Popen[str]:
    """A process that sees the tests' modules and runs `code`."""
    begin = f"import sys\nsys.path.insert(0, {str(TESTS)!r})\nfrom test_stores import opened, row, video\n"
    return subprocess.Popen(
        [sys.executable, "-c", begin + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# Claims


def test_the_more_is_left_the_more_is_claimed_at_a_time() -> None:
    assert [at_a_time(left, 2) for left in (1, 40, 160, 10**6)] == [2, 2, 10, 64]
    assert at_a_time(10**6, 100) == 100


@pytest.mark.server
def test_of_many_that_claim_the_same_videos_at_once_each_gets_others_and_none_is_left(
    server: str, notes: NoteStore
) -> None:
    videos = [f"video {number}" for number in range(6)]
    everyone = threading.Barrier(4)

    def take_all(milvus: Milvus) -> set[str]:
        with closing(Claims(NoteStore(milvus))) as mine:
            everyone.wait()
            taken = mine.take(videos)
            everyone.wait()  # all hold theirs at once
            return taken

    connections = [Milvus(server) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(take_all, connections))
    for connection in connections:
        connection.close()
    assert Counter(video for each in taken for video in each) == dict.fromkeys(videos, 1)
    assert notes.all("claim") == []


@pytest.mark.server
def test_a_claim_ends_with_its_process_and_on_another_machine_when_its_heart_stops(
    server: str, notes: NoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = program(
        "from reprise.stores.claims import Claims\n"
        f"stores = opened({server!r}, create=False)\n"
        "print(stores.claims.take(['v']), flush=True)\n"
        "sys.stdin.read()\n"
    )
    assert said(holder) == "{'v'}"
    with closing(Claims(notes)) as mine:
        assert mine.take(["v", "w"]) == {"w"}
        assert mine.others()["v"].process == holder.pid
        with (
            pytest.raises(LibraryInUseError, match=rf"written by process {holder.pid} "),
            mine.during("v", within_s=0),
        ):
            pass
        holder.kill()
        holder.communicate()
        assert mine.take(["v"]) == {"v"}

    class Elsewhere(Claims):
        """As another machine's: nobody here can tell whether its process lives."""

        def __init__(self, notes: NoteStore) -> None:
            super().__init__(notes)
            self._owner = replace(self._owner, system="another machine", process=1)

    monkeypatch.setattr(claims_module, "BEAT_S", 0.1)
    monkeypatch.setattr(claims_module, "DEAD_S", 15.0)
    elsewhere = Elsewhere(notes)
    assert elsewhere.take(["v"]) == {"v"}
    with closing(Claims(notes)) as mine:
        begun_s = time.monotonic()
        while time.monotonic() < begun_s + 3:
            assert mine.take(["v"]) == set()  # it beats
        assert elsewhere._ended is not None
        elsewhere._ended.set()
        wait_until(lambda: mine.take(["v"]) == {"v"})


# Ingests


@pytest.mark.server
def test_two_ingests_of_the_same_folder_divide_the_work_and_both_end_with_all_of_it(
    server: str, tmp_path: Path
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    for seed in range(8):
        footage(folder / f"{seed}.mp4", range(6 + seed), seed=seed)
    (folder / "broken.mp4").write_bytes(b"no video")
    command = [*COMMAND, "ingest", "--json", "--workers", "1", "--library", server, str(folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [[json.loads(line) for line in process.communicate()[0].splitlines()] for process in both]
    assert [process.returncode for process in both] == [1, 1]  # for the broken one, in each
    told = [Counter(answer["status"] for answer in each) for each in answers]
    assert [sum(each.values()) for each in told] == [9, 9]
    assert [each["failed"] for each in told] == [1, 1]
    done = Counter(answer["path"] for each in answers for answer in each if answer["status"] == "added")
    assert done == {f"{folder}/{seed}.mp4": 1 for seed in range(8)}
    with closing(opened(server, create=False)) as stores:
        assert stores.frames.count() == sum(range(6, 14))
        assert sorted(stores.frames.counts().values()) == [*range(6, 14)]
        assert stores.videos.count() == 8
        assert stores.notes.all("claim") == stores.notes.all("heart") == []
    assert run("verify", "--library", server).status == 0


@pytest.mark.server
def test_what_a_killed_ingest_was_at_is_done_by_the_one_that_waits_for_it(server: str, tmp_path: Path) -> None:
    clip = footage(tmp_path / "a.mp4", range(5))
    video_id = scanning.video_id(clip)
    holder = program(
        f"stores = opened({server!r}, create=False)\n"
        f"stores.claims.take([{video_id!r}])\n"
        f"stores.matrices.mark_pending({video_id!r})\n"
        f"stores.frames._milvus.insert('frames', [dict(id='{video_id}-00000000', video_id='{video_id}', "
        "frame_index=0, time_s=0.0, embedding=video(1).matrix[0])])\n"
        "print('there', flush=True)\n"
        "sys.stdin.read()\n"
    )
    assert said(holder) == "there"
    command = [*COMMAND, "ingest", "--library", server, str(clip)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr is not None
        line = waiting.stderr.readline()
        assert line.startswith(f"reprise: waiting for process {holder.pid} (-c) on ")
        assert line.endswith(", which is at work on 1 of the videos\n")
        # A look at the library meanwhile takes nothing for broken.
        assert run("verify", "--library", server).out == f"{server}: 0 videos checked, no problem\n"
        holder.kill()
        holder.communicate()
        assert "1 video added" in waiting.communicate()[0]
    assert run("verify", "--library", server).out == f"{server}: 1 video checked, no problem\n"
    with closing(opened(server, create=False)) as stores:
        assert stores.frames.count() == 5


@pytest.mark.server
def test_a_video_that_two_write_at_the_very_same_time_is_there_once(server: str) -> None:
    """Without claims, as if they had failed: work is lost, nothing is twice."""
    writer = (
        f"stores = opened({server!r}, create=False)\n"
        "stores.claims = None\n"
        "print('ready', flush=True)\n"
        "for line in sys.stdin:\n"
        "    stores.add(row(frames=200), video(200))\n"
        "    print('added', flush=True)\n"
    )
    both = [program(writer) for _ in range(2)]
    assert [said(process) for process in both] == ["ready", "ready"]
    with closing(opened(server, create=False)) as stores:
        for _ in range(5):
            for process in both:
                assert process.stdin is not None
                process.stdin.write("now\n")
                process.stdin.flush()
            assert [said(process) for process in both] == ["added", "added"]
            assert stores.frames.count() == 200
            assert np.array_equal(stores.frames.matrix(VIDEO), video(200).matrix)  # type: ignore[arg-type]
            assert stores.videos.count() == 1
    for process in both:
        process.communicate()


@pytest.mark.server
def test_what_a_dead_process_left_in_its_slot_is_finished_and_what_a_living_one_writes_is_let_be(server: str) -> None:
    half = "stores._store_chain = lambda: exit_or_stay()\nstores.add(row({id!r}, path={id!r}), video())\n"
    living = program(
        "def exit_or_stay():\n    print('half', flush=True)\n    sys.stdin.read()\n    raise SystemExit\n"
        f"stores = opened({server!r}, create=False)\n" + half.format(id="b" * 32)
    )
    assert said(living) == "half"
    with closing(opened(server, create=False)) as other:
        assert other.place.matrices.name == "matrices-2"
        dead = program(
            "import os\ndef exit_or_stay():\n"
            "    stores.frames._milvus.insert('frames', [dict(id='c' * 32 + '-00000000', video_id='c' * 32, "
            "frame_index=0, time_s=0.0, embedding=video(1).matrix[0])])\n    os._exit(9)\n"
            f"stores = opened({server!r}, create=False)\n" + half.format(id="c" * 32)
        )
        dead.communicate()
        assert dead.returncode == 9
        assert other.videos.get(["c" * 32]) == {}
        assert other.recover() == []  # nothing need be taken back: the dead one's slot has all of it
        assert other.frames.count("c" * 32) == 5
        assert list(other.videos.get(["b" * 32, "c" * 32])) == ["c" * 32]
    living.communicate()
    assert living.returncode == 0


@pytest.mark.server
def test_what_a_machine_that_died_for_good_left_of_another_version_goes_with_the_next_flush(server: str) -> None:
    with closing(opened(server, create=False)) as stores:
        ids = [name * 32 for name in "abc"]
        assert stores.claims is not None
        assert stores.claims.take(ids) == set(ids)
        left = video(9, seed=7).matrix
        stores.frames._milvus.insert(
            "frames",
            [
                {
                    "id": f"{VIDEO}-{index:08d}",
                    "video_id": VIDEO,
                    "frame_index": index,
                    "time_s": 0.0,
                    "embedding": one,
                }
                for index, one in enumerate(left)
            ],
        )
        for video_id in ids:
            stores.add(row(video_id, path=video_id), video(5), is_there=False)
        assert stores.frames.counts() == {ids[0]: 9, ids[1]: 5, ids[2]: 5}
        stores.flush()
        assert stores.frames.counts() == dict.fromkeys(ids, 5)
        assert stores.frames.matrix(VIDEO) == pytest.approx(video(5).matrix)
        assert stores.problems() == []


# Queries and matrices


@pytest.mark.server
def test_what_another_process_marks_between_two_queries_is_heeded(server: str, tmp_path: Path) -> None:
    clip, other = (footage(tmp_path / f"{seed}.mp4", range(12), seed=seed) for seed in (1, 2))
    assert run("ingest", "--library", server, clip, other).status == 0
    # What a failing query has begun to read is over: else the closed connection looks like a server that is away.
    told = run("query", "--library", server, tmp_path / "gone.mp4").err
    assert told == f"reprise: {tmp_path}/gone.mp4: no such file; it was moved, deleted or mistyped\n"
    with reprise.open(server) as here:
        assert [match.reference for match in here.query(clip)] == [str(clip)]
        assert run("reject", "add", clip, clip, "--library", server).status == 0
        assert (here.query(clip).matches, here.query(clip).rejected) == ((), 1)
        assert run("reject", "remove", clip, "--library", server).status == 0
        assert [match.reference for match in here.query(clip)] == [str(clip)]
        assert run("ignore", "add", clip, "--library", server).status == 0
        assert here.query(clip).matches == ()
        assert [match.reference for match in here.query(other)] == [str(other)]
        assert run("ignore", "remove", clip, "--library", server).status == 0
        assert [match.reference for match in here.query(clip)] == [str(clip)]


@pytest.mark.server
def test_a_matrix_that_another_machine_made_old_is_not_used_and_a_removed_video_not_found(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = tmp_path / "a.mp4"
    old, new = (footage(tmp_path / f"{seed}.mp4", range(12), seed=seed) for seed in (1, 2))
    clip.write_bytes(old.read_bytes())
    assert run("ingest", "--library", server, clip).status == 0
    with reprise.open(server) as here:
        assert [match.reference for match in here.query(old)] == [str(clip)]
        monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / "another machine"))
        clip.write_bytes(new.read_bytes())
        assert run("ingest", "--library", server, clip).status == 0
        assert here.query(old).matches == ()
        assert [match.reference for match in here.query(new)] == [str(clip)]
        assert here.verify() == []
        clip.write_bytes(old.read_bytes())
        assert run("ingest", "--library", server, clip).status == 0
        assert run("remove", "--library", server, clip).status == 0
        assert here.query(old).matches == here.query(new).matches == ()
        assert here.verify() == []
        assert list(here.opened()[0].matrices.keys()) == []


@pytest.mark.server
def test_who_reads_a_video_while_it_is_being_replaced_gets_the_old_or_the_new_one_whole(server: str) -> None:
    writer = program(
        f"stores = opened({server!r}, create=False)\n"
        "stores.add(row(frames=150), video(150, seed=0))\n"
        "print('there', flush=True)\n"
        "for number in range(1, 9):\n"
        "    frames = 150 if number % 2 == 0 else 90\n"
        "    stores.add(row(frames=frames), video(frames, seed=number % 2))\n"
        "print('done', flush=True)\n"
        "sys.stdin.read()\n"
    )
    assert said(writer) == "there"
    versions = {150: video(150, seed=0).matrix, 90: video(90, seed=1).matrix}
    seen: Counter[int] = Counter()
    over = threading.Event()
    threading.Thread(target=lambda: (said(writer), over.set()), daemon=True).start()
    milvus = Milvus(server)
    present = PresentVideos(milvus)
    while not over.is_set():
        # As at hand: the old version, as the slot of a process that began before has it.
        (matrix,), rows = present.read([VIDEO], [versions[150]])
        assert matrix is not None
        assert rows[VIDEO].frame_count == len(matrix)
        assert np.array_equal(matrix, versions[len(matrix)])
        seen[len(matrix)] += 1
    milvus.close()
    writer.communicate()
    assert set(seen) == {90, 150}


@pytest.mark.server
def test_queries_are_answered_while_an_ingest_runs_in_another_process(server: str, tmp_path: Path) -> None:
    clip = footage(tmp_path / "a.mp4", range(12), seed=1)
    assert run("ingest", "--library", server, clip).status == 0
    ingest = program(
        f"stores = opened({server!r}, create=False)\n"
        "print('begun', flush=True)\n"
        "import itertools, select\n"
        "for number in itertools.count():\n"
        "    stores.add(row(f'{number:032d}', path=f'{number}.mp4'), video(seed=number))\n"
        "    if select.select([sys.stdin], [], [], 0)[0]:\n"
        "        break\n"
        "stores.flush()\nstores.close()\n"
    )
    assert said(ingest) == "begun"
    with ThreadPoolExecutor(2) as pool:
        commands = [
            pool.submit(
                subprocess.run,
                [*COMMAND, "query", "--json", "--library", server, str(clip)],
                capture_output=True,
                text=True,
                check=True,
            )
            for _ in range(2)
        ]
        answers = [json.loads(command.result().stdout) for command in commands]
    assert ingest.poll() is None
    for answer in answers:
        assert [match["reference"] for match in answer["matches"]] == [str(clip)]
    ingest.communicate("enough\n")
    assert ingest.returncode == 0
    assert run("verify", "--library", server).status == 0


@pytest.mark.server
def test_one_process_may_open_a_servers_library_twice_and_close_one(server: str) -> None:
    with reprise.open(server) as one:
        one.require()
        with reprise.open(server) as other:
            other.require()
        assert one.videos() == []
