"""Fixtures that several tests of networks share."""

from __future__ import annotations

from pathlib import Path

import pytest
from footage import footage

from reprise.decoding.sampling import sample


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
