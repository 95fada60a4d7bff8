"""`reprise matrix` and `compare` by regions, on real clips: a copy, two others, and files that are no videos."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from footage import cut_short, footage
from numpy.typing import NDArray
from PIL import Image
from towhee import ops, pipe

import reprise
from reprise import EmbedSettings, QuerySettings
from reprise.cli.matrix_printing import print_similarity_table
from reprise.decoding.sampling import sample
from reprise.errors import MissingExtraError, SettingsError
from reprise.keyframes import max_pooled
from reprise.matrix import MatrixSettings, matrix
from reprise.matrix_picture import COLOURS, MISSING, coloured, write_picture
from reprise.models.catalogue import network
from reprise.models.loading import load
from reprise.models.regions import load_regions, parts
from reprise.short_names import short_names
from reprise.video_similarity import PlainComparison, similarity_of

SHELF = ("copy.mp4", "deep", "original.mp4")  # what is on it


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """original.mp4 (12 s), copy.mp4 (6 s of it, then 2 s of its own), deep/other.mkv and others that show nothing."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "deep").mkdir()
    footage(folder / "original.mp4", range(12), seed=1)
    footage(folder / "copy.mp4", [*range(3, 9), 100, 101], seed=1)
    footage(folder / "deep" / "other.mkv", range(8), seed=2)
    return folder


@pytest.fixture
def in_shelf(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shelf as the working directory."""
    monkeypatch.chdir(shelf)
    return shelf


def frames_of(path: Path, size: int = 128) -> list[NDArray[np.uint8]]:
    return [picture.pixels for picture in sample(str(path), fps=1, size=(size, size))]


# The table


def test_the_table_is_that_of_all_pairs_and_says_which_is_the_copy(shelf: Path) -> None:
    found = matrix(shelf, workers=2)
    assert [Path(video).name for video in found.videos] == ["copy.mp4", "other.mkv", "original.mp4"]
    embed = load(network("reprise"))
    matrices = [embed(frames_of(Path(video))) for video in found.videos]
    expected = [[similarity_of(a, b, PlainComparison()) for b in matrices] for a in matrices]
    np.testing.assert_allclose(found.similarity, expected, atol=1e-5)
    assert found.failed == []
    assert [Path(one.video).name for one in found.similar_to(0)] == ["original.mp4", "other.mkv"]


def test_compare_says_of_two_videos_what_the_table_says(shelf: Path) -> None:
    pair = [shelf / "copy.mp4", shelf / "original.mp4"]
    (similar,) = matrix(pair, workers=2).similar_to(0)
    compared = reprise.compare(*pair)
    assert compared.similarity is not None
    # Its query is decoded larger, for the parts that may be cut out of it.
    assert compared.similarity == pytest.approx(similar.similarity, abs=0.02)


def test_a_query_of_one_colour_is_like_nothing(shelf: Path, tmp_path: Path) -> None:
    from clips import write_clip

    black = write_clip(
        tmp_path / "black.mp4",
        seconds=2,
        fps=5,
        size=(64, 64),
        picture=lambda _n, s: np.zeros((s[1], s[0], 3), np.uint8),
    )
    result = reprise.compare(black, shelf / "copy.mp4")
    assert (result.similarity, result.matches) == (0.0, ())


def test_the_screen_shows_a_numbered_column_for_each_row(in_shelf: Path) -> None:
    assert in_shelf.is_dir()
    finished = run("matrix", ".", "--workers", "2")
    head, _rule, *rows = finished.out.rstrip().splitlines()
    assert head.split() == ["video", "1", "2", "3"]
    assert [row.split()[:2] for row in rows] == [["1", "copy.mp4"], ["2", "other.mkv"], ["3", "original.mp4"]]
    assert [rows[i].split()[2 + i] for i in range(3)] == ["1.00"] * 3
    assert (finished.status, finished.err) == (0, "")


def test_wide_tables_come_in_blocks_of_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_similarity_table([f"{number}.mp4" for number in range(45)], np.eye(45, dtype=np.float32))
    heads = [line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.startswith("video")]
    assert [len(head) for head in heads] == [20, 20, 5]
    assert [number for head in heads for number in head] == [str(number) for number in range(1, 46)]


def test_json_ranks_for_each_video_all_others(in_shelf: Path) -> None:
    assert in_shelf.is_dir()
    rows = run("matrix", *SHELF, "--json", "--workers", "2").objects
    assert [row["video"] for row in rows] == ["copy.mp4", "deep/other.mkv", "original.mp4"]
    assert [one["video"] for one in rows[0]["similar"]] == ["original.mp4", "deep/other.mkv"]
    assert rows[0]["similar"][0]["similarity"] == rows[2]["similar"][0]["similarity"]


def test_with_top_a_video_is_compared_with_those_that_hold_frames_near_to_its_own(in_shelf: Path) -> None:
    assert in_shelf.is_dir()
    arguments = ("matrix", *SHELF, "--top", "1", "--max-distance", "0.4", "--workers", "2")
    rows = run(*arguments, "--json").objects
    assert [[one["video"] for one in row["similar"]] for row in rows] == [["original.mp4"], [], ["copy.mp4"]]
    assert [one["near_frames"] for row in rows for one in row["similar"]] == [6, 6]
    printed = run(*arguments).out.splitlines()
    assert printed[2].split()[:4] == ["copy.mp4", "1", "original.mp4", "6"]
    assert printed[3].split("  ")[0] == "other.mkv"
    assert "none with frames near" in printed[3]


def test_a_broken_video_is_named_and_left_out(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    cut_short(tmp_path / "short.mp4", shelf / "copy.mp4", share=0.01)
    (tmp_path / "whole.mp4").symlink_to(shelf / "copy.mp4")
    finished = run("matrix", tmp_path, tmp_path / "missing.mp4", "--json", "--workers", "2")
    assert finished.status == 1
    assert finished.objects == [{"video": str(tmp_path / "whole.mp4"), "similar": []}]
    assert sorted(line.split(":")[1].strip() for line in finished.err.splitlines()) == [
        str(tmp_path / name) for name in ("broken.mp4", "missing.mp4", "short.mp4")
    ]


def test_a_folder_with_no_video_gives_an_empty_table(tmp_path: Path) -> None:
    finished = run("matrix", tmp_path, "--csv", tmp_path / "t.csv", "--picture", tmp_path / "t.png")
    assert (finished.status, finished.out) == (1, "no video to compare\n")
    assert finished.err.count("\n") == 1
    assert (tmp_path / "t.csv").read_text() == "video\n"
    assert run("matrix", tmp_path, "--top", "3", "--json").out == ""


def test_the_table_is_also_written_as_csv(in_shelf: Path, tmp_path: Path) -> None:
    assert in_shelf.is_dir()
    assert run("matrix", *SHELF, "--top", "1", "--max-distance", "0.4", "--csv", tmp_path / "t.csv").status == 0
    head, *rows = csv.reader((tmp_path / "t.csv").open())
    assert head == ["video", "copy.mp4", "deep/other.mkv", "original.mp4"]
    assert rows[1] == ["deep/other.mkv", "", "", ""]
    assert rows[0][3] == rows[2][1]
    assert 0.7 < float(rows[0][3]) < 0.95


# One vector a video, and vectors of regions


def test_quick_compares_one_vector_a_video(shelf: Path) -> None:
    found = matrix(shelf, embedding=EmbedSettings(vectors_of="video"), workers=2)
    embed = ops.video_embedding.keyframe_max(model="reprise")
    chain = pipe.input("frames").map("frames", "vector", embed).output("vector")
    vectors = [chain(frames_of(Path(video))).get()[0] for video in found.videos]
    assert vectors[0].shape == (256,)
    np.testing.assert_allclose(found.similarity, np.stack(vectors) @ np.stack(vectors).T, atol=1e-5)


def test_the_operator_pools_the_embeddings_of_key_frames_alone(shelf: Path) -> None:
    still, *others = frames_of(shelf / "copy.mp4")
    chain = pipe.input("frames").map("frames", "v", ops.video_embedding.keyframe_max("reprise")).output("v")
    (vector,) = chain([still] * 20).get()
    embed = load(network("reprise"))
    np.testing.assert_allclose(vector, max_pooled(embed([still])), atol=1e-6)
    (moved,) = chain(np.stack([still, *others])).get()
    np.testing.assert_allclose(moved, max_pooled(embed([still, *others])), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"threshold": 1.5}, "threshold must be from 0 to 1, not 1.5"), ({"min_frames": 0}, "min_frames must be at")],
)
def test_key_frames_by_impossible_settings_are_refused(arguments: dict[str, float], message: str) -> None:
    from reprise.operators.video_embedding.keyframe_max import KeyframeMax

    with pytest.raises(SettingsError, match=message):
        KeyframeMax("reprise", **arguments)  # type: ignore[arg-type]


def test_regions_are_nine_overlapping_parts_each_embedded_as_a_frame(shelf: Path) -> None:
    frame = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)
    found = parts(frame)
    assert [part.shape for part in found] == [(4, 6, 3)] * 9
    assert np.array_equal(found[0], frame[:4, :6])
    assert np.array_equal(found[5], frame[2:6, 6:])
    assert [part.shape for part in parts(frame[:1, :1])] == [(1, 1, 3)] * 9
    pictures = frames_of(shelf / "copy.mp4", 200)[:2]
    (vectors,) = (
        pipe.input("frames").map("frames", "v", ops.video_embedding.regions("reprise")).output("v")(pictures).get()
    )
    assert (vectors.shape, vectors.dtype) == ((2, 9, 256), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[1], load(network("reprise"))(parts(pictures[1])), atol=1e-6)
    assert load_regions(network("reprise"))([]).shape == (0, 9, 256)


def test_a_copy_is_also_found_by_regions(in_shelf: Path) -> None:
    assert in_shelf.is_dir()
    [answer] = run("compare", "copy.mp4", "original.mp4", "--regions", "--json").objects
    [match] = answer["matches"]
    assert [found["segment"] for found in match["segments"]] == [[0.0, 3.0, 5.5, 8.5]]
    rows = run("matrix", *SHELF, "--regions", "--json", "--workers", "2").objects
    assert rows[0]["similar"][0] == {"video": "original.mp4", "similarity": answer["similarity"]}


# ViSiL


def test_visil_finds_a_copy_and_scores_the_pair(
    tmp_path: Path, visil_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    footage(tmp_path / "whole.mp4", range(8), seed=1)
    footage(tmp_path / "part.mp4", [*range(2, 7), 100], seed=1)
    model = ("--model", "visil", "--weights", visil_files / "visil.pth", "--device", "cpu")
    finished = run("compare", "part.mp4", "whole.mp4", *model, "--json")
    assert finished.status == 0, finished.err
    [answer] = finished.objects
    [match] = answer["matches"]
    assert [found["segment"] for found in match["segments"]] == [[0.0, 2.0, 4.5, 6.5]]
    assert -1 <= answer["similarity"] <= 1
    rows = run("matrix", "part.mp4", "whole.mp4", *model, "--json", "--workers", "1").objects
    assert rows[0]["similar"] == [{"video": "whole.mp4", "similarity": answer["similarity"]}]
    # Which of the two asks makes a difference.
    assert rows[1]["similar"] != [{"video": "part.mp4", "similarity": answer["similarity"]}]


# Bad input


@pytest.mark.parametrize("command", [("ingest", "copy.mp4"), ("query", "copy.mp4")])
def test_a_library_of_visil_is_refused_in_one_line(
    command: tuple[str, ...], in_shelf: Path, tmp_path: Path, visil_files: Path
) -> None:
    assert in_shelf.is_dir()
    if command[0] == "query":
        with pytest.raises(SettingsError, match="which no library holds"):
            reprise.open(tmp_path / "library", model="visil", weights=str(visil_files / "visil.pth"))
        return
    finished = run(*command, "--model", "visil", "--library", tmp_path / "library")
    assert (finished.status, finished.out) == (2, "")
    assert finished.err == (
        "reprise: model visil gives each frame 9 vectors of 3840 numbers, which no library holds; use it with "
        "`reprise compare` or `reprise matrix`\n"
    )
    assert not (tmp_path / "library").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--model", "visil", "--quick"),
            "model visil has no one vector a frame to pool over a video; choose another",
        ),
        (("--regions", "--quick"), "give either --regions or --quick, not both"),
        (("--max-distance", "0.5"), "--max-distance says which frames make candidates; give --top as well"),
        (("--picture", "table.jpg"), "table.jpg: pictures are written as PNG; give a name that ends in .png"),
        (("--picture", "none/table.png"), "none/table.png: there is no such folder; make it, or give another"),
        (("--model", "nonsense"), "model must be one of"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_before_any_work(
    in_shelf: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert in_shelf.is_dir()
    finished = run("matrix", ".", *arguments)
    assert (finished.status, finished.out) == (2, "")
    assert finished.err.startswith(f"reprise: {message}")
    assert finished.err.count("\n") == 1


def test_settings_say_what_is_out_of_range(shelf: Path) -> None:
    with pytest.raises(SettingsError, match="top must be at least 1, not 0"):
        MatrixSettings(0)
    with pytest.raises(SettingsError, match=r"max_distance must be from 0 to 2, not 2\.5"):
        MatrixSettings(1, 2.5)
    with pytest.raises(SettingsError, match="vectors_of must be one of frames, regions, video, not 'pixels'"):
        EmbedSettings(vectors_of="pixels")
    pair = shelf / "copy.mp4", shelf / "original.mp4"
    with pytest.raises(SettingsError, match="segments are found between frames"):
        reprise.compare(*pair, embedding=EmbedSettings(vectors_of="video"))
    with pytest.raises(SettingsError, match="ends are refined with one vector a frame"):
        reprise.compare(*pair, embedding=EmbedSettings(vectors_of="regions"), settings=QuerySettings(refine=True))


def test_visil_without_its_weights_says_where_they_belong(
    in_shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert in_shelf.is_dir()
    monkeypatch.setenv("REPRISE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for command in (("compare", "copy.mp4", "original.mp4"), ("matrix", ".")):
        finished = run(*command, "--model", "visil")
        assert (finished.status, finished.out) == (1, "")
        assert finished.err.startswith("reprise: model visil: its weights visil.pth are not in")
        assert finished.err.count("\n") == 1


# The picture


def test_the_picture_has_a_cell_a_pair_from_dark_to_light(tmp_path: Path) -> None:
    similarity = np.float32([[1, 0], [np.nan, -0.5]])
    write_picture(tmp_path / "t.png", ["a.mp4", "b.mp4"], similarity)
    pixels = np.asarray(Image.open(tmp_path / "t.png").convert("RGB"))
    shown = {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}
    assert {tuple(COLOURS[0]), tuple(COLOURS[-1]), MISSING, (255, 255, 255)} <= shown
    counts = [int((pixels == colour).all(axis=2).sum()) for colour in (COLOURS[-1], COLOURS[0])]
    # One cell and two, less what their numbers cover, and more by the ends of the bar.
    assert counts[0] == pytest.approx(44 * 44, rel=0.2)
    assert counts[1] == pytest.approx(2 * 44 * 44, rel=0.2)


@pytest.mark.parametrize("count", [1, 60, 400])
def test_pictures_of_many_videos_with_any_names_stay_within_reason(tmp_path: Path, count: int) -> None:
    names = [f"{'very long ' * (i % 12)}動画 ü {i}.mp4" for i in range(count)]
    write_picture(tmp_path / "t.png", names, np.eye(count, dtype=np.float32))
    width, height = Image.open(tmp_path / "t.png").size
    assert 100 < height < 1800
    assert 300 < width < 2400


def test_colours_go_from_dark_to_light() -> None:
    lightness = coloured(np.linspace(0, 1, 30, dtype=np.float32)[None])[0] @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(lightness) > 0).all()


def test_without_pillow_a_picture_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"drawn with Pillow; pip install '\.\[pictures\]'"):
        write_picture(tmp_path / "t.png", [], np.zeros((0, 0), np.float32))


# Names


def test_names_are_as_short_as_tells_them_apart() -> None:
    assert short_names(["a/b/x.mp4", "a/c/x.mp4", "a/c/y.mp4"]) == ["b/x.mp4", "c/x.mp4", "y.mp4"]
    assert short_names(["x.mp4", "a/x.mp4"]) == ["x.mp4", "a/x.mp4"]
    assert short_names(["x.mp4", "x.mp4"]) == ["x.mp4", "x.mp4"]
    assert short_names([]) == []
