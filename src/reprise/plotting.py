"""`--plot`: how alike the best videos are to what was searched for, over time."""

from __future__ import annotations

from pathlib import Path

from reprise.errors import SettingsError, printable
from reprise.hits import SearchResult
from reprise.plot import as_written, check_installed, score_over_time

MAX_VIDEOS = 5
INCHES = (10.0, 2.2)  # of a video's panel


def check_plot(path: str) -> None:
    """Raises SettingsError for a file that is no PNG, MissingExtraError where the drawing library is missing."""
    if Path(path).suffix.lower() != ".png":
        raise SettingsError(f"plot must be a file ending in .png, not {printable(path)}")
    check_installed()


def plot_search(result: SearchResult, path: str) -> None:
    """Draws the scores of the best videos' frames over time, with and without smoothing and with the clips marked.

    Writes a PNG to `path`, over what was there; at most MAX_VIDEOS panels. Raises as `check_plot`, OSError if the
    file cannot be written.
    """
    check_plot(path)
    # Not pyplot: nothing is shown on a screen, and no state is kept.
    from matplotlib.figure import Figure

    curves = result.curves[:MAX_VIDEOS]
    rows = max(1, len(curves))
    figure = Figure(figsize=(INCHES[0], INCHES[1] * rows + 0.6), layout="constrained")
    panels = figure.subplots(rows, 1, squeeze=False, sharey=True)[:, 0]
    figure.suptitle(as_written(f'"{result.query}"' if result.is_text else result.query))
    if not curves:
        panels[0].set_title("nothing found")
    for panel, curve in zip(panels, curves, strict=False):
        score_over_time(curve, result.hits, legend=False, ax=panel)
    if curves:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", fontsize="small", ncols=4)
    figure.savefig(path, format="png", dpi=120)
