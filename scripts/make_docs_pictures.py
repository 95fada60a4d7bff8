"""Makes the pictures of the documentation: python scripts/make_docs_pictures.py docs/pictures [NAME...]"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import escape

import click

from reprise.demo.videos import make_demo_videos
from reprise.errors import ReprisError

# The operators' boxes: in pixels, a column a step.
WIDTH, HEIGHT, GAP = 122, 64, 20
ROWS = {"ingest": 28, "stores": 138, "query": 258}
STYLE = """
text { font: 13px sans-serif; fill: #1c2733; text-anchor: middle }
.name { font-weight: bold }
.operator { font: 9px monospace; fill: #41505f }
rect { fill: #eef2f6; stroke: #8496a8 }
.store { fill: #dcecf9; stroke: #1f5fa8 }
.page { fill: #ffffff; stroke: none }
path { stroke: #5b6875; fill: none; marker-end: url(#tip) }
marker path { fill: #5b6875; stroke: none; marker-end: none }
""".strip()
DEMO = Path(__file__).parent.parent / "data" / "demo"


@dataclass(frozen=True, slots=True)
class Box:
    """A step of the diagram; `operator` has its line only where there is one."""

    row: str
    column: int
    name: str
    what: str
    operator: str = ""
    kind: str = "step"  # or store, or end: what goes in or comes out

    @property
    def left(self) -> int:
        return 10 + self.column * (WIDTH + GAP)

    @property
    def top(self) -> int:
        return ROWS[self.row]


STEPS = (
    Box("ingest", 0, "video", "", kind="end"),
    Box("ingest", 1, "decode", "1 frame a second", "video_decode.ffmpeg"),
    Box("ingest", 2, "embed", "256 numbers each", "image_embedding.reprise"),
    Box("ingest", 3, "insert", "all frames", "ann_insert.milvus_client"),
    Box("ingest", 5, "insert", "the whole video", "kvstorage.insert_leveldb"),
    Box("stores", 3, "Milvus", "frame vectors", kind="store"),
    Box("stores", 5, "LevelDB", "video matrices", kind="store"),
    Box("query", 0, "query", "", kind="end"),
    Box("query", 1, "decode", "1 frame a second", "video_decode.ffmpeg"),
    Box("query", 2, "embed", "frames and insets", "image_embedding.reprise"),
    Box("query", 3, "search", "nearest frames", "ann_search.milvus_client"),
    Box("query", 4, "vote", "a few candidates", "video_copy_detection.select_video"),
    Box("query", 5, "fetch", "their matrices", "kvstorage.from_leveldb"),
    Box("query", 6, "align", "query x candidate", "video_copy_detection.align"),
    Box("query", 7, "segments", "", kind="end"),
)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("names", nargs=-1)
def main(folder: Path, names: tuple[str, ...]) -> None:
    """Make the pictures NAME, by default all, in FOLDER from the demo's videos."""
    unknown = [name for name in names if name not in PICTURES]
    if unknown:
        raise click.UsageError(f"there is no picture {unknown[0]}; there are {', '.join(PICTURES)}")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name in names or PICTURES:
            PICTURES[name](folder / name)
    except ReprisError as error:
        click.echo(f"make_docs_pictures: {error}", err=True)
        sys.exit(1)


def draw_pipeline(path: Path) -> None:
    """The chains of ingest and query with their operators and stores, on white, as pages may be light or dark."""
    width, height = STEPS[-1].left + WIDTH + 10, ROWS["query"] + HEIGHT + 14
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">',
        "<title>How Reprise ingests and queries videos</title>",
        f"<style>{STYLE}</style>",
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker>',
    ]
    parts.append(f'<rect class="page" width="{width}" height="{height}" rx="8"/>')
    parts += [part for box in STEPS for part in _box(box)]
    for before, after in itertools.pairwise(STEPS):
        if before.row == after.row != "stores":
            middle = before.top + HEIGHT // 2
            parts.append(f'<path d="M{before.left + WIDTH + 2} {middle}H{after.left - 2}"/>')
    for column in {box.column for box in STEPS if box.kind == "store"}:
        centre = Box("stores", column, "", "").left + WIDTH // 2
        for above, below in (("ingest", "stores"), ("stores", "query")):
            parts.append(f'<path d="M{centre} {ROWS[above] + HEIGHT + 2}V{ROWS[below] - 2}"/>')
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def _box(box: Box) -> list[str]:
    centre = box.left + WIDTH // 2
    if box.kind == "end":
        return [_text(centre, box.top + HEIGHT // 2 + 5, "name", box.name)]
    # An operator's name is wider than its box: its folder stands above it.
    folder, _, name = box.operator.partition(".")
    lines = [("name", box.name, 18), ("what", box.what, 35), ("operator", folder, 48), ("operator", name, 58)]
    down = 0 if box.operator else 10
    return [
        f'<rect class="{box.kind}" x="{box.left}" y="{box.top}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        *(_text(centre, box.top + y + down, kind, text) for kind, text, y in lines if text),
    ]


def _text(x: int, y: int, kind: str, text: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


def draw_map(path: Path) -> None:
    """The similarity map of one of the demo's queries and its source, with the segment that was found."""
    from matplotlib.figure import Figure

    from reprise import plot
    from reprise.comparison import compare_with_evidence

    make_demo_videos(DEMO)
    evidence = compare_with_evidence(DEMO / "queries/faster.mp4", DEMO / "library/collection.mp4")
    (found,) = evidence.matches
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = plot.similarity_map(found.map, found.match.segments, fps=found.fps, ax=figure.subplots())
    axes.set_xlabel("collection.mp4")
    axes.set_ylabel("faster.mp4, which plays it 1.5 times as fast")
    figure.savefig(path, dpi=110)


def shoot_report(path: Path) -> None:
    """The top of the report of two of the demo's queries."""
    make_demo_videos(DEMO)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Beside the videos, so that the page names no path of this machine.
        for part in ("library", "queries"):
            (folder / part).symlink_to((DEMO / part).resolve())
        for arguments in (
            ["ingest", "library", "--library", "mylibrary"],
            [
                "query",
                "queries/two_sources.mp4",
                "queries/faster.mp4",
                "--library",
                "mylibrary",
                "--report",
                "report",
            ],
        ):
            subprocess.run([sys.executable, "-m", "reprise", *arguments], cwd=folder, check=True, capture_output=True)
        screenshot((folder / "report/report.html").as_uri(), path, width=1000, height=1250)


def shoot_service(path: Path) -> None:
    """The service's page with the answer for one of the demo's queries."""
    make_demo_videos(DEMO)
    with tempfile.TemporaryDirectory() as name:
        # Beside the videos, so that the page names no path of this machine.
        (Path(name) / "films").symlink_to((DEMO / "library").resolve())
        reprise = [sys.executable, "-m", "reprise"]
        ingest = [*reprise, "ingest", "films", "--library", "mylibrary"]
        subprocess.run(ingest, cwd=name, check=True, capture_output=True)
        serve = [*reprise, "serve", "--library", "mylibrary", "--root", "films", "--port", "0"]
        with subprocess.Popen(serve, cwd=name, stderr=subprocess.PIPE, text=True) as service:
            try:
                assert service.stderr is not None
                told = next(line for line in service.stderr if "is served at" in line)
                address = told.split("is served at")[1].split()[0]
                screenshot(address, path, width=1000, height=1000, asked=DEMO / "queries/faster.mp4")
            finally:
                service.terminate()


def screenshot(address: str, path: Path, *, width: int, height: int, asked: Path | None = None) -> None:
    """The first `height` pixels of a page in a real browser, as a PNG of 256 colours.

    `asked`: a video that is given to the service's page first; the picture shows the answer.
    """
    from PIL import Image

    if find_spec("playwright") is None:
        raise ReprisError("the browser is driven by playwright, which is not installed: pip install '.[docs]'")
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    # Chromium's sandbox does not run as root, as in containers.
    options = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=options)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(address, wait_until="load")
        if asked is not None:
            page.locator("#ask-file").set_input_files(asked)
            page.locator("#answer .segment").first.wait_for(timeout=60_000)
        page.screenshot(path=path)
        browser.close()
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256)
    small.save(path, optimize=True)


PICTURES: dict[str, Callable[[Path], None]] = {
    "pipeline.svg": draw_pipeline,
    "similarity-map.png": draw_map,
    "report.png": shoot_report,
    "service.png": shoot_service,
}


if __name__ == "__main__":
    main()
