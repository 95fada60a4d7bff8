"""Drawings show what they are given: positions, shades, numbers and words of what lies on the axes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from reprise import SearchHit, Segment, plot
from reprise.errors import MissingExtraError
from reprise.evidence import made_smaller
from reprise.hits import Curve
from reprise.segment import Match

matplotlib = pytest.importorskip("matplotlib", reason="drawing needs the extra plot")


@pytest.fixture(autouse=True)
def _no_screen() -> Iterator[None]:
    from matplotlib import pyplot

    pyplot.switch_backend("Agg")
    yield
    pyplot.close("all")


@pytest.fixture
def axes() -> Any:
    from matplotlib.figure import Figure

    return Figure().subplots()


def segment(query: tuple[float, float] = (2, 6), reference: tuple[float, float] = (10, 14), **others: Any) -> Segment:
    return Segment(query[0], reference[0], query[1], reference[1], **({"score": 0.9} | others))


def boxes(artists: Any) -> list[list[float]]:
    """The bounds of what is drawn, in the axes' own units: left, bottom, right, top."""
    return [path.get_extents().extents.tolist() for artist in artists for path in artist.get_paths()]


def ticks(axis: Any) -> list[str]:
    """The labels of the ticks that are in sight."""
    low, high = sorted(axis.get_view_interval())
    return [axis.get_major_formatter()(place, 0) for place in axis.get_majorticklocs() if low <= place <= high]


# The similarity map


def test_a_map_is_drawn_with_the_query_downwards_and_frames_half_a_step_around_their_time(axes: Any) -> None:
    similarity = np.linspace(-0.2, 1, 20 * 40, dtype=np.float32).reshape(20, 40)
    assert plot.similarity_map(similarity, fps=2, ax=axes) is axes
    (image,) = axes.images
    assert np.array_equal(image.get_array(), similarity)
    assert image.get_extent() == [-0.25, 19.75, 9.75, -0.25]
    assert image.get_clim() == (0, 1)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("reference", "query")
    assert ticks(axes.xaxis) == ["0:00", "0:05", "0:10", "0:15"]
    assert ticks(axes.yaxis) == ["0:00", "0:02", "0:04", "0:06", "0:08"]


def test_segments_are_framed_and_numbered_and_marked_where_the_copy_starts_and_ends(axes: Any) -> None:
    forwards, backwards = segment(), segment((7, 9), (0.5, 3), backwards=True)
    plot.similarity_map(np.zeros((10, 20), np.float32), [forwards, backwards], ax=axes)
    assert [patch.get_bbox().extents.tolist() for patch in axes.patches] == [[10, 2, 14, 6], [0.5, 7, 3, 9]]
    markers = [(line.get_marker(), *line.get_xydata()[0].tolist()) for line in axes.lines]
    assert markers == [("v", 10, 2), ("s", 14, 6), ("v", 3, 7), ("s", 0.5, 9)]
    assert [(text.get_text(), text.xy) for text in axes.texts] == [("1", (14, 2)), ("2", (3, 7))]


def test_a_copy_of_one_frame_is_still_seen_in_a_map_of_hours(axes: Any) -> None:
    similarity = np.zeros((3000, 5000), np.float32)
    similarity[1000, 4001] = 1
    plot.similarity_map(similarity, ax=axes)
    (image,) = axes.images
    assert image.get_array().shape == (1000, 1000)
    assert np.argwhere(image.get_array() == 1).tolist() == [[333, 800]]
    assert image.get_extent() == [-0.5, 4999.5, 2999.5, -0.5]
    assert ticks(axes.xaxis) == ["0:00", "30:00", "1:00:00"]


def test_a_map_made_smaller_before_is_drawn_as_the_same_map(axes: Any) -> None:
    similarity = np.random.default_rng(0).random((2500, 30), np.float32)
    plot.similarity_map(made_smaller(similarity), fps=0.5, ax=axes)
    (image,) = axes.images
    # A row stands for three frames; the last one for the one that is left and two that are not there.
    assert image.get_array().shape == (834, 30)
    assert image.get_extent() == [-1, 59, 5003, -1]


def test_the_axes_hold_the_map_and_what_ends_with_its_video_and_no_more(axes: Any) -> None:
    plot.similarity_map(np.zeros((10, 20)), [segment((0, 10), (1, 11)), segment((0, 3), (17, 20))], ax=axes)
    assert (axes.get_xlim(), axes.get_ylim()) == ((-0.5, 20), (10, -0.5))
    plot.similarity_map(np.zeros((10, 20)), [segment()], ax=axes)
    assert (axes.get_xlim(), axes.get_ylim()) == ((-0.5, 19.5), (9.5, -0.5))


@pytest.mark.parametrize(
    ("seconds", "width", "times"),
    [
        (20, 6, ["0:00", "0:05", "0:10", "0:15"]),
        (20, 2.5, ["0:00", "0:10"]),
        (100_000, 6, ["0:00", "5:00:00", "10:00:00", "15:00:00", "20:00:00", "25:00:00"]),
        (1, 6, ["0:00"]),
    ],
)
def test_ticks_are_at_round_times_and_as_many_as_there_is_room_for(
    seconds: int, width: float, times: list[str]
) -> None:
    from matplotlib.figure import Figure

    axes = plot.similarity_map(np.zeros((2, seconds)), colorbar=False, ax=Figure(figsize=(width, 3)).subplots())
    assert ticks(axes.xaxis) == times


def test_the_colour_bar_is_left_out_on_demand() -> None:
    from matplotlib.figure import Figure

    counts = []
    for colorbar in (True, False):
        figure = Figure()
        plot.similarity_map(np.zeros((2, 2)), colorbar=colorbar, ax=figure.subplots())
        counts.append(len(figure.axes))
    assert counts == [2, 1]


def test_the_shades_of_maps_grow_lighter_all_the_way() -> None:
    colours = matplotlib.colormaps[plot.SHADES](np.linspace(0, 1, 64))[:, :3]
    lightness = colours @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(lightness) > 0).all()


# The timeline


def test_a_timeline_shows_both_videos_and_joins_each_stretch_with_its_source(axes: Any) -> None:
    match = Match.of("refs/a.mp4", [segment(), segment((8, 12), (0, 2), speed=0.5, backwards=True)])
    drawn = plot.timeline(match, query_duration_s=20, reference_duration_s=65, ax=axes)
    assert drawn is axes
    assert boxes(axes.collections) == [
        [0, 1.75, 20, 2.25],
        [0, -0.25, 65, 0.25],
        [2, 1.75, 6, 2.25],
        [10, -0.25, 14, 0.25],
        [8, 1.75, 12, 2.25],
        [0, -0.25, 2, 0.25],
    ]
    assert [joint.get_xy()[:4].tolist() for joint in axes.patches] == [
        [[2, 1.75], [6, 1.75], [14, 0.25], [10, 0.25]],
        [[8, 1.75], [12, 1.75], [0, 0.25], [2, 0.25]],  # crossed over
    ]
    numbers = [(text.get_text(), text.get_position()) for text in axes.texts]
    assert numbers == [("1", (4, 2)), ("1", (12, 0)), ("2", (10, 2)), ("2", (1, 0))]
    assert axes.get_xlabel() == "2 at speed 0.50, backwards"
    assert axes.get_title(loc="left") == "copied from refs/a.mp4"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["query\n0:20", "reference\n1:05"]
    assert ticks(axes.xaxis) == ["0:00", "0:15", "0:30", "0:45", "1:00"]


def test_neighbouring_stretches_differ_in_hatching_too(axes: Any) -> None:
    match = Match.of("a.mp4", [segment((i, i + 1), (i, i + 1)) for i in range(5)])
    plot.timeline(match, query_duration_s=5, reference_duration_s=5, ax=axes)
    hatches = [stretch.get_hatch() for stretch in axes.collections[2:]]
    assert hatches == [hatch for hatch in plot.STRETCH_HATCHES for _ in "qr"]
    assert len(set(hatches)) == 5


# The score over time


def test_scores_are_drawn_by_frame_and_smoothed_with_the_clips_of_that_video(axes: Any) -> None:
    times_s = np.arange(4.0)
    plain, smooth = np.array([0, 1, 0, 1], np.float32), np.array([0.5, 0.4, 0.6, 0.5], np.float32)
    hits = [SearchHit("a.mp4", 1, 2, 1, 0.5), SearchHit("b.mp4", 0, 1, 0, 0.4), SearchHit("a.mp4", 3, 4, 3.5, 0.3)]
    drawn = plot.score_over_time(Curve("a.mp4", times_s, plain, smooth), hits, ax=axes)
    assert drawn is axes
    lines = {line.get_label(): line.get_xydata().T.tolist() for line in axes.lines[:2]}
    assert lines == {
        "each frame": [times_s.tolist(), plain.tolist()],
        "smoothed": [times_s.tolist(), smooth.tolist()],
    }
    assert [(span.get_x(), span.get_x() + span.get_width()) for span in axes.patches] == [(1, 2), (3, 4)]
    assert [line.get_xdata()[0] for line in axes.lines[2:]] == [1, 3.5]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "each frame",
        "smoothed",
        "clip",
        "best frame",
    ]
    assert axes.get_title(loc="left") == "a.mp4"


def test_without_a_legend_the_artists_keep_their_labels(axes: Any) -> None:
    curve = Curve("a.mp4", np.arange(3.0), np.zeros(3, np.float32), np.ones(3, np.float32))
    plot.score_over_time(curve, legend=False, ax=axes)
    assert axes.get_legend() is None
    assert axes.get_legend_handles_labels()[1] == ["each frame", "smoothed"]


# The matrix


def test_a_matrix_tells_every_similarity_that_there_is_and_names_its_rows(axes: Any) -> None:
    similarity = np.array([[1, 0.25], [np.nan, 1]], np.float32)
    assert plot.matrix(similarity, ["a.mp4", "b.mp4"], ax=axes) is axes
    (image,) = axes.images
    assert image.get_array().mask.tolist() == [[False, False], [True, False]]
    assert image.get_array().filled(-1).tolist() == [[1, 0.25], [-1, 1]]
    assert [(text.get_text(), text.get_position()) for text in axes.texts] == [
        ("1.00", (0, 0)),
        ("0.25", (1, 0)),
        ("1.00", (1, 1)),
    ]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a.mp4  1", "b.mp4  2"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2"]
    assert axes.patch.get_hatch()  # which shows through where nothing was compared


def test_a_large_matrix_has_no_figures(axes: Any) -> None:
    plot.matrix(np.eye(13), [f"{i}.mp4" for i in range(13)], ax=axes)
    assert list(axes.texts) == []


# All of them


def test_without_axes_new_ones_of_pyplots_are_made() -> None:
    from matplotlib import pyplot

    one, other = plot.matrix(np.eye(2), ["a", "b"]), plot.similarity_map(np.eye(2))
    assert [pyplot.figure(number) for number in pyplot.get_fignums()] == [one.figure, other.figure]


def test_names_are_drawn_as_they_are_written(axes: Any) -> None:
    name = "a $x_{1$ \\frac\n.mp4"
    plot.timeline(Match.of(name, [segment()]), query_duration_s=20, reference_duration_s=20, ax=axes)
    assert axes.get_title(loc="left") == r"copied from a \$x_{1\$ \frac\n.mp4"
    axes.figure.draw_without_rendering()


@pytest.mark.parametrize("similarity", [np.zeros(3), np.zeros((2, 2, 2))])
def test_what_is_no_map_is_told_in_one_line(similarity: Any, axes: Any) -> None:
    with pytest.raises(ValueError, match=rf"^a table of similarities has two dimensions, not {similarity.ndim}$"):
        plot.similarity_map(similarity, ax=axes)
    with pytest.raises(ValueError, match=r"^1 names do not fit a table of 2 x 2 videos$"):
        plot.matrix(np.eye(2), ["a"], ax=axes)


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    curve = Curve("a.mp4", np.arange(3.0), np.zeros(3, np.float32), np.ones(3, np.float32))
    for draw in (
        lambda: plot.similarity_map(np.eye(2)),
        lambda: plot.timeline(Match.of("a", [segment()]), query_duration_s=9, reference_duration_s=20),
        lambda: plot.score_over_time(curve),
        lambda: plot.matrix(np.eye(2), ["a", "b"]),
    ):
        with pytest.raises(MissingExtraError) as error:
            draw()
        assert str(error.value) == "plot: matplotlib is not installed; pip install '.[plot]'"
