"""Checkpoints that several test files share, and a cache of exports that is not the user's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from footage import footage
from numpy.typing import NDArray

import random_networks
from reprise.decoding.sampling import sample
from reprise.operators.video_decode.ffmpeg import Ffmpeg


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the file of a network by its name, made when it is first asked for, under its published name."""
    folder = tmp_path_factory.mktemp("weights")

    def made(name: str) -> Path:
        match name:
            case "isc" | "isc-gem1":
                path, make = folder / random_networks.ISC_FILE, random_networks.isc
            case "sscd":
                path, make = folder / random_networks.SSCD_FILE, random_networks.sscd
            case "resnet50" | "resnet50-logits":
                path, make = folder / random_networks.RESNET50_FILE, random_networks.resnet50
            case _:
                timm_name = name.removeprefix("timm/")
                path = folder / f"{timm_name}.safetensors"
                return path if path.exists() else random_networks.of_timm(path, timm_name)
        return path if path.exists() else make(path)

    return made


@pytest.fixture(scope="session")
def export_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where exports of a test run are stored: once made, for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def stored_exports(export_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Exports and weights are looked for in the test run's own cache, whatever the user has."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(export_folder))
    monkeypatch.delenv("REPRISE_WEIGHTS", raising=False)
    return export_folder


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[NDArray[np.uint8]]:
    """Three frames of a real clip, [120, 160, 3]."""
    clip = footage(tmp_path_factory.mktemp("clips") / "frames.mp4", range(3), seed=7)
    return [frame for frame, _ in Ffmpeg(fps=1)(str(clip))]


@pytest.fixture(scope="session")
def visil_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all of ViSiL's files, of random numbers but for a whitening that fits footage."""
    pytest.importorskip("torch", reason="the published networks come with the extra `models`")
    pytest.importorskip("torchvision", reason="the published networks come with the extra `models`")
    from visil_files import write_visil

    from reprise.models.visil.features import middle_square

    folder = tmp_path_factory.mktemp("visil")
    clip = footage(folder / "seen.mp4", range(12), seed=50)
    return write_visil(folder, [middle_square(picture.pixels) for picture in sample(str(clip), fps=1, size=256)])
