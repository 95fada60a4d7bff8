"""A folder of the benchmark's videos made into features by one of the networks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from reprise.embedding import EmbeddedVideo
from reprise.errors import BenchmarkError, ModelError, SettingsError, printable
from reprise.scanning import VIDEO_SUFFIXES
from reprise.settings import EmbedSettings
from reprise.vcsl.work_folder import read_json, write_json
from reprise.workers import Job, embed_in_workers

SOURCE_NAME = "source.json"


def embed_folder(
    folder: Path,
    wanted: Iterable[str],
    features: Path,
    *,
    settings: EmbedSettings,
    workers: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, str]:
    """Writes `features/<uuid>.npy` [frames, dim] for every wanted video `folder/<uuid>.*`; those there are kept.

    Returns by video why there is nothing of it. Raises SettingsError where `features` was made of other videos or
    with another model, BenchmarkError where a folder cannot be used.
    """
    _remember_source(folder, features, settings)
    found = _by_name(folder)
    faults, to_do = {}, []
    for video in dict.fromkeys(wanted):
        if (features / f"{video}.npy").is_file():
            continue
        if video in found:
            to_do.append(video)
        else:
            faults[video] = f"{printable(folder)}/{video}.*: there is no such file"
    jobs = [Job(os.fspath(found[video])) for video in to_do]
    if progress:
        progress(0, len(jobs))
    for done, (index, attempt) in enumerate(embed_in_workers(jobs, settings, workers), start=1):
        if isinstance(attempt, ModelError):
            raise attempt  # which no other video would fare better with
        if isinstance(attempt, EmbeddedVideo):
            _save(features / f"{to_do[index]}.npy", attempt)
        else:
            faults[to_do[index]] = str(attempt)
        if progress:
            progress(done, len(jobs))
    return faults


def _remember_source(folder: Path, features: Path, settings: EmbedSettings) -> None:
    source = {"videos": str(folder.resolve()), "model": settings.identity, "fps": settings.fps}
    try:
        features.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchmarkError(f"{printable(features)}: the folder cannot be made ({error.strerror})") from error
    if not (features / SOURCE_NAME).is_file():
        write_json(features / SOURCE_NAME, source)
    elif read_json(features / SOURCE_NAME) != source:
        raise SettingsError(f"{printable(features)}: it holds features of other videos; give another --work")


def _by_name(folder: Path) -> dict[str, Path]:
    """The file of each video by its name without suffix; of several the one that is a video by its suffix."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise BenchmarkError(f"{printable(folder)}: the folder cannot be read ({error.strerror})") from error
    return {path.stem: path for path in sorted(files, key=lambda path: path.suffix.lower() in VIDEO_SUFFIXES)}


def _save(path: Path, video: EmbeddedVideo) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            np.save(file, video.matrix)
        beside.replace(path)
    except OSError as error:
        raise BenchmarkError(f"{printable(path)}: cannot be written ({error.strerror})") from error
