"""The parts that find which videos of a library are in each other, on vectors that are made here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dedupe import found_pairs, pair_of, rows_of
from dedupe_videos import DrawnLibrary
from reprise.dedupe.candidates import PARTNERS, find_candidates
from reprise.dedupe.deduplication import find_duplicates
from reprise.dedupe.frame_join import CELL, LARGEST_CELL, FrameJoin
from reprise.dedupe.frames import CountingFrames, Floats
from reprise.dedupe.keeping import best_copy
from reprise.dedupe.pairs import Pair, PairAligner
from reprise.dedupe.representatives import Representatives, RepresentativeSet, representative_frames
from reprise.dedupe.settings import DedupeSettings
from reprise.errors import SettingsError
from reprise.segment import Segment
from reprise.stores.videos import VideoRow

NO_FLAT = np.zeros((0, 256), np.float32)


def unit_vectors(count: int, *, dimension: int = 64, seed: int = 0) -> Floats:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension), np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def like(vectors: Floats, cosine: float, *, seed: int) -> Floats:
    """Vectors at this cosine from the given ones, each in a direction of its own."""
    noise = unit_vectors(len(vectors), dimension=vectors.shape[1], seed=seed)
    noise -= (noise * vectors).sum(axis=1, keepdims=True) * vectors
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    return np.asarray(cosine * vectors + (1 - cosine**2) ** 0.5 * noise, np.float32)


def video(path: str, *, length_s: float = 60, size: tuple[int, int] = (640, 360), rate: int = 1000) -> VideoRow:
    return VideoRow(
        id=path,
        path=path,
        content_hash=path,
        file_size=round(rate * length_s),
        modified_ns=0,
        duration_s=length_s,
        frame_count=round(length_s),
        fps=1.0,
        model="drawn",
        ingested_at="2026-01-01",
        warning="",
        tags=[],
        width=size[0],
        height=size[1],
        codec="h264",
    )


def pair(*, shares: tuple[float, float], similarity: float = 0.9, start_s: float = 0.0) -> Pair:
    segment = Segment(start_s, 0.0, 60.0, 60.0, score=1.0)
    return Pair("a", "b", (segment,), *shares, similarity=similarity)


def of_videos(matrices: list[Floats]) -> RepresentativeSet:
    gathering = Representatives(sum(map(len, matrices)))
    for matrix in matrices:
        gathering.add(matrix)
    return gathering.gathered()


def test_near_vectors_of_other_owners_are_found_at_a_share_of_the_comparisons() -> None:
    count = 60 * CELL
    originals = unit_vectors(count)
    vectors = np.concatenate((originals, like(originals[:2000], 0.8, seed=1)))
    owners = np.concatenate((np.arange(count) // 10, count + np.arange(2000))).astype(np.int32)
    join = FrameJoin(lambda indices: vectors[indices], owners, least=0.6, most=4)
    near, _ = join.run()
    found = set(zip(near.vector.tolist(), near.owner.tolist(), strict=True))
    assert sum((i, count + i) in found and (count + i, i // 10) in found for i in range(2000)) >= 1600
    assert join.cost.comparisons < len(vectors) ** 2 / 8


def test_a_few_vectors_are_all_compared() -> None:
    vectors = np.repeat(unit_vectors(3), [2, 1, 2], axis=0)
    owners = np.array([0, 1, 1, 2, 0], np.int32)
    near, commonness = FrameJoin(lambda indices: vectors[indices], owners, least=0.9, most=4).run()
    found = sorted(zip(near.vector.tolist(), near.owner.tolist(), strict=True))
    assert found == [(0, 1), (1, 0), (3, 0), (4, 2)]
    assert commonness.tolist() == [1, 1, 0, 1, 1]


@pytest.mark.parametrize("cosine", [0.999, 1.0])
def test_a_picture_that_thousands_hold_does_not_blow_up_the_comparisons(cosine: float) -> None:
    count = 10 * LARGEST_CELL
    same = like(np.repeat(unit_vectors(1), count, axis=0), cosine, seed=2)
    join = FrameJoin(lambda indices: same[indices], np.arange(count, dtype=np.int32), least=0.6, most=4)
    near, commonness = join.run()
    assert join.cost.comparisons < count**2 / 2
    assert np.bincount(near.vector, minlength=count).tolist() == [4] * count
    assert commonness.min() >= CELL // 2


def test_of_a_run_of_frames_that_look_alike_the_first_stands_for_all_and_flat_ones_for_nothing() -> None:
    looks = unit_vectors(3)
    matrix = np.repeat(looks, [3, 200, 1], axis=0)
    matrix[1] = 0
    assert representative_frames(matrix).tolist() == [0, 3, 203]
    assert representative_frames(np.zeros((4, 64), np.float32)).tolist() == []
    assert representative_frames(matrix[:0]).tolist() == []


def test_representatives_keep_their_directions() -> None:
    matrix = unit_vectors(50)
    chosen = of_videos([matrix[:20], matrix[20:]])
    centred = matrix - matrix.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    assert (chosen.rows(np.arange(50)) * centred).sum(axis=1).min() > 0.999
    assert chosen.owners.tolist() == [0] * 20 + [1] * 30


def test_an_ident_in_many_videos_makes_no_pairs_but_a_clip_that_went_round_does() -> None:
    ident = unit_vectors(3, dimension=256, seed=9)
    own = unit_vectors(80 * 40, dimension=256, seed=3).reshape(80, 40, 256)
    with_ident = [np.concatenate((ident, matrix)) for matrix in own]
    assert len(find_candidates(of_videos(with_ident)).pairs) == 0
    clip = unit_vectors(40, seed=4)
    went_round = [like(clip, 0.9, seed=100 + number) for number in range(80)]
    pairs = find_candidates(of_videos(went_round)).pairs
    assert set(pairs.ravel().tolist()) == set(range(80))
    assert len(pairs) <= 80 * PARTNERS


def test_the_longest_is_kept_then_the_largest_then_the_least_edited_then_the_most_bits() -> None:
    def same(*_: VideoRow) -> float:
        return 0.9

    longest, short = video("long"), video("short", length_s=40)
    assert best_copy([longest], [short], same) == (longest, "the longest, 1:00")
    large, small = video("large", size=(1280, 720)), video("small", length_s=61)
    assert best_copy([small, large], [], same) == (large, "the largest picture, 1280x720")
    one, two, three = video("1"), video("2"), video("3")
    middle = {("1", "2"): 0.9, ("2", "3"): 0.9, ("1", "3"): 0.7}

    def alike(first: VideoRow, second: VideoRow) -> float:
        return middle[min(first.path, second.path), max(first.path, second.path)]

    assert best_copy([one, two, three], [], alike) == (two, "the least edited (closest to all other copies)")
    rich, poor = video("rich", rate=2000), video("poor")
    assert best_copy([poor, rich], [], same) == (rich, "the most bits a second")
    assert best_copy([two, one], [], same) == (one, "first by name, else as good as the others")


@pytest.mark.parametrize(
    ("found", "relation"),
    [
        (pair(shares=(1.0, 1.0), similarity=0.999), "same-content"),
        (pair(shares=(1.0, 1.0), similarity=0.999, start_s=4), "near-duplicate"),
        (pair(shares=(1.0, 1.0), similarity=0.8), "near-duplicate"),
        (pair(shares=(0.75, 0.75)), "near-duplicate"),
        (pair(shares=(0.95, 0.3)), "contained-in"),
        (pair(shares=(0.3, 0.95)), "contains"),
        (pair(shares=(0.8, 0.5)), "partial"),
    ],
)
def test_a_relation_is_told_by_the_shares(found: Pair, relation: str) -> None:
    assert found.relation(min_share=0.9) == relation
    turned = {"contains": "contained-in", "contained-in": "contains"}
    assert found.seen_from("b").relation(min_share=0.9) == turned.get(relation, relation)


def test_what_is_held_of_the_matrices_is_bounded() -> None:
    frames = CountingFrames(lambda name: np.full((10, 256), float(name), np.float32), NO_FLAT, held_bytes=25_000)
    for name in ("1", "2", "1", "2"):
        frames.of(name)
    assert frames.loaded == 2
    for name in ("3", "2", "1"):
        frames.of(name)
    assert frames.loaded == 4


def test_planted_copies_of_a_drawn_library_are_found_and_nothing_else_is_put_together() -> None:
    library = DrawnLibrary(150, seed=3)
    report = find_duplicates(rows_of(library), lambda name: library.matrix(int(name)), library.black, fps=1.0)
    joined, partial = found_pairs(report)
    planted = [(i, p) for i, p in enumerate(library.planted) if p.kind]
    known = [p.kind for i, p in planted if pair_of(i, p.source) in joined | partial]
    assert len(known) >= 0.9 * len(planted) > 30
    families = {i: p.source for i, p in enumerate(library.planted)}
    assert all(families[one] == families[other] for one, other in joined)


def test_a_video_with_no_matrix_is_named_and_the_others_are_done() -> None:
    library = DrawnLibrary(12, seed=1)
    rows = rows_of(library)
    matrices: dict[str, Floats | None] = {row.id: library.matrix(int(row.id)) for row in rows}
    rows.append(replace(rows[0], id="12", path="drawn/again.mp4"))
    matrices |= {"12": matrices["0"], "3": None}
    report = find_duplicates(rows, matrices.get, library.black, fps=1.0)
    assert [failure.path for failure in report.failed] == [rows[3].path]
    assert pair_of(0, 12) in found_pairs(report)[0]


@pytest.mark.parametrize(("shots", "seed_of_other", "are_one"), [((9, 14, 11), 0, True), ((9, 14, 11), 5, False)])
def test_still_shots_of_one_length_are_one_video_where_their_cuts_agree(
    shots: tuple[int, ...], seed_of_other: int, are_one: bool
) -> None:
    one = np.repeat(unit_vectors(len(shots), dimension=256), shots, axis=0)
    other = np.repeat(unit_vectors(len(shots), dimension=256, seed=seed_of_other), shots, axis=0)
    held = {"a": one, "b": like(other, 0.95, seed=7)}
    aligner = PairAligner(CountingFrames(held.get, NO_FLAT), 1.0, DedupeSettings())
    found = aligner.pair(video("a", length_s=34), video("b", length_s=34))
    assert (found is not None and found.relation(0.9) == "near-duplicate") == are_one


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"min_share must be above 0\.5"):
        DedupeSettings(min_share=0.5)
    with pytest.raises(SettingsError, match="min_score must be from 0 to 1"):
        DedupeSettings(min_score=2)
    with pytest.raises(SettingsError, match="min_length_s must be at least 0"):
        DedupeSettings(min_length_s=-1)
