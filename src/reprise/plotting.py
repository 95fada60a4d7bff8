"""`--plot`: how alike the best videos are to what was searched for, over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reprise.errors import MissingExtraError, SettingsError, printable
from reprise.hits import SearchResult

MAX_VIDEOS = 5
INCHES = (10.0, 2.2)  # of a video's panel
COLOURS = {"plain": "#9aa5b1", "smooth": "#1f5fa8", "clip": "#f2b134", "best": "#c0392b"}


def check_plot(path: str) -> None:
    """Raises SettingsError for a file that is no PNG, MissingExtraError where the drawing library is missing."""
    if Path(path).suffix.lower() != ".png":
        raise SettingsError(f"plot must be a file ending in .png, not {printable(path)}")
    _figures()


def plot_search(result: SearchResult, path: str) -> None:
    """Draws the scores of the best videos' frames over time, with and without smoothing and with the clips marked.

    Writes a PNG to `path`, over what was there; at most MAX_VIDEOS panels. Raises as `check_plot`, OSError if the
    file cannot be written.
    """
    check_plot(path)
    curves = result.curves[:MAX_VIDEOS]
    rows = max(1, len(curves))
    figure = _figures().Figure(figsize=(INCHES[0], INCHES[1] * rows + 0.6), layout="constrained")
    panels = figure.subplots(rows, 1, squeeze=False, sharey=True)[:, 0]
    figure.suptitle(_plain(f'"{result.query}"' if result.is_text else result.query))
    if not curves:
        panels[0].set_title("nothing found")
    for panel, curve in zip(panels, curves, strict=False):
        panel.set_title(_plain(curve.video), loc="left", fontsize="medium")
        panel.plot(curve.times_s, curve.plain, color=COLOURS["plain"], linewidth=0.8, label="each frame")
        panel.plot(curve.times_s, curve.smooth, color=COLOURS["smooth"], linewidth=1.6, label="smoothed")
        for i, hit in enumerate(hit for hit in result.hits if hit.video == curve.video):
            panel.axvspan(
                hit.start_s, hit.end_s, color=COLOURS["clip"], alpha=0.35, linewidth=0, label="" if i else "clip"
            )
            panel.axvline(hit.best_s, color=COLOURS["best"], linewidth=1.6, label="" if i else "best frame")
        panel.set_ylabel("cosine")
    panels[-1].set_xlabel("seconds")
    if curves:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", fontsize="small", ncols=4)
    figure.savefig(path, format="png", dpi=120)


def _plain(text: str) -> str:
    # Between dollars matplotlib reads formulas.
    return printable(text).replace("$", r"\$")


def _figures() -> Any:
    try:
        # Not pyplot: nothing is shown on a screen, and no state is kept.
        from matplotlib import figure
    except ImportError as error:
        raise MissingExtraError("plot: matplotlib is not installed; pip install 'reprise[plot]'") from error
    return figure
