"""Smoothing, scores and clips, by arrays that can be checked by eye."""

from __future__ import annotations

import numpy as np
import pytest

from reprise.semantic import Clip, Scores, best_clips, clusters, scored, smoothed

UP, RIGHT = [0.0, 1.0], [1.0, 0.0]
DIAGONAL = [2**-0.5, 2**-0.5]


def matrix(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


def plain(*scores: float) -> Scores:
    return Scores(np.array(scores, np.float32), np.array(scores, np.float32))


def test_each_frame_becomes_the_mean_of_its_window_with_length_one() -> None:
    frames = matrix(UP, UP, RIGHT, RIGHT, RIGHT)
    expected = matrix(UP, [1 / 5**0.5, 2 / 5**0.5], [2 / 5**0.5, 1 / 5**0.5], RIGHT, RIGHT)
    assert np.allclose(smoothed(frames, 3), expected, atol=1e-6)


def test_windows_at_the_ends_are_shorter() -> None:
    # A window of 5 around frame 0 is frames 0 to 2, around frame 1 all four.
    frames = matrix(RIGHT, UP, UP, UP)
    assert np.allclose(smoothed(frames, 5)[0], [1 / 5**0.5, 2 / 5**0.5], atol=1e-6)
    assert np.allclose(smoothed(frames, 5)[1], [1 / 10**0.5, 3 / 10**0.5], atol=1e-6)


def test_a_kernel_of_one_changes_nothing_and_one_longer_than_the_video_is_its_mean() -> None:
    frames = matrix(UP, RIGHT)
    assert smoothed(frames, 1) is not None
    assert np.array_equal(smoothed(frames, 1), frames)
    assert np.allclose(smoothed(frames, 11), matrix(DIAGONAL, DIAGONAL), atol=1e-6)


def test_flat_frames_and_frames_that_cancel_out_stay_nothing() -> None:
    assert smoothed(matrix([0, 0], [0, 0], [0, 0]), 3).tolist() == [[0, 0]] * 3
    assert smoothed(matrix(UP, [0, -1]), 3).tolist() == [[0, 0], [0, 0]]
    assert smoothed(np.zeros((0, 2), np.float32), 3).shape == (0, 2)


def test_smoothing_is_as_exact_after_hours_as_at_the_start() -> None:
    row = np.array([[0.6, 0.8]], np.float32)
    assert np.abs(smoothed(np.repeat(row, 100_000, axis=0), 11) - row).max() < 1e-6


def test_scores_are_cosines_with_and_without_smoothing() -> None:
    (scores,) = scored(np.array(UP, np.float32), [matrix(UP, RIGHT, UP)], 3)
    assert scores.plain.tolist() == [1, 0, 1]
    assert scores.smooth.tolist() == pytest.approx([2**-0.5, 2 / 5**0.5, 2**-0.5])


def test_a_video_that_was_just_removed_has_no_scores() -> None:
    (scores,) = scored(np.array(UP, np.float32), [None], 11)
    assert (len(scores.plain), len(scores.smooth)) == (0, 0)


@pytest.mark.parametrize(
    ("times_s", "runs"),
    [
        ([], []),
        ([4], [(0, 1)]),
        ([4, 5, 6], [(0, 3)]),
        ([4, 5, 7, 8, 20], [(0, 2), (2, 4), (4, 5)]),
        ([0.1, 1.1, 2.1001], [(0, 2), (2, 3)]),
    ],
)
def test_times_within_a_step_of_each_other_are_one_run(times_s: list[float], runs: list[tuple[int, int]]) -> None:
    assert clusters(np.array(times_s, float), 1.0) == runs


def test_the_best_frames_of_all_videos_form_clips_by_their_best_score() -> None:
    scores = [plain(0.1, 0.8, 0.9, 0.1, 0.7), plain(0.2, 0.95, 0.2)]
    assert best_clips(scores, hits=4, fps=1) == [
        Clip(video=1, first_frame=1, last_frame=1, best_frame=1, score=pytest.approx(0.95)),
        Clip(video=0, first_frame=1, last_frame=2, best_frame=2, score=pytest.approx(0.9)),
        Clip(video=0, first_frame=4, last_frame=4, best_frame=4, score=pytest.approx(0.7)),
    ]


def test_hits_a_second_apart_are_one_clip_at_any_rate() -> None:
    at_four_a_second = [plain(0.9, 0, 0, 0, 0.8, 0, 0, 0, 0, 0.7)]
    assert [(c.first_frame, c.last_frame) for c in best_clips(at_four_a_second, hits=3, fps=4)] == [(0, 4), (9, 9)]
    every_two_seconds = [plain(0.9, 0.8, 0, 0.7)]
    assert [(c.first_frame, c.last_frame) for c in best_clips(every_two_seconds, hits=3, fps=0.5)] == [(0, 1), (3, 3)]


def test_the_best_frame_is_the_one_that_is_most_alike_by_itself() -> None:
    scores = Scores(np.array([0, 0.2, 1, 0.1, 0], np.float32), np.array([0, 0.5, 0.4, 0.4, 0], np.float32))
    (clip,) = best_clips([scores], hits=3, fps=1)
    assert (clip.first_frame, clip.last_frame, clip.best_frame, clip.score) == (1, 3, 2, 0.5)


def test_of_equal_frames_the_earlier_ones_are_taken() -> None:
    assert [c.first_frame for c in best_clips([plain(0.5, 0.1, 0.5, 0.1, 0.5)], hits=2, fps=1)] == [0, 2]


def test_no_video_and_no_frame_give_no_clip() -> None:
    assert best_clips([], hits=5, fps=1) == []
    assert best_clips([plain()], hits=5, fps=1) == []
