"""What comes again within one video."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from footage import footage

from reprise.alignment.aligners import ALIGNERS, aligner
from reprise.alignment.straight_lines import find_segments
from reprise.repeats import repeats

find = partial(find_segments, min_score=0.85)


def video(shown: list[int], *, seed: int = 0) -> np.ndarray:
    """The map of a video with itself whose frame i is number shown[i]; frames of the same tenth are of one scene."""
    rng = np.random.default_rng(seed)
    scenes, frames = rng.normal(size=(100, 64)), rng.normal(size=(1000, 64))
    vectors = np.array([scenes[number // 10] + 0.6 * frames[number] for number in shown], np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors @ vectors.T


def boxes(similarity: np.ndarray) -> list[list[int]]:
    return [[round(corner) for corner in segment.box] for segment in repeats(similarity, find)]


def test_a_video_of_shots_without_repeat_has_none() -> None:
    assert boxes(video(list(range(200, 260)))) == []


def test_a_replay_is_told_once_the_earlier_showing_first() -> None:
    shown = [*range(200, 230), *range(208, 218), *range(300, 320)]
    assert boxes(video(shown)) == [[8, 30, 18, 40]]


def test_what_is_shown_three_times_is_told_for_each_two() -> None:
    one = list(range(205, 215))
    found = boxes(video([*one, *range(300, 310), *one, *range(400, 412), *one]))
    assert sorted(found) == [[0, 20, 10, 30], [0, 42, 10, 52], [20, 42, 30, 52]]


def test_what_is_played_backwards_right_after_is_told_up_to_its_middle() -> None:
    shown = [*range(100, 110), *range(200, 400, 20), *range(380, 180, -20), *range(500, 510)]
    (segment,) = repeats(video(shown), find)
    assert segment.backwards
    assert [segment.query_start, segment.query_end] == pytest.approx([10, 20], abs=1.5)
    assert [segment.reference_start, segment.reference_end] == pytest.approx([20, 30], abs=1.5)


@pytest.mark.parametrize("name", list(ALIGNERS))
def test_no_aligner_tells_the_diagonal(name: str) -> None:
    shown = [*range(200, 240), *range(208, 224), *range(300, 320)]
    for segment in repeats(video(shown), aligner(name)):
        assert segment.reference_start + segment.reference_end > segment.query_start + segment.query_end + 2


def test_comparing_a_video_with_itself_tells_its_repeats(tmp_path: Path) -> None:
    path = footage(tmp_path / "a.mp4", [*range(12), *range(2, 10), *range(50, 56)], seed=3)
    copy = tmp_path / "b.mp4"
    copy.write_bytes(path.read_bytes())
    for other in (path, copy):
        (answer,) = run("compare", path, other, "--json").objects
        assert answer["repeats"] is True
        (match,) = answer["matches"]
        assert [one["segment"] for one in match["segments"]] == [[1.5, 11.5, 9.5, 19.5]]
    assert "1 repeated segment" in run("compare", path, path).out
    plain = footage(tmp_path / "plain.mp4", range(10), seed=5)
    assert ": no repeat found; " in run("compare", plain, plain).out


def test_a_query_of_a_file_of_the_library_finds_the_whole_of_it(tmp_path: Path) -> None:
    path = footage(tmp_path / "a.mp4", [*range(12), *range(2, 10)], seed=3)
    run("ingest", "--library", tmp_path / "library", path)
    (answer,) = run("query", "--library", tmp_path / "library", path, "--json").objects
    segments = [one["segment"] for match in answer["matches"] for one in match["segments"]]
    assert [0.0, 0.0, 20.0, 20.0] in segments
    assert "repeats" not in answer
