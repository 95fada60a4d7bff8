"""Fixtures of the tests of semantic search: checkpoints of random numbers, made once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Checkpoint:
    """A file of weights, and open_clip's own network with the same."""

    name: str  # as --model says
    path: Path
    network: Any


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """The smallest network, as it would lie in a folder of weights."""
    from clip_checkpoints import HUB_FILE, SMALL, as_safetensors, random_network

    network = random_network(SMALL)
    folder = tmp_path_factory.mktemp("weights")
    return Checkpoint(f"clip/{SMALL}", as_safetensors(network, folder / SMALL / HUB_FILE), network)


@pytest.fixture
def weights_folder(small: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the smallest network's weights, in which weights are looked for."""
    folder = small.path.parent.parent
    monkeypatch.setenv("REPRISE_WEIGHTS", str(folder))
    return folder
