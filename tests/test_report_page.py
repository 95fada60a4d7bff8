"""The report in a real browser, opened as a file."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run
from footage import footage

pytest.importorskip("playwright.sync_api", reason="the browser is driven by playwright")

from playwright.sync_api import Page, expect

from reprise.report.page import PAGE_NAME, page_of
from reprise.report.pictures import data_uri, grey_png

MANY = 100  # matches
ALIKE = {
    "image": data_uri("image/png", grey_png(np.ones((3, 6), np.float32))),
    "query": [0, 30],
    "reference": [0, 60],
}
# The colours of all maps, in their margins and in their middles.
COLOURS = """() => [[990, 555], [500, 400]].map(([x, y]) => [...new Set(
    [...document.querySelectorAll(".map canvas")]
        .map(map => [...map.getContext("2d").getImageData(x, y, 1, 1).data].join(" ")))])"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report, with clips, of a query of which one piece is copied."""
    folder = tmp_path_factory.mktemp("report")
    footage(folder / "a & b.mp4", range(25), seed=1, codec="libx264")
    footage(folder / "copy.mp4", [*range(100, 104), *range(5, 17)], seed=1, codec="libx264")
    library = folder / "library"
    assert run("ingest", folder / "a & b.mp4", "--library", library).status == 0
    asked = run("query", folder / "copy.mp4", "--library", library, "--report", folder / "report", "--clips")
    assert asked.status == 0
    return folder / "report" / PAGE_NAME


@pytest.fixture
def page(browser: Any) -> Iterator[Page]:
    """A page that asks nobody for anything, and complains of nothing."""
    one: Page = browser.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    one.on("console", lambda message: complaints.append(message.text))
    one.on("pageerror", lambda error: complaints.append(str(error)))
    one.on("request", lambda request: asked.append(request.url))
    yield one
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    one.close()


def many_matches(folder: Path, *, path: str = "q.mp4") -> Path:
    """A page of a query that 100 references share something with."""
    segment = {"segment": [10.0, 20.0, 14.0, 24.0], "score": 0.9, "speed": 1.33, "pairs": []}
    matches = [
        {
            "reference": f"refs/{number:03d}.mp4",
            "url": "",
            "duration": 60.0,
            "score": 0.9,
            "segments": [segment],
            "map": ALIKE,
        }
        for number in range(MANY)
    ]
    query = {"path": path, "url": "", "duration": 30.0, "warning": "", "matches": matches}
    content = {
        "program": "Reprise",
        "made": "2026-01-01",
        "library": "lib",
        "model": "m",
        "fps": 1.0,
        "failures": [],
        "queries": [query],
    }
    page = folder / PAGE_NAME
    page.write_text(page_of(content), encoding="utf-8")
    return page


def test_the_report_tells_at_its_top_what_was_copied_from_where(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    expect(page.locator(".lead")).to_have_text("1 copied segment in 1 of 1 video, taken from 1 reference.")
    cells = page.locator("tbody tr").first.locator("td")
    assert [cells.nth(number).inner_text() for number in (0, 2)] == ["copy.mp4", "a & b.mp4"]
    pictures = page.locator(".pairs img")
    assert pictures.count() == 8
    assert pictures.evaluate_all("all => all.map(one => one.naturalWidth > 0)").count(False) == 0


def test_a_match_that_is_closed_is_opened_by_its_link(page: Page, tmp_path: Path) -> None:
    page.goto(many_matches(tmp_path).as_uri())
    last = page.locator("details.match").last
    assert last.get_attribute("open") is None
    page.get_by_role("link", name=f"{MANY - 1:03d}.mp4").click()
    assert last.get_attribute("open") is not None
    expect(last.locator("svg.timeline")).to_be_in_viewport()


def test_the_map_is_zoomed_and_moved_with_the_keyboard(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    canvas = page.locator(".map canvas")
    canvas.scroll_into_view_if_needed()
    told = page.locator(".map [aria-live]")
    drawn = canvas.evaluate("canvas => canvas.toDataURL()")
    canvas.focus()
    page.keyboard.press("+")
    expect(told).to_have_text(re.compile("query 0:03 . 0:13, reference 0:05 . 0:20"))
    assert canvas.evaluate("canvas => canvas.toDataURL()") != drawn
    page.keyboard.press("ArrowRight")
    expect(told).to_have_text(re.compile("query 0:03 . 0:13, reference 0:08 . 0:23"))
    page.keyboard.press("0")
    expect(told).to_have_text(re.compile("query 0:00 . 0:16, reference 0:00 . 0:25"))


def test_both_clips_are_played_in_step(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    page.get_by_role("button", name="Play both in step").click()
    for number in (0, 1):
        video = page.locator(".clips video").nth(number)
        page.wait_for_function("v => !v.paused && v.currentTime > 0.3", arg=video.element_handle())
    one, other = page.locator(".clips video").evaluate_all("all => all.map(video => video.currentTime)")
    assert other - one == pytest.approx(0, abs=1.5)


def test_a_hundred_matches_are_found_by_their_names_and_drawn_when_they_are_opened(
    page: Page, tmp_path: Path
) -> None:
    page.goto(many_matches(tmp_path).as_uri())
    assert page.locator("details.match").count() == MANY
    assert page.locator("svg.timeline").count() == 5
    page.get_by_label("Show only").fill("042")
    expect(page.locator("details.match:visible")).to_have_count(1)
    page.locator("details.match:visible summary").click()
    expect(page.locator("details.match:visible svg.timeline")).to_be_visible()


def test_on_paper_every_match_is_drawn(page: Page, tmp_path: Path) -> None:
    page.goto(many_matches(tmp_path).as_uri())
    page.emulate_media(media="print")
    page.pdf()
    assert page.locator("details.match[open] svg.timeline").count() == MANY


def test_what_is_printed_shows_every_map_on_white_though_the_screen_is_dark(browser: Any, tmp_path: Path) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto(many_matches(tmp_path).as_uri())
    yellow = ["253 240 120 255"]
    assert page.evaluate(COLOURS) == [["20 23 27 255"], yellow]
    # A browser takes its picture of the page when this event is over, and waits for nothing.
    on_paper = page.evaluate(f"() => {{ dispatchEvent(new Event('beforeprint')); return ({COLOURS})(); }}")
    assert on_paper == [["255 255 255 255"], yellow]
    assert page.locator(".map canvas").count() == MANY
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(COLOURS) == [["20 23 27 255"], yellow]
    page.close()


def test_no_word_is_broken_where_a_name_beside_it_can_be(browser: Any, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 660, "height": 700})
    page.goto(many_matches(tmp_path, path="a_name_without_a_place_to_break_it" * 3).as_uri())
    speed = page.locator("tbody td:last-child").first
    lines = speed.evaluate(
        """cell => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return range.getClientRects().length;
        }"""
    )
    assert lines <= len(speed.inner_text().split())
    page.close()


def test_the_times_and_names_of_a_timeline_do_not_cover_each_other_on_a_phone(browser: Any, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 700})
    page.goto(many_matches(tmp_path).as_uri())
    words = page.locator("svg.timeline").first.locator("text")
    boxes = words.evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.top, box.right, box.bottom])"
    )
    covered = [
        (one, other)
        for one, other in itertools.combinations(boxes, 2)
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ]
    assert len(boxes) > 4
    assert covered == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_report_is_no_wider_than_the_screen(browser: Any, report: Path, scheme: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 700}, color_scheme=scheme)
    page.goto(report.as_uri())
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    paper = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}[scheme]
    page.close()
