"""Ingesting on a Ray cluster, of two nodes on this machine: every video once, whatever dies meanwhile."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import COMMAND, descendants, run, wait_until
from footage import footage
from milvus_servers import cleared

from reprise.embedding import EmbeddedVideo
from reprise.errors import MissingVideoError, ModelError
from reprise.ray_cluster import connected
from reprise.ray_task import embed_on_worker, named_as
from reprise.settings import EmbedSettings
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place
from reprise.version import program

ROOT = Path(__file__).parents[1]
CLIPS, SECONDS = 8, 12


@dataclass(frozen=True)
class Clip:
    """A video for a cluster."""

    path: str
    file_size: int
    known_hash: str | None = None


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some videos, and a file that is none but has the name of one."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(CLIPS):
        footage(folder / f"{number}.mp4", range(SECONDS), seed=20 + number)
    (folder / "broken.mp4").write_bytes(b"no video at all" * 100)
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of one node with one CPU, to which nodes can be added."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="clusters are Ray's")
    # Short, as sockets lie in it.
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        (Path(folder) / "ray").mkdir()
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Its workers are started with what this process has.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
        head = {"num_cpus": 1, "include_dashboard": False}
        started = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
        try:
            yield started
        finally:
            started.shutdown()


def is_embedding(node: Any) -> bool:
    """Whether a worker of the node is at a video at this moment."""
    raylet = node.all_processes["raylet"][0].process.pid
    names = [Path(f"/proc/{pid}/cmdline") for pid in descendants(raylet)]
    return any(name.exists() and name.read_bytes().startswith(b"ray::embed_on_worker") for name in names)


def held(place: str) -> dict[str, Any]:
    """By path, the frames and times of every video of a library, as its Milvus has them."""
    with closing(LibraryStores(Place.of(place))) as stores:
        paths = {row.id: row.path for row in stores.videos.all()}
        return {paths[found.video_id]: (found.times_s, found.matrix) for found in stores.frames.by_video()}


@pytest.mark.ray
@pytest.mark.server
def test_every_video_is_there_once_though_a_node_is_killed_in_the_middle(
    cluster: Any, milvus_server: str, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_MATRICES", "milvus")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "here"))
    cleared(milvus_server, keep_collections=True)
    other = cluster.add_node(num_cpus=1)
    ingest = subprocess.Popen(
        [*COMMAND, "ingest", clips, "--library", milvus_server, "--ray", cluster.address, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: is_embedding(other) or ingest.poll() is not None, within_s=240)
    assert ingest.poll() is None, ingest.communicate()
    cluster.remove_node(other, allow_graceful=False)
    told, errors = ingest.communicate(timeout=400)

    outcomes = {line["path"]: line["status"] for line in map(json.loads, told.splitlines())}
    assert len(told.splitlines()) == len(outcomes) == CLIPS + 1
    assert ingest.returncode == 1, errors
    assert [path for path, status in outcomes.items() if status != "added"] == [str(clips / "broken.mp4")]
    # What became of the broken file and, where Ray noticed before the end, of the node; nothing of Ray's own.
    broken = (
        f"reprise: {clips / 'broken.mp4'}: no video format recognised; the file is broken, incomplete or not a video"
    )
    host = socket.gethostname()
    lost = f"reprise: {cluster.address}: the Ray cluster lost {host}; what that was at is done by the others"
    assert set(errors.splitlines()) in ({broken}, {broken, lost})
    with connected(cluster.address, "auto") as spread:
        wait_until(lambda: spread.slots() == 1, within_s=240)  # for the other tests
    assert run("verify", "--library", milvus_server).out == f"{milvus_server}: {CLIPS} videos checked, no problem\n"

    monkeypatch.delenv("REPRISE_MATRICES")
    assert run("ingest", clips, "--library", tmp_path / "plain").status == 1
    plain, spread = held(str(tmp_path / "plain")), held(milvus_server)
    assert plain.keys() == spread.keys()
    for path, (times_s, matrix) in plain.items():
        assert np.array_equal(times_s, spread[path][0])
        assert np.allclose(matrix, spread[path][1], atol=1e-5)


@pytest.mark.ray
def test_no_more_videos_are_drawn_than_are_under_way(cluster: Any, clips: Path) -> None:
    drawn: list[str] = []

    def videos() -> Iterator[Clip]:
        for path in sorted(clips.glob("?.mp4"))[:4]:
            drawn.append(path.name)
            yield Clip(str(path), path.stat().st_size)

    with connected(cluster.address, "auto") as spread:
        assert spread.slots() == 1
        assert (spread.at_once(7), spread.at_once(None)) == (7, 2)
        ahead = [
            len(drawn) - done
            for done, (_, result) in enumerate(spread.embed_all(videos(), EmbedSettings(), most=2), start=1)
            if isinstance(result, EmbeddedVideo)
        ]
    assert ahead == [1, 1, 1, 0]


@pytest.mark.ray
def test_paths_are_told_as_they_were_given(
    cluster: Any, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clips)
    ended = run("ingest", "0.mp4", "broken.mp4", "--library", tmp_path / "library", "--ray", cluster.address)
    assert ended.status == 1
    assert ended.err.startswith("reprise: broken.mp4: no video format recognised")
    assert ended.out.startswith(f"{tmp_path / 'library'}: 1 video added (0:12, 12 frames), 1 failed; took ")


@pytest.mark.ray
def test_an_address_at_which_nobody_answers_is_told_and_makes_no_library(clips: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    ended = run("ingest", clips, "--library", tmp_path / "library", "--ray", address)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == (
        f"reprise: {address}: no Ray cluster answers there (connection refused); start it with `ray start`, or mend "
        "the address\n"
    )
    assert not (tmp_path / "library").exists()
    assert run("ingest", clips, "--ray", address, "--watch").status == 2


def test_a_file_that_a_worker_does_not_see_is_named_with_the_machine(clips: Path, tmp_path: Path) -> None:
    here = f"the Ray worker on {socket.gethostname()}"
    absent = str(tmp_path / "absent.mp4")
    unseen = embed_on_worker(absent, 100, EmbedSettings(), None, program())
    assert isinstance(unseen, MissingVideoError)
    assert str(unseen).startswith(f"{absent}: {here} cannot see it (")
    clip = str(clips / "0.mp4")
    another = embed_on_worker(clip, 100, EmbedSettings(), None, program())
    assert isinstance(another, MissingVideoError)
    assert str(another).startswith(f"{clip}: {here} has another file there (")


def test_a_worker_with_another_version_ends_the_ingest(clips: Path) -> None:
    clip = clips / "0.mp4"
    refused = embed_on_worker(str(clip), clip.stat().st_size, EmbedSettings(), None, "9.9")
    assert isinstance(refused, ModelError)
    assert str(refused).endswith(f"has Reprise {program()}, this is 9.9; install the same version on both")


def test_a_worker_gives_what_an_ingest_here_gives(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = clips / "0.mp4"
    result = embed_on_worker(str(clip), clip.stat().st_size, replace(EmbedSettings(), threads=1), None, program())
    assert isinstance(result, EmbeddedVideo)
    assert result.matrix.shape == (SECONDS, 256)
    monkeypatch.chdir(clips)
    error = MissingVideoError(f"{clip}: gone")
    assert str(named_as(error, "0.mp4")) == "0.mp4: gone"
