"""Drawings of what was found, on matplotlib's axes: they take axes, or make some, and give them back.

Everything is told by shape, line or number as well as by colour, and shades grow lighter evenly: drawings stay
readable in print and by the colour-blind. Times are minutes and seconds. Needs the extra `plot`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from reprise.errors import MissingExtraError, printable
from reprise.evidence import MapForEyes, made_smaller
from reprise.hits import Curve, SearchHit
from reprise.segment import Match, Segment
from reprise.times import clock

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

SHADES = "inferno"  # dark for 0, light for 1
CURVE_COLOURS = {"plain": "#9aa5b1", "smooth": "#1f5fa8", "clip": "#f2b134", "best": "#c0392b"}
BAR_COLOUR, BAR_HEIGHT = "#d5dae0", 0.5  # of a video in a timeline; videos lie 2 apart
# Of Okabe and Ito's colours, which the colour-blind tell apart, those that a black number can be read on.
STRETCH_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7")
STRETCH_HATCHES = ("///", "\\\\\\", "xx", "..", "--")
MOST_NUMBERED = 12  # videos up to which a matrix tells its similarities in figures
TICK_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
TICK_INCHES = 0.75, 0.45  # room that the time at a tick needs, across and down
MOST_TICKS = 8


def similarity_map(
    similarity: ArrayLike | MapForEyes,
    segments: Sequence[Segment] = (),
    *,
    fps: float = 1.0,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """The similarity map, query downwards and reference to the right, with the segments drawn on it.

    similarity: [query frames, reference frames], cosines, sampled at `fps`; drawn from 0 (dark; also what is below)
        to 1 (light). Large maps are drawn smaller, each cell the greatest of those that it stands for.
    segments: each a numbered frame, in which a triangle marks where the copy starts and a square where it ends: the
        copy runs from one to the other, upwards to the right where it is played backwards.
    colorbar: whether one is drawn beside the map, which takes it from the room of the axes.
    ax: where it is drawn; left out, new axes of pyplot's. Returns the axes that were drawn on.

    Raises ValueError for a map that is not two-dimensional, MissingExtraError without matplotlib.
    """
    seen = similarity if isinstance(similarity, MapForEyes) else made_smaller(_table(similarity))
    axes = _axes(ax, (6.4, 5.2))
    rows, columns = seen.cells.shape
    # A frame stands for the time from half a frame before it, as in segments.
    left_s, right_s = -0.5 / fps, (columns * seen.across - 0.5) / fps
    top_s, bottom_s = -0.5 / fps, (rows * seen.down - 0.5) / fps
    image = axes.imshow(
        seen.cells,
        cmap=SHADES,
        vmin=0,
        vmax=1,
        extent=(left_s, right_s, bottom_s, top_s),
        aspect="auto",
        interpolation="nearest",
    )
    if colorbar:
        axes.figure.colorbar(image, ax=axes, label="cosine similarity")
    for number, segment in enumerate(segments, 1):
        _draw_on_map(axes, segment, number)
    # What ends with its video ends after the map, whose last frame stands for half a step; and no room beyond.
    axes.set_xlim(left_s, max([right_s, *(segment.reference_end_s for segment in segments)]))
    axes.set_ylim(max([bottom_s, *(segment.query_end_s for segment in segments)]), top_s)
    axes.set_facecolor("black")
    axes.set_xlabel("reference")
    axes.set_ylabel("query")
    _clock_axis(axes.xaxis, right_s - left_s)
    _clock_axis(axes.yaxis, bottom_s - top_s)
    return axes


def _draw_on_map(axes: Axes, segment: Segment, number: int) -> None:
    from matplotlib import patches, patheffects

    # White with a dark edge can be seen on every shade.
    edged = [patheffects.withStroke(linewidth=3.5, foreground="black")]
    corner = segment.reference_start_s, segment.query_start_s
    width, height = segment.reference_end_s - corner[0], segment.query_end_s - corner[1]
    axes.add_patch(
        patches.Rectangle(corner, width, height, fill=False, edgecolor="white", linewidth=1.5, path_effects=edged)
    )
    ends = [segment.reference_start_s, segment.reference_end_s]
    start_s, end_s = ends[::-1] if segment.backwards else ends
    for reference_s, query_s, marker in ((start_s, segment.query_start_s, "v"), (end_s, segment.query_end_s, "s")):
        axes.plot(
            [reference_s],
            [query_s],
            marker=marker,
            markersize=7,
            color="white",
            markeredgecolor="black",
            clip_on=False,
        )
    axes.annotate(
        str(number),
        (segment.reference_end_s, segment.query_start_s),
        (-4, -4),
        textcoords="offset points",
        ha="right",
        va="top",
        color="white",
        weight="bold",
        path_effects=edged,
    )


def timeline(match: Match, *, query_duration_s: float, reference_duration_s: float, ax: Axes | None = None) -> Axes:
    """Both videos of a match as bars, the query above, with the copied stretches numbered and joined.

    What joins a stretch with its source crosses over where the copy is played backwards; below stands which stretches
    are not played as their source is. Durations are the videos', in seconds. `ax` as in `similarity_map`; returns the
    axes. Raises MissingExtraError without matplotlib.
    """
    axes = _axes(ax, (8.0, 2.6))
    for y, duration_s in ((2, query_duration_s), (0, reference_duration_s)):
        axes.broken_barh([(0, duration_s)], (y - BAR_HEIGHT / 2, BAR_HEIGHT), facecolor=BAR_COLOUR, edgecolor="black")
    looks = itertools.cycle(zip(STRETCH_COLOURS, STRETCH_HATCHES, strict=True))
    for number, (segment, (colour, hatch)) in enumerate(zip(match.segments, looks, strict=False), 1):
        stretches = (
            (2, segment.query_start_s, segment.query_end_s),
            (0, segment.reference_start_s, segment.reference_end_s),
        )
        for y, start_s, end_s in stretches:
            axes.broken_barh(
                [(start_s, end_s - start_s)],
                (y - BAR_HEIGHT / 2, BAR_HEIGHT),
                facecolor=colour,
                edgecolor="black",
                hatch=hatch,
            )
            axes.text(
                (start_s + end_s) / 2,
                y,
                str(number),
                ha="center",
                va="center",
                weight="bold",
                bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none"},
            )
        _join(axes, segment, colour)
    axes.set_yticks([2, 0], [f"query\n{clock(query_duration_s)}", f"reference\n{clock(reference_duration_s)}"])
    axes.set_ylim(-0.6, 2.6)
    longest_s = max(query_duration_s, reference_duration_s)
    axes.set_xlim(0, longest_s)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _clock_axis(axes.xaxis, longest_s)
    played = {number: _played(segment) for number, segment in enumerate(match.segments, 1)}
    axes.set_xlabel("; ".join(f"{number} {words}" for number, words in played.items() if words))
    axes.set_title(as_written(f"copied from {match.reference}"), loc="left", fontsize="medium")
    return axes


def _join(axes: Axes, segment: Segment, colour: str) -> None:
    """What joins a stretch of the query with its source."""
    ends = [segment.reference_start_s, segment.reference_end_s]
    start_s, end_s = ends[::-1] if segment.backwards else ends
    above, below = 2 - BAR_HEIGHT / 2, BAR_HEIGHT / 2
    axes.fill(
        [segment.query_start_s, segment.query_end_s, end_s, start_s],
        [above, above, below, below],
        facecolor=colour,
        alpha=0.35,
        edgecolor="black",
        linewidth=0.8,
    )


def _played(segment: Segment) -> str:
    """How the copy is played; empty where it is played as its source."""
    words = [f"at speed {segment.speed:.2f}"] if round(segment.speed, 2) != 1 else []
    return ", ".join([*words, "backwards"] if segment.backwards else words)


def score_over_time(
    curve: Curve, hits: Sequence[SearchHit] = (), *, legend: bool = True, ax: Axes | None = None
) -> Axes:
    """How alike a video's frames are to what was searched for, each by itself and smoothed, with the clips marked.

    hits: of any videos; those of the curve's are shaded, each with a line at its best frame.
    legend: whether one is drawn; the artists have their labels in any case.
    `ax` as in `similarity_map`; returns the axes. Raises MissingExtraError without matplotlib.
    """
    axes = _axes(ax, (8.0, 2.6))
    axes.set_title(as_written(curve.video), loc="left", fontsize="medium")
    axes.plot(curve.times_s, curve.plain, color=CURVE_COLOURS["plain"], linewidth=0.8, label="each frame")
    axes.plot(curve.times_s, curve.smooth, color=CURVE_COLOURS["smooth"], linewidth=1.8, label="smoothed")
    for i, hit in enumerate(hit for hit in hits if hit.video == curve.video):
        axes.axvspan(
            hit.start_s,
            hit.end_s,
            color=CURVE_COLOURS["clip"],
            alpha=0.35,
            linewidth=0,
            label="_" if i else "clip",
        )
        axes.axvline(
            hit.best_s,
            color=CURVE_COLOURS["best"],
            linewidth=1.6,
            linestyle=(0, (4, 1)),
            label="_" if i else "best frame",
        )
    axes.set_ylabel("cosine")
    _clock_axis(axes.xaxis, float(np.ptp(curve.times_s)) if len(curve.times_s) else 0.0)
    if legend:
        axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    return axes


def matrix(similarity: ArrayLike, names: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """How alike videos are, pair by pair: a row a video as query, a column a video as reference.

    similarity: [videos, videos], from 0 (dark; also what is below) to 1 (light); NaN, for a pair that was not
        compared, is hatched. Up to 12 videos the cells hold their figures.
    names: of the videos, in order. Rows have number and name, columns the number.
    `ax` as in `similarity_map`; returns the axes. Raises ValueError where there are not as many names as rows and
    columns, MissingExtraError without matplotlib.
    """
    table = _table(similarity)
    if table.shape != (len(names), len(names)):
        raise ValueError(f"{len(names)} names do not fit a table of {table.shape[0]} x {table.shape[1]} videos")
    axes = _axes(ax, (6.4, 4.8))
    axes.patch.set(facecolor="#cdcdcd", hatch="////", edgecolor="white")  # seen where nothing is drawn
    image = axes.imshow(np.ma.masked_invalid(table), cmap=SHADES, vmin=0, vmax=1)
    axes.figure.colorbar(image, ax=axes, label="similarity")
    numbers = range(len(names))
    axes.set_xticks(numbers, [str(number + 1) for number in numbers])
    axes.set_yticks(numbers, [as_written(f"{name}  {number}") for number, name in enumerate(names, 1)])
    axes.xaxis.tick_top()
    if len(names) <= MOST_NUMBERED:
        for (row, column), value in np.ndenumerate(table):
            if not np.isnan(value):
                colour = "black" if value > 0.55 else "white"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize="small")
    return axes


def check_installed() -> None:
    """Raises MissingExtraError where matplotlib is not installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("plot: matplotlib is not installed; pip install '.[plot]'") from error


def _axes(given: Axes | None, inches: tuple[float, float]) -> Axes:
    check_installed()
    if given is not None:
        return given
    # pyplot, so that notebooks and `pyplot.show()` show it; whoever gives axes has no need of it.
    from matplotlib import pyplot

    return pyplot.subplots(figsize=inches, layout="constrained")[1]


def _table(values: ArrayLike) -> Any:
    table = np.asarray(values, dtype=np.float32)
    if table.ndim != 2:
        raise ValueError(f"a table of similarities has two dimensions, not {table.ndim}")
    return table


def _clock_axis(axis: Axis, span_s: float) -> None:
    from matplotlib import ticker

    room = axis.axes.bbox.width if axis.axis_name == "x" else axis.axes.bbox.height
    needed = TICK_INCHES[axis.axis_name == "y"] * axis.axes.figure.dpi
    most = min(MOST_TICKS, max(1, int(room / needed)))
    step_s = next((step for step in TICK_STEPS_S if span_s / step <= most), None)
    # Beyond the longest step: whole hours, as few as are wanted.
    axis.set_major_locator(ticker.MultipleLocator(step_s or 3600 * -(-span_s // (3600 * most))))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: clock(value)))


def as_written(text: str) -> str:
    """The text as one line that matplotlib draws as it stands."""
    # Between dollars matplotlib reads formulas.
    return printable(text).replace("$", r"\$")
