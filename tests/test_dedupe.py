"""`reprise dedupe` and `Library.dedupe` on real files, embedded and on a Milvus server."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from footage import footage
from playwright.sync_api import Page, expect

import reprise
from reprise.dedupe.settings import DedupeSettings


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """whole.mp4 (24 s), again.mp4 (the same file), other.mkv (the same, encoded otherwise), piece.mp4 (10 s of it),
    half.mp4 (8 s of it after 12 s of its own) and alone.mp4.
    """
    folder = tmp_path_factory.mktemp("films")
    footage(folder / "whole.mp4", range(24), seed=1)
    shutil.copyfile(folder / "whole.mp4", folder / "again.mp4")
    footage(folder / "other.mkv", range(24), seed=1, codec="libx264")
    footage(folder / "piece.mp4", range(8, 18), seed=1)
    footage(folder / "half.mp4", [*range(100, 112), *range(2, 10)], seed=1)
    footage(folder / "alone.mp4", range(12), seed=5)
    return folder


@pytest.fixture(scope="module")
def shelf(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of the films."""
    library = tmp_path_factory.mktemp("shelf") / "library"
    assert run("ingest", "--library", library, films).status == 0
    return library


def relations(cluster: dict[str, Any]) -> dict[str, str]:
    return {Path(copy["path"]).name: copy["relation"] for copy in cluster["copies"]}


def test_videos_in_each_other_are_one_cluster_with_what_would_be_saved(films: Path, place: str) -> None:
    with reprise.open(place) as library:
        library.ingest([films])
        report = library.dedupe()
    (cluster,) = report.clusters
    (kept,) = cluster.kept
    whole = {"whole.mp4", "again.mp4", "other.mkv"}
    found = {Path(copy.video.path).name: copy.relation for copy in cluster.copies}
    assert Path(kept.video.path).name in whole
    assert set(found) == (whole | {"piece.mp4"}) - {Path(kept.video.path).name}
    assert found["piece.mp4"] == "contained-in"
    assert set(found.values()) <= {"exact", "same-content", "near-duplicate", "contained-in"}
    sizes = [(films / name).stat().st_size for name in found]
    assert (report.copies, report.saved_s, report.saved_bytes) == (3, pytest.approx(58, abs=0.5), sum(sizes))
    (partial,) = report.partial
    assert {Path(partial.first.path).name, Path(partial.second.path).name} == {
        "half.mp4",
        Path(kept.video.path).name,
    }
    (segment,) = partial.pair.segments
    ends_s = (12, 2, 20, 10) if Path(partial.first.path).name == "half.mp4" else (2, 12, 10, 20)
    assert segment.box == pytest.approx(ends_s, abs=1)


def test_json_has_an_object_a_cluster_and_the_total(shelf: Path) -> None:
    finished = run("dedupe", "--library", shelf, "--json")
    cluster, total = (json.loads(line) for line in finished.out.splitlines())
    assert (finished.status, list(cluster)) == (0, ["keep", "copies", "saved_s", "saved_bytes"])
    assert relations(cluster)["piece.mp4"] == "contained-in"
    (piece,) = [copy for copy in cluster["copies"] if copy["path"].endswith("piece.mp4")]
    assert piece["segments"][0]["segment"] == pytest.approx([0, 8, 10, 18], abs=1)
    assert (piece["share"], piece["of"]) == (1.0, cluster["keep"][0]["path"])
    assert (total["total"]["clusters"], total["total"]["copies"], total["total"]["partial"]) == (1, 3, 1)
    assert total["total"]["cost"]["alignments"] <= total["total"]["cost"]["videos"] ** 2
    shown = run("dedupe", "--library", shelf, "--json", "--partial").out.splitlines()
    assert list(json.loads(shown[1])) == ["partial", "shares", "segments"]


def test_on_the_screen_the_one_to_keep_comes_first_and_the_sum_last(shelf: Path, films: Path) -> None:
    finished = run("dedupe", "--library", shelf, "--partial")
    lines = finished.out.splitlines()
    assert re.fullmatch(r"cluster 1: 4 videos, 0:58 and \S+ kB twice", lines[0])
    assert lines[1].startswith(f"keep {films}/") and "0:24, 160x120" in lines[1]
    assert any("piece.mp4" in line and "contained-in" in line and "100 %" in line for line in lines)
    assert "1 pair with a part in common:" in lines
    assert re.fullmatch(r"1 cluster, 3 videos are wholly in others: 0:58 and \S+ kB", lines[-1])
    assert re.search(r"candidate pairs? .*alignments, .*CPU seconds", finished.err)
    assert (films / "whole.mp4").exists() and (films / "again.mp4").exists()


def test_a_table_is_written_with_a_line_a_video(shelf: Path, tmp_path: Path) -> None:
    assert run("dedupe", "--library", shelf, "--csv", tmp_path / "copies.csv", "--partial").status == 0
    rows = list(csv.DictReader((tmp_path / "copies.csv").open(newline="")))
    assert rows[0]["relation"] == "keep"
    assert rows[-1]["relation"] == "partial"
    assert sorted(Path(row["video"]).suffix for row in rows[:-1]) == [".mkv", ".mp4", ".mp4", ".mp4"]


def test_a_higher_share_leaves_fewer_copies(films: Path, tmp_path: Path) -> None:
    most = footage(tmp_path / "most.mp4", [*range(100, 106), *range(2, 16)], seed=1)  # 14 of its 20 s
    with reprise.open(tmp_path / "library") as library:
        library.ingest([films / "whole.mp4", most])
        lenient = library.dedupe(DedupeSettings(min_share=0.6))
        strict = library.dedupe(DedupeSettings(min_share=0.9))
    assert (lenient.copies, strict.copies) == (1, 0)


def test_where_the_files_are_gone_the_sizes_are_those_that_were_ingested(films: Path, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("whole.mp4", "again.mp4"):
        shutil.copyfile(films / name, folder / name)
    assert run("ingest", "--library", tmp_path / "library", folder).status == 0
    size = (folder / "whole.mp4").stat().st_size
    (folder / "whole.mp4").unlink()
    (folder / "again.mp4").unlink()
    finished = run("dedupe", "--library", tmp_path / "library", "--json", "--report", tmp_path / "page")
    cluster = json.loads(finished.out.splitlines()[0])
    assert (list(relations(cluster).values()), cluster["saved_bytes"]) == (["exact"], size)
    assert "no picture" not in finished.err and (tmp_path / "page" / "report.html").is_file()


def test_hard_links_to_one_file_save_nothing(films: Path, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    shutil.copyfile(films / "whole.mp4", folder / "a.mp4")
    (folder / "b.mp4").hardlink_to(folder / "a.mp4")
    assert run("ingest", "--library", tmp_path / "library", folder).status == 0
    cluster = json.loads(run("dedupe", "--library", tmp_path / "library", "--json").out.splitlines()[0])
    assert cluster["saved_bytes"] == 0


def test_a_library_with_nothing_twice_says_so(library: Path) -> None:
    finished = run("dedupe", "--library", library)
    assert (finished.status, finished.out) == (0, "2 videos: none is wholly in another\n")


@pytest.fixture
def two_with_one_ident(tmp_path: Path) -> Path:
    """a.mp4 and b.mp4: 8 s of an ident, then 12 s of their own."""
    folder = tmp_path / "two"
    folder.mkdir()
    footage(folder / "a.mp4", [*range(8), *range(100, 112)], seed=1)
    footage(folder / "b.mp4", [*range(8), *range(200, 212)], seed=1)
    return folder


def test_what_is_on_the_ignore_list_joins_no_videos(two_with_one_ident: Path, tmp_path: Path) -> None:
    ident = footage(tmp_path / "ident.mp4", range(8), seed=1)
    with reprise.open(tmp_path / "library") as library:
        library.ingest([two_with_one_ident])
        (shared,) = library.dedupe().partial
        clip = library.ignore(ident)
        assert library.dedupe().partial == ()
        library.no_longer_ignore(clip.id)
        assert [overlap.pair.segments for overlap in library.dedupe().partial] == [shared.pair.segments]


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_marked_as_no_copy_joins_no_videos_whichever_was_the_query(
    two_with_one_ident: Path, tmp_path: Path, turned: bool
) -> None:
    a, b = two_with_one_ident / "a.mp4", two_with_one_ident / "b.mp4"
    with reprise.open(tmp_path / "library") as library:
        library.ingest([two_with_one_ident])
        library.reject(*((b, a) if turned else (a, b)), (12, 12, 20, 20))
        assert len(library.dedupe().partial) == 1  # it is another part that was marked
        library.reject(*((b, a) if turned else (a, b)), (0, 0, 8.5, 8.5))
        assert library.dedupe().partial == ()


def test_of_several_copies_the_one_that_is_marked_is_not_told(films: Path, tmp_path: Path) -> None:
    with reprise.open(tmp_path / "library") as library:
        library.ingest([films / "whole.mp4", films / "other.mkv", films / "piece.mp4"])
        library.reject(films / "piece.mp4", films / "whole.mp4")
        library.reject(films / "other.mkv", films / "piece.mp4")
        (cluster,) = library.dedupe().clusters
    names = {Path(row.path).name for row in [cluster.kept[0].video, *(copy.video for copy in cluster.copies)]}
    assert names == {"whole.mp4", "other.mkv"}


def test_wrong_usage_is_told_in_a_line(shelf: Path, tmp_path: Path) -> None:
    nowhere = run("dedupe", "--library", tmp_path / "none")
    assert (nowhere.status, nowhere.err.count("\n")) == (1, 1)
    no_folder = run("dedupe", "--library", shelf, "--csv", tmp_path / "none" / "a.csv")
    assert (no_folder.status, "there is no folder" in no_folder.err) == (2, True)
    assert run("dedupe", "--library", shelf, "--min-share", "0.2").status == 2
    (tmp_path / "file").write_text("")
    assert run("dedupe", "--library", shelf, "--report", tmp_path / "file").status == 2


def test_the_page_shows_every_pair_on_timelines_and_asks_nothing_of_the_network(
    browser: Any, shelf: Path, tmp_path: Path
) -> None:
    assert run("dedupe", "--library", shelf, "--report", tmp_path / "page").status == 0
    page: Page = browser.new_page(viewport={"width": 360, "height": 700}, color_scheme="dark")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(str(error)))
    page.goto((tmp_path / "page" / "report.html").as_uri())
    expect(page.locator(".lead")).to_have_text(re.compile("1 cluster: 3 videos of 6 are wholly in others, 0:58"))
    assert page.locator("tbody tr").first.locator("td").nth(1).inner_text() == "keep"
    assert page.locator("svg.timeline").count() == 3
    assert page.locator(".pairs img").count() == 3 * 8
    summary = page.locator("details.match summary").last
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("svg.timeline")).to_have_count(4)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    page.close()
