"""Coarse voting in a library of many videos: are the true references among the first candidates?

    python benchmarks/candidates.py BENCH [--videos 10000] [--hits 64 16] [--reposts 4] [--cache DIR] [--json FILE]

Labelled real queries and references among so many drawn videos (synthetic_library.py, with the covariance of the real
frames, so that they lie among them). Every view's nearest frames are found exactly; then different votes choose
candidates from the same hits. Recall is over labelled pairs of query and reference. With `--reposts` every reference
has so many edited copies in the library, and all of them are to be found too: no more than 1 at depth 1, and so on.
Settings were chosen on the half "tune" of the references (even CRC-32 of the name); "report" is the other.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench_frames import bench_matrices, bench_queries, true_references
from reprise.embedding import EmbeddedQuery
from reprise.voting import select_videos, weighted_votes
from synthetic_library import Floats, Look, SyntheticLibrary, normalised

DEPTHS = (1, 5, 20, 100)
BLOCK_FRAMES = 50_000
REPOST_COSINES = (0.85, 0.97)
Hits = list[list[list[Any]]]  # of a query, as a search gives them: view by view [frame, similarity, video]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest frames of some query views; rows best first."""

    similarity: Floats  # [views, hits]
    video: NDArray[np.int64]  # [views, hits]


def main() -> None:
    """Searches, votes and prints."""
    arguments = _arguments()
    references = bench_matrices(arguments.bench, arguments.cache)
    queries = bench_queries(arguments.bench, arguments.cache)
    truth = true_references(arguments.bench)
    names = list(references)
    views = np.concatenate([query.views for query in queries.values()])
    seen = views[np.any(views, axis=1)]
    drawn = SyntheticLibrary(arguments.videos, 7, Look.of(np.concatenate([*references.values(), seen[::2]])))
    most = max(arguments.hits)
    plain = nearest(views, [*enumerate(references.values())], most)
    batch: list[tuple[int, Floats]] = []
    for position, matrix in enumerate(drawn.matrices()):
        batch.append((len(names) + position, matrix))
        if sum(len(one) for _, one in batch) > BLOCK_FRAMES or position == len(drawn) - 1:
            plain = merged(plain, nearest(views, batch, most), most)
            batch = []
    print(f"{len(names)} references among {len(drawn)} drawn videos, {int(drawn.lengths.sum())} frames")
    copies = reposts(list(references.values()), arguments.reposts, len(names) + len(drawn))
    reposted = merged(plain, nearest(views, [pair for pairs in copies for pair in pairs], most), most)
    results = []
    for what, hits, wanted in (
        ("each reference once", plain, [[number] for number in range(len(names))]),
        (
            f"each {arguments.reposts + 1} times",
            reposted,
            [[number, *(video for video, _ in copies[number])] for number in range(len(names))],
        ),
    ):
        for limit in arguments.hits:
            told = by_query(hits, queries, limit)
            for name, vote in VOTES.items():
                row = [recall(told, truth, names, wanted, vote, half) for half in ("tune", "report")]
                results.append({"library": what, "hits": limit, "vote": name, "tune": row[0], "report": row[1]})
    print_table(results)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path)
    parser.add_argument("--videos", type=int, default=10_000)
    parser.add_argument("--hits", type=int, nargs="+", default=[64, 16])
    parser.add_argument("--reposts", type=int, default=4)
    parser.add_argument("--cache", type=Path, help="folder that keeps the embedded queries and the library")
    parser.add_argument("--json", help="file to write the figures to")
    return parser.parse_args()


def nearest(views: Floats, videos: Sequence[tuple[int, Floats]], most: int) -> Nearest:
    """The `most` nearest frames to each view, of videos [(number, matrix)]."""
    frames = np.concatenate([matrix for _, matrix in videos])
    whose = np.repeat([number for number, _ in videos], [len(matrix) for _, matrix in videos])
    found = []
    for start in range(0, len(views), 512):
        similarity = views[start : start + 512] @ frames.T
        if similarity.shape[1] > most:
            best = np.argpartition(similarity, -most, axis=1)[:, -most:]
        else:
            best = np.broadcast_to(np.arange(similarity.shape[1]), similarity.shape)
        found.append((np.take_along_axis(similarity, best, axis=1), whose[best]))
    return Nearest(np.concatenate([near for near, _ in found]), np.concatenate([video for _, video in found]))


def merged(one: Nearest, other: Nearest, most: int) -> Nearest:
    """The nearest of both."""
    similarity = np.concatenate([one.similarity, other.similarity], axis=1)
    video = np.concatenate([one.video, other.video], axis=1)
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :most]
    return Nearest(np.take_along_axis(similarity, order, axis=1), np.take_along_axis(video, order, axis=1))


def reposts(matrices: Sequence[Floats], times: int, first: int) -> list[list[tuple[int, Floats]]]:
    """For each matrix its edited copies, numbered from `first` on."""
    rng = np.random.default_rng(1)
    look = Look.of(np.concatenate(matrices))
    copies = []
    for number, matrix in enumerate(matrices):
        these = []
        for time in range(times):
            cosine = np.float32(rng.uniform(*REPOST_COSINES))
            noise = normalised(0.6 * look.directions(rng, 1) + 0.8 * look.directions(rng, len(matrix)))
            away = normalised(noise - np.sum(noise * matrix, axis=1, keepdims=True) * matrix)
            edited = cosine * matrix + np.float32((1 - cosine**2) ** 0.5) * away
            these.append((first + number * times + time, np.asarray(edited, np.float32)))
        copies.append(these)
    return copies


def by_query(found: Nearest, queries: dict[str, EmbeddedQuery], limit: int) -> dict[str, tuple[Hits, list[int]]]:
    """Each query's hits of its views that show something, with the frames that these are of."""
    told = {}
    start = 0
    for name, query in queries.items():
        shown = np.flatnonzero(np.any(query.views, axis=1))
        rows = start + shown
        start += len(query.views)
        hits = [
            [[None, s, v] for s, v in zip(similar, video, strict=True)]
            for similar, video in zip(
                found.similarity[rows, :limit].tolist(), found.video[rows, :limit].tolist(), strict=True
            )
        ]
        told[name] = hits, query.frame_of[shown].tolist()
    return told


def all_hits(hits: Hits, frame_of: list[int]) -> tuple[list[str], list[float]]:  # noqa: ARG001 - a vote
    """Every hit votes with its similarity: Towhee's `select_video` with "sum"."""
    flat = [hit for of_view in hits for hit in of_view]
    return [str(hit[2]) for hit in flat], [max(hit[1], 0.0) for hit in flat]


def best_hits(hits: Hits, frame_of: list[int]) -> tuple[list[str], list[float]]:
    """Each video's best hit of each frame votes with its similarity."""
    return _best(hits, frame_of, lambda similarity, _: similarity)


def over_rank(hits: Hits, frame_of: list[int]) -> tuple[list[str], list[float]]:
    """The vote of earlier versions."""
    return _best(hits, frame_of, lambda similarity, rank: similarity**2 / rank)


def _best(hits: Hits, frame_of: list[int], weight: Callable[[float, int], float]) -> tuple[list[str], list[float]]:
    frames: dict[int, list[list[Any]]] = {}
    for of_view, frame in zip(hits, frame_of, strict=True):
        frames.setdefault(frame, []).extend(of_view)
    votes: list[tuple[str, float]] = []
    for of_frame in frames.values():
        seen = set()
        for rank, (_, similarity, video) in enumerate(sorted(of_frame, key=lambda hit: -hit[1]), start=1):
            if video not in seen:
                seen.add(video)
                votes.append((str(video), weight(max(similarity, 0.0), rank)))
    return [video for video, _ in votes], [weight for _, weight in votes]


Vote = Callable[[Hits, list[int]], tuple[list[str], list[float]]]
VOTES: dict[str, Vote] = {
    "all hits": all_hits,
    "best hits": best_hits,
    "square over rank": over_rank,
    "default": weighted_votes,
}


def recall(
    told: dict[str, tuple[Hits, list[int]]],
    truth: dict[str, set[str]],
    names: list[str],
    wanted: list[list[int]],
    vote: Vote,
    half: str,
) -> list[float]:
    """The share of the videos to be found that are among the first DEPTHS candidates; means over pairs."""
    shares = []
    for query, references in truth.items():
        hits, frame_of = told[query]
        chosen = select_videos(*vote(hits, frame_of), top_k=max(DEPTHS), reduce_function="sum", reverse=True)
        place = {video: number for number, video in enumerate(chosen)}
        for reference in references:
            if (zlib.crc32(reference.encode()) % 2 == 0) != (half == "tune"):
                continue
            places = [place.get(str(video), max(DEPTHS)) for video in wanted[names.index(reference)]]
            shares.append([np.mean([at < depth for at in places]) for depth in DEPTHS])
    return [round(float(value), 4) for value in np.mean(shares, axis=0)]


def print_table(results: Sequence[dict[str, Any]]) -> None:
    """All figures."""
    print(f"{'recall at ' + ' '.join(map(str, DEPTHS)):<55}{'tune':<27}report")
    for row in results:
        head = f"{row['library']}, {row['hits']} hits a view, {row['vote']}"
        print(
            f"{head:<55}"
            + "    ".join(" ".join(f"{value:.3f}" for value in row[half]) for half in ("tune", "report"))
        )


if __name__ == "__main__":
    main()
