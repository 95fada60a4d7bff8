"""Bytes a video-hour of several ways to keep the vectors, and what each costs in recall.

    python benchmarks/index_size.py BENCH [--videos 1000] [--cache DIR] [--json FILE]

Search: labelled real queries and references among so many drawn videos, as in candidates.py; the nearest 16 frames of
each view are found by exhaustive search in each kind of index, so that what is lost is lost by the numbers kept. With
"re-ranked", the first 512 are put in order by the whole vectors, which the library has in its matrices. Candidate
recall is that of the default vote, over all labelled pairs. "Thinned": a frame is left out of the index, never of the
matrix, where it is as like the last frame that was not. Alignment: labelled pairs aligned with the matrices in fewer
bits; a pair counts as changed if any end or speed differs, or a score by more than 0.02. A video-hour is 3600 frames.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from bench_frames import bench_matrices, bench_queries, true_references
from candidates import Nearest, by_query, recall
from reprise.embedding import EmbeddedQuery
from reprise.operators.video_copy_detection.align import Align
from reprise.settings import QuerySettings
from reprise.stores.record import pack
from reprise.voting import weighted_votes
from synthetic_library import Floats, Look, SyntheticLibrary

HOUR = 3600
HITS, RERANKED = 16, 512
THINNED = (0.999, 0.99, 0.98, 0.95, 0.9)
CHANGED_SCORE = 0.02
Ids = NDArray[np.int64]


def main() -> None:
    """Measures and prints the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path)
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--cache", type=Path, help="folder that keeps the embedded queries and the library")
    parser.add_argument("--json", help="file to write the figures to")
    arguments = parser.parse_args()
    references = bench_matrices(arguments.bench, arguments.cache)
    truth = true_references(arguments.bench)
    queries = {
        name: query for name, query in bench_queries(arguments.bench, arguments.cache).items() if name in truth
    }
    views = np.concatenate([query.views for query in queries.values()])
    seen = views[np.any(views, axis=1)]
    drawn = SyntheticLibrary(arguments.videos, 7, Look.of(np.concatenate([*references.values(), seen[::2]])))
    matrices = [*references.values(), *drawn.matrices()]
    told = {
        "search": searches(views, matrices, queries, truth, list(references)),
        "thinned": thinnings(views, matrices, queries, truth, list(references)),
        "alignment": alignments(references, queries, truth),
    }
    print(f"{len(references)} references among {len(drawn)} drawn videos, {sum(map(len, matrices))} frames")
    for name, rows in told.items():
        print(f"\n| {name} | " + " | ".join(key for key in rows[0] if key != "what") + " |")
        print("|---" * len(rows[0]) + "|")
        for row in rows:
            print("| " + " | ".join(shown(value) for value in row.values()) + " |")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(told, indent=1) + "\n")


def shown(value: object) -> str:
    """A cell of a table."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def searches(
    views: Floats,
    matrices: Sequence[Floats],
    queries: dict[str, EmbeddedQuery],
    truth: dict[str, set[str]],
    names: list[str],
) -> list[dict[str, Any]]:
    """Each kind of index, with what it takes and finds."""
    frames, whose = stacked(matrices)
    dimension = frames.shape[1]
    best = exact(views, frames, RERANKED)[:, :HITS]
    kinds: dict[str, Any] = {
        "fp32": None,
        "fp16": faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT),
        "SQ8": faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT),
        "SQ4": faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_4bit, faiss.METRIC_INNER_PRODUCT),
        "PQ64 (64 bytes)": faiss.IndexPQ(dimension, 64, 8, faiss.METRIC_INNER_PRODUCT),
        "PQ32 (32 bytes)": faiss.IndexPQ(dimension, 32, 8, faiss.METRIC_INNER_PRODUCT),
        "sign bits (32 bytes)": SignBits(frames),
    }
    rows = []
    for name, index in kinds.items():
        if index is None:
            found = {name: best}
            size = 4 * dimension
        else:
            size = filled(index, frames)
            rough = searched(index, views)
            found = {name: rough[:, :HITS], f"{name}, re-ranked": reranked(views, frames, rough)}
        for what, ids in found.items():
            near = Nearest(np.einsum("vd,vhd->vh", views, frames[ids]), whose[ids])
            rows.append(
                {
                    "what": what,
                    "index, MB an hour": round(size * HOUR / 1e6, 3),
                    "of the exact 16": float(
                        np.mean([len(set(a) & set(b)) / HITS for a, b in zip(ids, best, strict=True)])
                    ),
                    **candidate_recall(near, queries, truth, names),
                }
            )
    return rows


def stacked(matrices: Sequence[Floats]) -> tuple[Floats, Ids]:
    """All frames, and whose they are."""
    return np.concatenate(matrices), np.repeat(np.arange(len(matrices)), [len(matrix) for matrix in matrices])


def exact(views: Floats, frames: Floats, most: int) -> Ids:
    """The nearest frames of each view, best first: [views, most]."""
    rows = []
    for start in range(0, len(views), 256):
        similarity = views[start : start + 256] @ frames.T
        best = np.argpartition(similarity, -most, axis=1)[:, -most:]
        rows.append(np.take_along_axis(best, np.argsort(-np.take_along_axis(similarity, best, axis=1)), axis=1))
    return np.concatenate(rows)


class SignBits:
    """The signs of the vectors, less their mean and turned at random: else a few directions would decide all bits."""

    def __init__(self, frames: Floats) -> None:
        dimension = frames.shape[1]
        self._mean = frames.mean(axis=0)
        self._turn = np.linalg.qr(np.random.default_rng(0).standard_normal((dimension, dimension)))[0]
        self._index = faiss.IndexBinaryFlat(dimension)

    def add(self, frames: Floats) -> None:
        """Keeps the bits of these."""
        self._index.add(self._bits(frames))

    def search(self, views: Floats, most: int) -> Any:
        """As faiss' own."""
        return self._index.search(self._bits(views), most)

    def _bits(self, vectors: Floats) -> NDArray[np.uint8]:
        return np.packbits((vectors - self._mean) @ self._turn > 0, axis=1)


def filled(index: Any, frames: Floats) -> int:
    """Trains and fills the index; bytes a frame."""
    if isinstance(index, SignBits):
        index.add(frames)
        return int(frames.shape[1]) // 8
    index.train(frames[:: max(1, len(frames) // 50_000)])
    index.add(frames)
    return int(index.sa_code_size())


def searched(index: Any, views: Floats) -> Ids:
    """The first RERANKED by the index alone."""
    return np.asarray(index.search(np.ascontiguousarray(views), RERANKED)[1])


def reranked(views: Floats, frames: Floats, rough: Ids) -> Ids:
    """The best HITS of the rough ones, by the whole vectors."""
    rows = []
    for start in range(0, len(views), 128):
        ids = rough[start : start + 128]
        similarity = np.einsum("vd,vhd->vh", views[start : start + 128], frames[ids])
        rows.append(np.take_along_axis(ids, np.argsort(-similarity, axis=1)[:, :HITS], axis=1))
    return np.concatenate(rows)


def candidate_recall(
    near: Nearest, queries: dict[str, EmbeddedQuery], truth: dict[str, set[str]], names: list[str]
) -> dict[str, float]:
    """That of the default vote at 1 and 5, over all labelled pairs."""
    told = by_query(near, queries, HITS)
    wanted = [[number] for number in range(len(names))]
    halves = [recall(told, truth, names, wanted, weighted_votes, half) for half in ("tune", "report")]
    pairs = [
        sum((zlib.crc32(reference.encode()) % 2 == 0) == even for those in truth.values() for reference in those)
        for even in (True, False)
    ]
    both = np.average(halves, axis=0, weights=pairs)
    return {"candidates at 1": float(both[0]), "at 5": float(both[1]), "at 20": float(both[2])}


def thinnings(
    views: Floats,
    matrices: Sequence[Floats],
    queries: dict[str, EmbeddedQuery],
    truth: dict[str, set[str]],
    names: list[str],
) -> list[dict[str, Any]]:
    """Indexes without the frames that are like the last one in them."""
    rows = []
    for likeness in (None, *THINNED):
        kept = list(matrices) if likeness is None else [thinned(matrix, likeness) for matrix in matrices]
        frames, whose = stacked(kept)
        ids = exact(views, frames, HITS)
        near = Nearest(np.einsum("vd,vhd->vh", views, frames[ids]), whose[ids])
        real = sum(map(len, kept[: len(names)])) / sum(map(len, matrices[: len(names)]))
        rows.append(
            {
                "what": "all frames" if likeness is None else f"cosine below {likeness}",
                "rows kept, real": real,
                "rows kept, drawn": sum(map(len, kept[len(names) :])) / sum(map(len, matrices[len(names) :])),
                **candidate_recall(near, queries, truth, names),
            }
        )
    return rows


def thinned(matrix: Floats, likeness: float) -> Floats:
    """The frames that are less like the last one kept than `likeness`."""
    kept = [0]
    for number in range(1, len(matrix)):
        if float(matrix[number] @ matrix[kept[-1]]) < likeness:
            kept.append(number)
    return matrix[kept]


def alignments(
    references: dict[str, Floats], queries: dict[str, EmbeddedQuery], truth: dict[str, set[str]]
) -> list[dict[str, Any]]:
    """Matrices in fewer bits, and what of the labelled pairs' segments changes."""
    settings = QuerySettings()
    align: Any = Align(settings.aligner, min_score=settings.least_score, **settings.aligner_parameters(1.0))
    ways = {"fp32": lambda m: m, "fp16": lambda m: m.astype(np.float16), "int8, a scale a frame": in_int8}
    pairs = [(queries[query], references[one]) for query, those in truth.items() for one in sorted(those)]
    usual = [align(query.views, reference, query.frame_of) for query, reference in pairs]
    rows = []
    for name, way in ways.items():
        changed = 0
        worst = 0.0
        for (query, reference), before in zip(pairs, usual, strict=True):
            kept = np.asarray(way(reference), np.float32)
            worst = max(worst, float(np.abs(query.views @ (kept - reference).T).max()))
            changed += differ(align(query.views, kept, query.frame_of), before)
        example = np.zeros((HOUR, next(iter(references.values())).shape[1]), np.float32)
        packed = len(pack(way(example).astype(np.uint8) if "int8" in name else way(example)))
        rows.append(
            {
                "what": name,
                "matrix, MB an hour": round((packed + (4 * HOUR if "int8" in name else 0)) / 1e6, 3),
                "cosines off by, at most": worst,
                "pairs whose segments change": f"{changed} of {len(pairs)}",
            }
        )
    return rows


def in_int8(matrix: Floats) -> Floats:
    """The matrix as int8 with one scale a frame would give it back."""
    scale = np.abs(matrix).max(axis=1, keepdims=True) / 127
    return np.asarray(np.round(matrix / np.maximum(scale, 1e-12)) * scale, np.float32)


def differ(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two alignments tell a user different things."""
    return len(one) != len(other) or any(
        a.box != b.box or abs(a.score - b.score) > CHANGED_SCORE for a, b in zip(one, other, strict=True)
    )


if __name__ == "__main__":
    main()
