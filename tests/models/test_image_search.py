"""`reprise search` on a library of the built-in network: pictures find the second they are from."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from footage import footage

import reprise
from reprise import SearchHit, SearchSettings, VideoFilter
from reprise.decoding.sampling import sample
from reprise.errors import MissingVideoError, SettingsError
from reprise.searching import HITS_SHARE

Image = pytest.importorskip("PIL.Image", reason="the pictures are written with Pillow, of the extras demo and models")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.mp4 (40 s, tagged news), in/b.mkv (30 s, tagged sport and live), c.mp4 (30 s, no tag); a17.png, of a.mp4."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "in").mkdir()
    footage(folder / "a.mp4", range(40), seed=1)
    footage(folder / "in" / "b.mkv", range(30), seed=2)
    footage(folder / "c.mp4", range(10, 40), seed=3)
    picture = list(sample(str(folder / "a.mp4"), fps=1))[17].pixels
    Image.fromarray(picture).save(folder / "a17.png")
    Image.fromarray(picture).resize((640, 480)).save(folder / "a17.jpg", quality=60)
    library = folder / "library"
    assert run("ingest", "--library", library, "--tag", "news", folder / "a.mp4").status == 0
    assert run("ingest", "--library", library, "--tag", "sport", "--tag", "live", folder / "in").status == 0
    assert run("ingest", "--library", library, folder / "c.mp4").status == 0
    return folder


def found(folder: Path, *arguments: str | Path) -> list[dict[str, object]]:
    finished = run("search", "--library", folder / "library", "--image", folder / "a17.png", "--json", *arguments)
    assert (finished.status, finished.err) == (0, "")
    (answer,) = finished.objects
    assert answer["image"] == str(folder / "a17.png")
    hits: list[dict[str, object]] = answer["hits"]
    return hits


@pytest.mark.parametrize("name", ["a17.png", "a17.jpg"])
def test_a_picture_finds_the_clip_and_the_second_that_it_is_from(folder: Path, name: str) -> None:
    with reprise.open(folder / "library") as library:
        result = library.search(image=folder / name, settings=SearchSettings(kernel=1))
    best = result.hits[0]
    assert best == SearchHit(str(folder / "a.mp4"), 17.0, 18.0, 17.0, pytest.approx(best.score))
    assert best.score > 0.95
    assert result.hits[1].score < 0.7
    assert [hit.score for hit in result] == sorted((hit.score for hit in result), reverse=True)


def test_with_smoothing_the_clip_is_longer_and_the_best_frame_stays(folder: Path) -> None:
    best = found(folder)[0]
    assert best["video"] == str(folder / "a.mp4")
    assert best["best"] == 17
    assert best["start"] <= 17 < best["end"]  # type: ignore[operator]
    assert best["end"] - best["start"] > 1  # type: ignore[operator]
    assert best["score"] < 0.7  # type: ignore[operator]


def test_the_limit_is_of_clips_and_a_tenth_of_the_frames_form_them(folder: Path) -> None:
    every = found(folder, "--kernel", "1", "--limit", "100")
    assert sum(hit["end"] - hit["start"] for hit in every) == HITS_SHARE * 100  # type: ignore[operator,misc]
    assert found(folder, "--kernel", "1", "--limit", "2") == every[:2]


@pytest.mark.parametrize(
    ("expressions", "names"),
    [
        (["tag=news"], {"a.mp4"}),
        (["tag=live", "tag=news"], {"a.mp4", "in/b.mkv"}),
        (["video=b.mkv"], {"in/b.mkv"}),
        (["video=b.mkv", "video={folder}/c.mp4"], {"in/b.mkv", "c.mp4"}),
        (["video=c.mp4", "video=a.mp4", "tag=news"], {"a.mp4"}),
    ],
)
def test_where_searches_only_those_videos(folder: Path, expressions: list[str], names: set[str]) -> None:
    where = [part for text in expressions for part in ("--where", text.format(folder=folder))]
    hits = found(folder, "--limit", "100", "--kernel", "1", *where)
    assert {hit["video"] for hit in hits} <= {str(folder / name) for name in names}
    frames = {"a.mp4": 40, "in/b.mkv": 30, "c.mp4": 30}
    # As many hits as among these videos alone: the others use none of them up.
    expected = round(HITS_SHARE * sum(frames[name] for name in names))
    assert sum(hit["end"] - hit["start"] for hit in hits) == expected  # type: ignore[operator,misc]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        (["tag=nothing"], "no video has the tag nothing; `reprise list` shows the tags"),
        (['tag=a"] or true or ["'], "no video has the tag"),
        (["video=nothing.mp4"], "nothing.mp4: not in the library"),
        (["video=a.mp4", "tag=sport"], "none of the videos that are named has a tag that is named"),
    ],
)
def test_a_filter_that_leaves_nothing_is_told(folder: Path, where: list[str], told: str) -> None:
    parts = [part for text in where for part in ("--where", text)]
    finished = run("search", "--library", folder / "library", "--image", folder / "a17.png", *parts)
    assert (finished.status, finished.out) == (1, "")
    assert told in finished.err
    assert finished.err.count("\n") == 1


def test_the_table_shows_clips_as_times(folder: Path) -> None:
    finished = run("search", "--library", folder / "library", "--image", folder / "a17.png", "--kernel", "1")
    lines = finished.out.splitlines()
    assert lines[0].startswith(f"{folder / 'a17.png'}: ")
    assert lines[0].endswith(" clips")
    assert lines[1].split() == ["video", "clip", "best", "frame", "score"]
    assert lines[3].split()[:5] == [str(folder / "a.mp4"), "0:17", "-", "0:18", "0:17"]


def test_the_command_says_what_the_library_says(folder: Path) -> None:
    settings = SearchSettings(limit=3, kernel=5, where=VideoFilter(tags=("news",)))
    with reprise.open(folder / "library") as library:
        result = library.search(image=folder / "a17.png", settings=settings)
    shown = found(folder, "--limit", "3", "--kernel", "5", "--where", "tag=news")
    assert json.loads(json.dumps(result.to_json()["hits"])) == shown
    assert [curve.video for curve in result.curves] == [str(folder / "a.mp4")]
    assert len(result.curves[0].times_s) == len(result.curves[0].plain) == len(result.curves[0].smooth) == 40
    assert np.argmax(result.curves[0].plain) == 17


def test_text_search_without_a_text_tower_says_which_networks_have_one(folder: Path) -> None:
    finished = run("search", "--library", folder / "library", "--text", "a dog")
    assert finished.status == 1
    assert finished.err == (
        f"reprise: {folder / 'library'}: text search needs a network that reads text, and this library was made with "
        "reprise; ingest into a new library with --model clip or siglip, or search with --image\n"
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("none.png", "no such file; it was moved, deleted or mistyped"),
        ("a.mp4", "is a video, not a picture; `reprise query` finds what is copied in videos"),
        ("broken.png", "is broken, incomplete or not a picture; try a PNG or JPEG"),
        (".", "is a folder, not a picture"),
    ],
)
def test_what_is_no_picture_is_one_line(folder: Path, name: str, told: str) -> None:
    (folder / "broken.png").write_bytes((folder / "a17.png").read_bytes()[:2000])
    finished = run("search", "--library", folder / "library", "--image", folder / name)
    assert finished == type(finished)(1, "", f"reprise: {folder / name}: {told}\n")


def test_a_library_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    finished = run("search", "--library", tmp_path / "none", "--image", "a.png")
    assert (finished.status, finished.out) == (1, "")
    assert "no library there" in finished.err
    assert not (tmp_path / "none").exists()


def test_a_library_without_videos_has_no_clips(folder: Path, tmp_path: Path) -> None:
    footage(tmp_path / "one.mp4", range(3))
    run("ingest", "--library", tmp_path / "library", tmp_path / "one.mp4")
    run("remove", "--library", tmp_path / "library", tmp_path / "one.mp4")
    finished = run("search", "--library", tmp_path / "library", "--image", folder / "a17.png")
    assert (finished.status, finished.out) == (0, f"{folder / 'a17.png'}: nothing found\n")


def test_a_search_for_both_for_nothing_and_with_settings_out_of_range_is_refused(tmp_path: Path) -> None:
    library = reprise.open(tmp_path / "library")
    with pytest.raises(SettingsError, match="either a text or an image"):
        library.search()
    with pytest.raises(SettingsError, match="either a text or an image"):
        library.search(text="a", image="b")
    with pytest.raises(SettingsError, match="empty"):
        library.search(text="  ")
    for settings in ({"kernel": 2}, {"kernel": 0}, {"limit": 0}, {"nearest": 0}):
        with pytest.raises(SettingsError):
            SearchSettings(**settings)  # type: ignore[arg-type]
    for expression in ("news", "tag=", "=news", "colour=red", "tag"):
        with pytest.raises(SettingsError, match="where must be tag=TEXT, video=FILE"):
            VideoFilter.parse([expression])
    assert VideoFilter.parse(["tag = a=b ", "video=x.mp4"]) == VideoFilter(("a=b",), ("x.mp4",))


@pytest.mark.server
def test_a_servers_library_is_searched_alike(folder: Path, server_place: str) -> None:
    with reprise.open(server_place) as library:
        library.ingest([folder / "a.mp4"], tags=["news"])
        library.ingest([folder / "c.mp4"], tags=['quoted "tag"', "drei Wörter hier"])
        best = library.search(image=folder / "a17.png", settings=SearchSettings(kernel=1)).hits[0]
        assert (best.video, best.best_s) == (str(folder / "a.mp4"), 17)
        for tag in ('quoted "tag"', "drei Wörter hier"):
            hits = library.search(image=folder / "a17.png", settings=SearchSettings(where=VideoFilter(tags=(tag,))))
            assert {hit.video for hit in hits} == {str(folder / "c.mp4")}
        with pytest.raises(MissingVideoError):
            library.search(image=folder / "a17.png", settings=SearchSettings(where=VideoFilter(tags=("sport",))))
        for name in ("a.mp4", "c.mp4"):
            library.remove(folder / name)


# Drawings


def test_the_plot_marks_the_clips_of_the_best_videos(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="drawing needs the extra plot")
    path = tmp_path / "scores.png"
    hits = found(folder, "--plot", path)
    assert len({hit["video"] for hit in hits}) > 1
    drawn = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).astype(int)
    # The clips' yellow over white, the smoothed blue line, the line of each frame, the best frames' red.
    for colour in ((250, 228, 183), (31, 95, 168), (154, 165, 177), (192, 57, 43)):
        assert (np.abs(drawn - colour).max(axis=1) < 12).sum() > 20, colour


def test_names_with_dollars_and_line_ends_are_drawn_as_they_are(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="drawing needs the extra plot")
    from reprise.hits import Curve, SearchResult
    from reprise.plotting import plot_search

    name = "a $x_{1$ \\frac\n.mp4"
    curve = Curve(name, np.arange(3.0), np.zeros(3, np.float32), np.ones(3, np.float32))
    plot_search(SearchResult(name, False, (SearchHit(name, 0, 1, 0, 0.5),), (curve,)), str(tmp_path / "a.png"))
    plot_search(SearchResult("nothing", True, ()), str(tmp_path / "b.png"))
    assert Image.open(tmp_path / "a.png").size == Image.open(tmp_path / "b.png").size


def test_a_missing_drawing_library_is_told_before_anything_is_searched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    path = tmp_path / "scores.png"
    finished = run("search", "--library", folder / "library", "--image", folder / "a17.png", "--plot", path)
    assert finished == type(finished)(1, "", "reprise: plot: matplotlib is not installed; pip install '.[plot]'\n")


def test_a_plot_that_cannot_be_written_is_one_line(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="drawing needs the extra plot")
    path = tmp_path / "none" / "scores.png"
    finished = run("search", "--library", folder / "library", "--image", folder / "a17.png", "--plot", path)
    assert finished.status == 1
    assert finished.err.count("\n") == 1
    assert str(path) in finished.err
