"""Embedded query videos kept in a folder, so that a second run with another aligner need not decode them again."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

import numpy as np

import reprise
from reprise import descriptor
from reprise.embedding import EmbeddedQuery, embed_query
from reprise.scanning import content_hash
from reprise.settings import EmbedSettings

# What decides, beside the file, the model and the rate, what a query's views look like.
SOURCES = ("decoding/*.py", "views.py", "blank.py", "regions.py", "descriptor.py")


def embedded_query(path: Path, settings: EmbedSettings, folder: Path | None) -> EmbeddedQuery:
    """The query video at `path`, embedded, or as an earlier call left it in `folder` (None: always embedded).

    A record holds for one content of the file, one model and rate, and one version of the code that makes views.
    Raises an InputError if the video cannot be used.
    """
    if folder is None:
        return embed_query(str(path), settings)
    record = folder / f"{cache_key(path, settings)}.npz"
    if not record.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write(record, embed_query(str(path), settings))
    with np.load(record) as stored:
        return EmbeddedQuery(
            str(path), stored["views"], stored["frame_of"], float(stored["duration_s"]), str(stored["warning"])
        )


def cache_key(path: Path, settings: EmbedSettings) -> str:
    """64 hexadecimal digits that change with anything that changes the embedded query."""
    parts = [content_hash(path), settings.identity, descriptor.WEIGHTS_SHA256, repr(settings.fps), source_version()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@functools.cache
def source_version() -> str:
    """A hash of the code that decodes and cuts the views."""
    package = Path(reprise.__file__).parent
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for file in sorted(package.glob(pattern)):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _write(record: Path, query: EmbeddedQuery) -> None:
    # Under another name first: an interrupted run leaves no half record, and two runs do not meet.
    part = record.with_name(f"{record.stem}.{os.getpid()}.part.npz")
    np.savez(
        part,
        views=query.views,
        frame_of=query.frame_of,
        duration_s=np.float64(query.duration_s),
        warning=np.str_(query.warning),
    )
    part.replace(record)
