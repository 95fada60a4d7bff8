"""The embedded references and queries of a folder of labelled videos, for benchmarks that need no decoding."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import reprise
from query_cache import embedded_query
from reprise.embedding import EmbeddedQuery

Floats = NDArray[np.float32]


def bench_matrices(bench: Path, cache: Path | None) -> dict[str, Floats]:
    """The matrices of BENCH/refs by name; the library is kept in `cache`, where `segments.py` keeps its own."""
    with tempfile.TemporaryDirectory() as scratch, reprise.open((cache or Path(scratch)) / "library") as library:
        library.ingest([bench / "refs"])
        stores, _ = library.opened()
        return {Path(row.path).stem: np.asarray(stores.matrix(row.id)) for row in library.videos()}


def bench_queries(bench: Path, cache: Path | None) -> dict[str, EmbeddedQuery]:
    """The embedded queries of BENCH by name."""
    settings = reprise.EmbedSettings()
    paths = sorted((bench / "queries").glob("*.mp4"))
    return {path.stem: embedded_query(path, settings, cache) for path in paths}


def true_references(bench: Path) -> dict[str, set[str]]:
    """Which references each query copies from."""
    found: dict[str, set[str]] = {}
    for pair in json.loads((bench / "labels.json").read_text()):
        query, _, reference = pair.partition("-")
        found.setdefault(query, set()).add(reference)
    return found
