"""The web page in a real browser, on the real command."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser is driven by playwright")

from footage import footage
from playwright.sync_api import Page, expect
from serving import Running, running

LONG_MS = 60_000
expect.set_options(timeout=LONG_MS)
# WebKit's player stands still for ever when it is sought in before it is loaded; Chromium's does not.
WATCH_EARLY_SEEKS = """
    const time = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "currentTime");
    Object.defineProperty(HTMLMediaElement.prototype, "currentTime", {...time, set(wanted) {
        if (!this.readyState) console.error("a player was sought in before it was loaded");
        time.set.call(this, wanted);
    }});
"""


@pytest.fixture(scope="module")
def service(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The command, with refs/ as its root."""
    with running(tmp_path_factory.mktemp("page"), "--root", films / "refs", "--max-upload", "1MB") as one:
        yield one


@pytest.fixture
def page(browser: Any, service: Running) -> Iterator[Page]:
    """The page, opened; nothing is asked of anyone else, and nothing is complained of."""
    context = browser.new_context()
    one: Page = context.new_page()
    one.add_init_script(WATCH_EARLY_SEEKS)
    complaints: list[str] = []
    strangers: list[str] = []
    one.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    one.on("pageerror", lambda error: complaints.append(str(error)))
    one.on("request", lambda request: strangers.append(request.url))
    one.goto(service.address)
    yield one
    assert [url for url in strangers if not url.startswith((service.address, "blob:", "data:"))] == []
    # A status that tells of an error, which tests bring about, is logged by the browser itself.
    assert [line for line in complaints if "Failed to load resource" not in line] == []
    context.close()


def add(page: Page, *files: Path) -> None:
    """Puts files into the library, as a person does."""
    page.get_by_role("tab", name="Library").click()
    page.get_by_label("Tags for them").fill("news, evening")
    page.locator("#shelf-file").set_input_files(files)
    for file in files:
        expect(page.locator("#shelf-cards .name", has_text=file.name)).to_be_visible(timeout=LONG_MS)


def test_a_video_that_is_added_stands_in_the_library_with_its_picture_and_tags(page: Page, films: Path) -> None:
    add(page, films / "refs" / "a.mp4", films / "refs" / "b.mp4")
    card = page.locator("#shelf-cards li", has_text="a.mp4")
    expect(card.locator(".badge")).to_have_text(["news", "evening"])
    expect(card).to_contain_text("0:20")
    picture = card.locator("img")
    picture.scroll_into_view_if_needed()
    page.wait_for_function("picture => picture.complete && picture.naturalWidth > 0", arg=picture.element_handle())
    still, name = card.locator(".still").bounding_box(), card.locator(".name").bounding_box()
    assert still is not None and name is not None
    assert still["width"] / still["height"] == pytest.approx(16 / 9, abs=0.02)  # of a picture that is 4 to 3
    assert picture.bounding_box() == pytest.approx(still, abs=0.5)
    assert name["y"] >= still["y"] + still["height"]
    page.get_by_label("Show").fill("b.mp")
    expect(page.locator("#shelf-cards li")).to_have_count(1)
    expect(page.locator("#shelf-count")).to_have_text("1 to 1 of 1 videos")


def test_a_video_that_is_asked_about_shows_progress_then_its_segments_and_plays_from_their_second(
    page: Page, films: Path
) -> None:
    add(page, films / "refs" / "a.mp4")
    page.get_by_role("tab", name="Ask").click()
    page.locator("#ask-file").set_input_files(films / "copy.mp4")
    expect(page.locator("#ask-work progress")).to_be_visible()
    expect(page.locator("#answer .lead")).to_have_text(
        "1 copied segment from 1 video of the library.", timeout=LONG_MS
    )
    expect(page.locator("#ask-work progress")).to_have_count(0)
    told = page.locator("#answer .segment p").first.inner_text()
    spans = [float(s) for s in re.findall(r"0:(\d+\.\d)", told)]
    assert spans == pytest.approx([3, 13, 5, 15], abs=1)
    expect(page.locator("#answer svg.timeline")).to_have_count(1)
    expect(page.locator("#answer .pairs li")).to_have_count(4)
    page.get_by_role("button", name="Play both in step").click()
    playing = "v => !v.paused && v.readyState >= 2 && v.currentTime > 0"
    for number in (0, 1):
        page.wait_for_function(playing, arg=page.locator("#answer video").nth(number).element_handle())
    query_s, reference_s = page.locator("#answer video").evaluate_all("videos => videos.map(v => v.currentTime)")
    assert query_s >= spans[0] - 0.1
    assert reference_s - query_s == pytest.approx(2, abs=1.5)


def test_a_video_that_the_browser_cannot_play_is_told_of_beside_the_one_that_it_plays(
    page: Page, films: Path, tmp_path: Path
) -> None:
    add(page, films / "refs" / "a.mp4")
    page.get_by_role("tab", name="Ask").click()
    old = footage(tmp_path / "old.avi", [*range(100, 103), *range(5, 15)], seed=1)
    page.locator("#ask-file").set_input_files(old)
    button = page.get_by_role("button", name="Play both in step")
    button.click(timeout=LONG_MS)
    figures = page.locator("#answer .clips figure")
    expect(figures.nth(0).get_by_role("alert")).to_have_text("This browser cannot play this file.")
    expect(figures.nth(1).get_by_role("alert")).to_have_count(0)
    expect(button).to_be_visible()


def test_only_what_is_new_is_added_where_that_is_asked_for(page: Page, films: Path) -> None:
    add(page, films / "refs" / "a.mp4")
    page.get_by_label("Add only what is new").check()
    page.locator("#shelf-file").set_input_files([films / "copy.mp4", films / "own.mp4"])
    expect(page.locator("#shelf-cards .name", has_text="own.mp4")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("#shelf-work")).to_contain_text("copy.mp4: not added, it is contained in a.mp4.")
    expect(page.locator("#shelf-cards .name", has_text="copy.mp4")).to_have_count(0)
    # Others count on its being new.
    page.locator("#shelf-cards li", has_text="own.mp4").get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("#shelf-cards .name", has_text="own.mp4")).to_have_count(0)


def test_a_video_of_nothing_in_the_library_is_told_so(page: Page, films: Path) -> None:
    page.locator("#ask-file").set_input_files(films / "own.mp4")
    expect(page.locator("#answer .lead")).to_have_text("Nothing in it is copied from the library.", timeout=LONG_MS)


def test_a_file_that_is_no_video_is_refused_kindly(page: Page, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear reader")
    page.locator("#ask-file").set_input_files(letter)
    complaint = page.locator("#ask-work [role=alert]")
    expect(complaint).to_contain_text("Sorry, that did not work: letter.mp4:", timeout=LONG_MS)
    assert str(tmp_path) not in complaint.inner_text()
    page.get_by_role("button", name="All right").click()
    expect(complaint).to_have_count(0)


def test_a_video_is_dropped_on_the_page(page: Page, films: Path) -> None:
    content = base64.b64encode((films / "own.mp4").read_bytes()).decode()
    dropped = page.evaluate_handle(
        """content => {
            const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], "dropped.mp4", {type: "video/mp4"}));
            return carried;
        }""",
        content,
    )
    page.locator("#ask-drop").dispatch_event("dragover", {"dataTransfer": dropped})
    expect(page.locator("#ask-drop")).to_have_class(re.compile("over"))
    page.locator("#ask-drop").dispatch_event("drop", {"dataTransfer": dropped})
    expect(page.locator("#answer h2")).to_contain_text("dropped.mp4", timeout=LONG_MS)


def test_a_service_that_is_gone_or_busy_is_told_of_kindly(page: Page, films: Path) -> None:
    complaint = page.locator("#ask-work [role=alert]")
    page.route("**/api/query", lambda route: route.abort())
    page.locator("#ask-file").set_input_files(films / "own.mp4")
    expect(complaint).to_have_text("The service does not answer. Is it still running?")
    page.unroute("**/api/query")
    busy = {"error": "64 jobs are waiting; try again later"}
    page.route("**/api/query", lambda route: route.fulfill(status=429, json=busy))
    page.locator("#ask-file").set_input_files(films / "own.mp4")
    expect(complaint).to_contain_text("The service has much to do at the moment. Try again in a little while")


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    large.write_bytes(bytes(2 << 20))
    expect(page.locator("#limits")).to_contain_text("Up to 1.0 MB")
    page.locator("#ask-file").set_input_files(large)
    expect(page.locator("#ask-work [role=alert]")).to_contain_text(
        "This file is too large for the service (it has 2.0 MB, at most 1.0 MB are taken)"
    )


def test_a_picture_finds_the_second_that_it_is_of(page: Page, films: Path, service: Running, tmp_path: Path) -> None:
    add(page, films / "refs" / "a.mp4")
    played = page.locator("#shelf-cards li", has_text="a.mp4")
    source = played.locator("img").get_attribute("src")
    assert source is not None
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(page.request.get(service.address + source.partition("?")[0] + "?time=9.2").body())
    page.get_by_role("tab", name="Search").click()
    page.locator("#search-file").set_input_files(picture)
    expect(page.locator("#search-cards li").first).to_contain_text("a.mp4", timeout=LONG_MS)
    page.get_by_role("button", name="Play a.mp4 from 0:09").click()
    page.wait_for_function("() => document.getElementById('player').currentTime >= 9")
    assert page.locator("#player").evaluate("player => player.currentTime") < 13
    page.keyboard.press("Escape")
    expect(page.locator("#play-dialog")).to_be_hidden()


def test_a_video_is_removed_after_a_question(page: Page, films: Path) -> None:
    add(page, films / "own.mp4")
    page.get_by_role("button", name="Remove own.mp4").click()
    page.get_by_role("button", name="Keep it").click()
    card = page.locator("#shelf-cards li", has_text="own.mp4")
    expect(card).to_have_count(1)
    page.get_by_role("button", name="Remove own.mp4").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)


def test_the_tabs_are_walked_with_the_keyboard(page: Page) -> None:
    page.get_by_role("tab", name="Ask").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Library")).to_be_focused()
    expect(page.locator("#shelf")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#ask")).to_be_visible()
    expect(page.locator("#shelf")).to_be_hidden()


@pytest.mark.parametrize("tab", ["ask", "shelf", "search"])
def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Any, service: Running, tab: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 700})
    page.goto(f"{service.address}/#{tab}")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_everything_that_can_be_used_has_a_name(page: Page) -> None:
    for tab in ("Ask", "Library", "Search"):
        page.get_by_role("tab", name=tab).click()
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('button, input, select, a, video')]
               .filter(e => e.checkVisibility())
               .filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || (e.labels && e.labels.length)))
               .map(e => e.outerHTML)"""
        )
        assert nameless == []


def test_the_routes_are_told_of_with_nothing_from_elsewhere(page: Page) -> None:
    page.get_by_role("link", name="For programs").click()
    expect(page.get_by_role("heading", name="POST /api/query")).to_be_visible()
    expect(page.get_by_role("heading", name="POST /video_similarity")).to_be_visible()


def test_a_service_with_a_token_asks_for_it_and_then_shows_everything(
    browser: Any, films: Path, tmp_path: Path
) -> None:
    with running(tmp_path, "--root", films / "refs", "--token", "open-sesame") as service:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{service.address}/#shelf")
        for word in ("wrong", "open-sesame"):
            page.get_by_role("textbox", name="Token").fill(word)
            page.get_by_role("button", name="Go on").click()
            if word == "wrong":
                expect(page.locator("#token-wrong")).to_have_text("The service does not know that token.")
        expect(page.locator("#about")).to_contain_text("0 videos")
        add(page, films / "refs" / "b.mp4")
        # A picture is fetched by the browser itself, without the token.
        picture = page.locator("#shelf-cards img")
        page.wait_for_function(
            "picture => picture.complete && picture.naturalWidth > 0", arg=picture.element_handle()
        )
        context.close()
