"""Fixtures that several test files share: places for libraries, embedded and on a real Milvus server."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from footage import footage, looped
from milvus_process import running_server
from milvus_servers import cleared

# What is started in the background of a script ignores interrupts, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real standalone Milvus server, of the PyPI package milvus, in a folder of its own."""
    with running_server(tmp_path_factory.mktemp("milvus-server")) as server:
        yield server.uri


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """refs/a.mp4 (30 s), refs/b.mkv (20 s) and queries/: a piece of a, something else; long.mp4 beside them."""
    folder = tmp_path_factory.mktemp("videos")
    for name in ("refs", "queries"):
        (folder / name).mkdir()
    footage(folder / "refs" / "a.mp4", range(30), seed=1)
    footage(folder / "refs" / "b.mkv", range(20), seed=2)
    footage(folder / "queries" / "copy.mp4", [*range(100, 105), *range(12, 22)], seed=1)
    footage(folder / "queries" / "own.mp4", range(10), seed=4)
    looped(folder / "long.mp4", folder / "refs" / "a.mp4", 600)
    return folder


@pytest.fixture(scope="session")
def library(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of refs/."""
    place = tmp_path_factory.mktemp("place") / "library"
    assert run("ingest", "--library", place, "--tag", "news", videos / "refs").status == 0
    return place


BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser is driven by playwright")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=BROWSER_FLAGS)
        try:
            yield chromium
        finally:
            chromium.close()


@pytest.fixture
def server_place(milvus_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Milvus server, which may hold a library of no videos, and a folder of this test's for matrices."""
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / "matrices"))
    # A server takes 8 s to make the two collections, and a moment to empty them.
    cleared(milvus_server, keep_collections=True)
    return milvus_server


EMBEDDED_AND_SERVER = ["embedded", pytest.param("server", marks=pytest.mark.server)]


@pytest.fixture(params=EMBEDDED_AND_SERVER)
def bare_place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where a library can be made and none is: a folder, then a Milvus server with nothing on it."""
    if request.param == "embedded":
        return str(tmp_path / "library")
    uri: str = request.getfixturevalue("milvus_server")
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / "matrices"))
    cleared(uri, keep_collections=False)
    return uri


@pytest.fixture(params=EMBEDDED_AND_SERVER)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a library can be made: a folder, then a Milvus server, which may hold a library of no videos."""
    if request.param == "embedded":
        return str(tmp_path / "library")
    uri: str = request.getfixturevalue("server_place")
    return uri
