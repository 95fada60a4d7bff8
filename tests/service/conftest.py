"""Videos, and services that know them. The tests run where the extra `serve` is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from footage import footage

if TYPE_CHECKING:
    from serving import Served

NEEDED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "httpcore", "httpx2")
collect_ignore_glob = [] if all(importlib.util.find_spec(name) for name in NEEDED) else ["test_*"]


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """refs/a.mp4 (20 s) and refs/b.mp4 (12 s); copy.mp4: from second 3 on it is a from second 5 to 15; own.mp4."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "refs").mkdir()
    footage(folder / "refs" / "a.mp4", range(20), seed=1, codec="libx264")
    footage(folder / "refs" / "b.mp4", range(12), seed=2, codec="libx264")
    footage(folder / "copy.mp4", [*range(100, 103), *range(5, 15)], seed=1, codec="libx264")
    footage(folder / "own.mp4", range(6), seed=4, codec="libx264")
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts services with these settings; they end with the test."""
    from serving import served

    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(served(tmp_path, **settings))


@pytest.fixture(scope="module")
def shared(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service for the questions of a whole file: refs/ is its root, and in its library with the tag "news"."""
    from serving import served

    with served(tmp_path_factory.mktemp("shared"), roots=(films / "refs",)) as one:
        job = one.done(one.client.post("/api/ingest", json={"path": ".", "tags": ["news"]}))
        assert [video["status"] for video in job["result"]["videos"]] == ["added", "added"]
        yield one
