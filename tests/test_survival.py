"""A library outlives the processes that write to it: killed at any moment, it has every video whole, once, or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from command_line import COMMAND, run
from footage import footage
from test_stores import opened, row, video

ROOT = Path(__file__).parents[1]
A, B = "a" * 32, "b" * 32


def dies(place: str, code: str) -> None:
    """Runs `code`, which kills its own process, on a library at `place`."""
    whole = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_stores import opened, row, video
from contextlib import closing
A, B = "a" * 32, "b" * 32
place = {place!r}
{code}
"""
    died = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, timeout=120, check=False)
    assert died.returncode == 9, died.stderr


def test_whatever_the_moment_at_which_it_is_killed_a_library_holds_what_was_done(
    bare_place: str, tmp_path: Path
) -> None:
    kills = "4" if "://" in bare_place else "12"  # a server takes longer over each
    finished = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "kills.py", bare_place, "--kills", kills, "--seed", "3"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "REPRISE_MATRICES": str(tmp_path / "matrices")},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert (finished.returncode, finished.stdout.splitlines()[-1][-15:]) == (0, "0 things wrong."), finished.stdout


def test_a_killed_replacement_leaves_the_old_video_or_the_new_one(place: str) -> None:
    with closing(opened(place)) as stores:
        stores.add(row(), video())
        stores.flush()
    dies(
        place,
        """
stores = opened(place)
stores.frames.delete = lambda *args, **limits: os._exit(9)  # the old row is gone, its frames are there
stores.add(row(frames=3), video(3, seed=1))
""",
    )
    with closing(opened(place, create=False)) as stores:
        (kept,) = stores.videos.all()
        assert kept.frame_count == 3
        assert stores.frames.counts() == {A: 3}
        assert stores.problems() == []
        stores.remove(A)


def test_a_killed_change_of_a_row_is_finished_or_as_the_server_has_it(place: str) -> None:
    with closing(opened(place)) as stores:
        stores.add(row(), video())
        stores.flush()
    dies(
        place,
        """
stores = opened(place)
stores.videos._milvus.upsert = lambda *args: os._exit(9)
stores.videos.update(A, path="moved.mp4")
""",
    )
    with closing(opened(place, create=False)) as stores:
        # A server tells what came of it: others may have changed the row since.
        assert [kept.path for kept in stores.videos.all()] == ["moved.mp4" if stores.place.embedded else "a.mp4"]
        assert stores.problems() == []
        stores.remove(A)


# What Milvus Lite does not survive by itself


def flush_killed_in_clearing_up(place: str) -> None:
    dies(
        place,
        """
stores = opened(place)
stores.add(row(), video())
stores.flush()
stores.remove(A)
stores.add(row(frames=3), video(3, seed=1))
real = os.remove
def remove(path):
    real(path)
    if "wal_data" in str(path):
        os._exit(9)
os.remove = remove
stores.flush()
""",
    )


def test_a_flush_that_was_killed_while_it_cleared_up_hides_nothing_and_blocks_nothing(tmp_path: Path) -> None:
    place = str(tmp_path / "library")
    flush_killed_in_clearing_up(place)
    assert list(Path(place).glob("milvus.db/collections/frames/wal/wal_delta_*"))  # written already, and left
    with closing(opened(place)) as stores:
        assert stores.videos.get([A])[A].frame_count == 3
        assert stores.frames.count() == 3
        stores.flush()
        assert stores.problems() == []


def test_a_collection_that_was_killed_while_it_was_made_is_made_again(tmp_path: Path) -> None:
    place = str(tmp_path / "library")
    dies(
        place,
        """
import milvus_lite.db
milvus_lite.db.save_schema = lambda *args: os._exit(9)
opened(place)
""",
    )
    assert [entry.name for entry in Path(place).glob("milvus.db/collections/*")] == ["frames"]
    missing = run("list", "--library", place)
    assert (missing.status, missing.err) == (1, f"reprise: {place}: no library there; `reprise ingest` makes one\n")
    with closing(opened(place)) as stores:
        stores.add(row(), video())
        assert stores.problems() == []


def test_a_torn_index_file_is_made_again(tmp_path: Path) -> None:
    place = str(tmp_path / "library")
    with closing(opened(place)) as stores:
        stores.add(row(), video())
    for index in Path(place).glob("milvus.db/collections/*/partitions/*/indexes/*.idx"):
        index.write_bytes(index.read_bytes()[:50])
    with closing(opened(place, create=False)) as stores:
        hits = stores.videos.nearest(video().pooled, 1)
        assert [video_id for video_id, _ in hits] == [A]
        assert stores.problems() == []


def test_an_index_that_was_being_replaced_is_made_again(place: str) -> None:
    with closing(opened(place)) as stores:
        stores.add(row(), video())
        stores.flush()
    dies(
        place,
        """
stores = opened(place)
client = stores.frames._milvus._client
client.release_collection("frames")
client.drop_index("frames", "embedding")
os._exit(9)
""",
    )
    with closing(opened(place, create=False)) as stores:
        assert stores.frames.index_type() == "FLAT"
        assert stores.problems() == []
        stores.remove(A)


# The commands


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight videos of 4 s."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(8):
        footage(folder / f"{number}.mp4", range(4), seed=number)
    return folder


@pytest.mark.parametrize("after", [1, 5])
def test_an_ingest_that_is_killed_keeps_what_it_told_of_and_does_the_rest_when_run_again(
    clips: Path, tmp_path: Path, after: int
) -> None:
    place = tmp_path / "library"
    ingest = [*COMMAND, "ingest", clips, "--library", place, "--workers", "1", "--json"]
    process = subprocess.Popen(
        ingest, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    told = [json.loads(process.stdout.readline())["path"] for _ in range(after)]
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    listed = [line["path"] for line in run("list", "--library", place, "--json").objects]
    assert set(told) <= set(listed)
    assert len(listed) == len(set(listed))
    again = run("ingest", clips, "--library", place, "--workers", "1", "--json")
    assert {line["path"] for line in again.objects if line["status"] == "added"} == {
        str(path) for path in clips.iterdir()
    } - set(listed)
    verified = run("verify", "--library", place)
    assert (verified.status, verified.out) == (0, f"{place}: 8 videos checked, no problem\n")
