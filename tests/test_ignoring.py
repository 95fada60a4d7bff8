"""What must not count as a copy: the ignore list, blank pictures, skipped parts, rejected matches."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from clips import ffmpeg
from command_line import run
from footage import footage, moments

import reprise
from reprise.alignment.aligners import ALIGNERS
from reprise.alignment.excess import excess_of_matrices
from reprise.blank import examples, is_blank
from reprise.errors import DecodeError, MissingVideoError, SettingsError
from reprise.ignoring import MIN_SIMILARITY, IgnoredFrames, blank_frames
from reprise.operators.video_copy_detection.align import Align
from reprise.segment import Segment
from reprise.settings import EmbedSettings, QuerySettings
from reprise.skipping import Span

IDENT = [(9, k / 25) for k in range(0, 6 * 25)]


def seconds(seed: int, start: int, end: int) -> list[tuple[int, float]]:
    """The pictures of these seconds of a footage, 25 a second."""
    return [(seed, start + k / 25) for k in range((end - start) * 25)]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """refs/a.mp4 and b.mp4, both after the ident; query.mp4, ident, then a piece of a; ident.mp4."""
    folder = tmp_path_factory.mktemp("studio")
    (folder / "refs").mkdir()
    moments(folder / "ident.mp4", IDENT)
    moments(folder / "refs" / "a.mp4", IDENT + seconds(1, 0, 20))
    # The ident begins between two sampled frames.
    moments(folder / "refs" / "b.mp4", seconds(2, 0, 3)[:60] + IDENT + seconds(2, 3, 20))
    moments(folder / "query.mp4", seconds(4, 0, 2)[:35] + IDENT + seconds(1, 6, 16))
    return folder


@pytest.fixture(scope="module")
def made(studio: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of refs/, not to be changed."""
    place = tmp_path_factory.mktemp("made") / "library"
    assert run("ingest", "--library", place, studio / "refs").status == 0
    return place


@pytest.fixture
def held(made: Path, tmp_path: Path) -> Path:
    """A library of refs/ for one test."""
    return Path(shutil.copytree(made, tmp_path / "library"))


def found(place: object, query: Path, *options: str) -> dict[str, list[list[float]]]:
    """The segments that a query finds, by the name of the reference."""
    (answer,) = run("query", "--library", str(place), query, "--json", *options).objects
    return {Path(m["reference"]).name: [s["segment"] for s in m["segments"]] for m in answer["matches"]}


def test_an_ignored_ident_is_no_copy_and_what_follows_it_still_is(place: str, studio: Path) -> None:
    assert run("ingest", "--library", place, studio / "refs").status == 0
    assert set(found(place, studio / "query.mp4")) == {"a.mp4", "b.mp4"}
    assert run("ignore", "add", studio / "ident.mp4", "--library", place).status == 0
    ((name, (segment,)),) = found(place, studio / "query.mp4").items()
    assert name == "a.mp4"
    assert segment == pytest.approx([7.4, 12, 17.4, 22], abs=1)
    assert found(place, studio / "refs" / "b.mp4").keys() == {"b.mp4"}  # a copy of itself, but for the ident
    assert run("verify", "--library", place).status == 0
    assert run("ignore", "remove", studio / "ident.mp4", "--library", place).status == 0
    assert set(found(place, studio / "query.mp4")) == {"a.mp4", "b.mp4"}


def test_a_part_of_a_video_can_be_ignored_and_the_list_tells_it(held: Path, studio: Path, tmp_path: Path) -> None:
    place = held
    added = run("ignore", "add", studio / "refs" / "a.mp4", "--end", "6", "--library", place)
    assert added.out == f"{studio}/refs/a.mp4, 0:00 - 0:06: ignored from now on (48 frames)\n"
    again = run("ignore", "add", studio / "refs" / "a.mp4", "--end", "6", "--library", place)
    assert again.out == f"{studio}/refs/a.mp4, 0:00 - 0:06: already ignored\n"
    assert set(found(place, studio / "query.mp4")) == {"a.mp4"}
    assert "a.mp4" in found(place, studio / "query.mp4", "--report", str(tmp_path / "report"))
    (listed,) = run("ignore", "list", "--library", place, "--json").objects
    assert (listed["start"], listed["end"], listed["frames"]) == (0, 6, 48)
    assert run("ignore", "list", "--library", place).out.splitlines()[-1] == "1 clip ignored"
    assert run("ignore", "remove", listed["id"], "--library", place).status == 0
    assert run("ignore", "list", "--library", place).out == "0 clips ignored\n"
    gone = run("ignore", "remove", listed["id"], "--library", place)
    assert (gone.status, gone.err) == (
        1,
        f"reprise: {listed['id']}: not on the ignore list; `reprise ignore list` shows what is\n",
    )


def test_what_cannot_be_ignored_is_told(held: Path, studio: Path, tmp_path: Path) -> None:
    black = tmp_path / "black.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=black:size=160x120:rate=10", "-t", "3", black)
    with reprise.open(held) as library:
        with pytest.raises(SettingsError, match="ends at 6"):
            library.ignore(studio / "ident.mp4", start_s=7)
        with pytest.raises(SettingsError, match="before its end"):
            library.ignore(studio / "ident.mp4", start_s=3, end_s=2)
        with pytest.raises(DecodeError, match="nothing to ignore"):
            library.ignore(black)
        with pytest.raises(MissingVideoError):
            library.ignore(tmp_path / "gone.mp4")
        assert library.ignored() == []


def test_views_of_an_ignored_frame_go_with_it_and_an_ignored_inset_alone() -> None:
    ignored = IgnoredFrames(np.eye(1, 4, dtype=np.float32))
    like, other = np.eye(1, 4, dtype=np.float32)[0], np.eye(1, 4, 1, dtype=np.float32)[0]
    nearly = np.array([MIN_SIMILARITY - 0.01, 0, 0, (1 - (MIN_SIMILARITY - 0.01) ** 2) ** 0.5], np.float32)
    views = np.stack([other, like, like, other, nearly])
    silenced = ignored.silenced_views(views, np.array([0, 0, 1, 1, 2]))
    assert silenced.any(axis=1).tolist() == [True, False, False, False, True]
    assert ignored.silenced(views).any(axis=1).tolist() == [True, False, False, True, True]
    unlike = views[3:]
    assert ignored.silenced(unlike) is unlike
    assert ignored.silenced_all([None, views[:1]])[0] is None


# Blank pictures


def test_pictures_that_show_next_to_nothing_are_blank() -> None:
    rng = np.random.default_rng(1)
    black = np.full((256, 256, 3), 4, np.uint8)
    logo = black.copy()
    logo[10:30, 200:240] = 200
    title = black.copy()
    title[100:140, 40:216] = 200
    picture = np.kron(rng.integers(0, 256, (8, 8, 3)), np.ones((32, 32, 1))).astype(np.uint8)
    assert [is_blank(picture) for picture in (*examples(), logo)] == [True] * 8
    assert [is_blank(picture) for picture in (title, picture, picture // 16, picture[::80, ::80])] == [False] * 4


def test_colour_bars_of_a_real_encoder_are_blank_and_other_bars_are_not() -> None:
    for source in ("smptebars", "smptehdbars", "pal75bars", "pal100bars"):
        raw = ffmpeg(
            "-f", "lavfi", "-i", f"{source}=size=320x240:rate=1", "-frames:v", "1", "-pix_fmt", "rgb24",
            "-f", "rawvideo", "-",
        )  # fmt: skip
        picture = np.frombuffer(raw, np.uint8).reshape(240, 320, 3)
        assert is_blank(picture), source
        assert not is_blank(picture[:, ::-1]), source
        assert not is_blank(picture.transpose(1, 0, 2)), source


def test_blank_frames_are_known_by_their_vectors_too() -> None:
    settings = EmbedSettings(device="cpu")
    rng = np.random.default_rng(2)
    grey = np.full((256, 256, 3), 90, np.uint8)
    picture = np.kron(rng.integers(0, 256, (8, 8, 3)), np.ones((32, 32, 1))).astype(np.uint8)
    vectors = settings.embedder()([grey, picture, *examples()])
    assert blank_frames(settings).among(vectors).tolist() == [True, False] + [True] * 7


# Skipped parts


def test_a_skipped_part_is_not_looked_at_and_times_count_from_the_beginning(made: Path, studio: Path) -> None:
    place, query = made, studio / "query.mp4"
    ((segment,),) = found(place, query, "--skip-start", "8", "--skip-end", "4").values()
    assert segment == pytest.approx([8, 12.6, 13.4, 18], abs=0.7)
    assert segment[0] >= 8
    nothing = run("query", "--library", place, query, "--skip-start", "10", "--skip-end", "10")
    assert "nothing of its 17 s is left to look at" in nothing.err
    assert nothing.out.endswith(": no copy found\n")
    assert run("query", "--library", place, query, "--skip-end", "-1").status == 2


@pytest.mark.parametrize("backwards", [False, True])
def test_a_segment_is_cut_where_the_skipped_part_ends(*, backwards: bool) -> None:
    span = Span.of(QuerySettings(skip_start_s=10, skip_end_s=5), 25)
    assert span == Span(10, 20)
    one = Segment(8, 100, 22, 128, 0.9, 2.0, backwards)
    (cut,) = span.clipped([one, Segment(2, 0, 9, 7, 0.9)])
    assert cut.box == [10, 104, 20, 124]
    assert Span.of(QuerySettings(), 25) is None


# Rejected matches


def test_a_rejected_match_is_left_out_wherever_its_file_is_moved(held: Path, studio: Path, tmp_path: Path) -> None:
    place, query, reference = held, studio / "query.mp4", studio / "refs" / "b.mp4"
    assert set(found(place, query)) == {"a.mp4", "b.mp4"}
    assert run("reject", "add", query, reference, "--library", place).status == 0
    moved = tmp_path / "moved.mp4"
    moved.write_bytes(query.read_bytes())
    finished = run("query", "--library", place, moved, "--json")
    assert [match["reference"] for match in json.loads(finished.out)["matches"]] == [f"{studio}/refs/a.mp4"]
    assert json.loads(finished.out)["rejected"] == 1
    assert "; 1 segment marked as no copy left out\n" in run("query", "--library", place, query).out
    (shown,) = run("query", "--library", place, query, "--json", "--show-rejected").objects
    assert (len(shown["matches"]), "rejected" in shown) == (2, False)
    assert run("reject", "remove", moved, "--library", place).status == 0
    assert set(found(place, query)) == {"a.mp4", "b.mp4"}


def test_one_segment_can_be_rejected_and_the_others_stay(tmp_path: Path) -> None:
    place, query = tmp_path / "library", tmp_path / "query.mp4"
    reference = footage(tmp_path / "reference.mp4", range(30), seed=1)
    footage(query, [*range(2, 10), *range(200, 205), *range(20, 28)], seed=1)
    run("ingest", "--library", place, reference)
    ((one, other),) = found(place, query).values()
    # Its ends may be told a little differently the next time.
    box = ",".join(f"{time_s + 0.4:.2f}" for time_s in one)
    added = run("reject", "add", query, reference, "--segment", box, "--library", place)
    assert added.status == 0
    assert found(place, query) == {"reference.mp4": [other]}
    (listed,) = run("reject", "list", "--library", place, "--json").objects
    assert listed["segment"] == pytest.approx([time_s + 0.4 for time_s in one])
    shown = run("reject", "list", "--library", place).out
    assert shown.splitlines()[-1] == "1 mark"
    query.unlink()
    assert run("reject", "remove", query, "--library", place).status == 0  # by the path that the list shows
    assert run("reject", "list", "--library", place).out == "0 marks\n"
    again = run("reject", "remove", query, "--library", place)
    assert again.status == 1
    assert "`reprise reject list` shows what is" in again.err


@pytest.mark.parametrize("segment", ["1,2,3", "1,2,3,x", "5,0,4,2", "0,0,0,1", "-1,0,1,1"])
def test_a_segment_that_is_none_is_wrong_usage(segment: str, made: Path, studio: Path) -> None:
    arguments = (studio / "query.mp4", studio / "refs" / "a.mp4", "--library", made)
    assert run("reject", "add", *arguments, f"--segment={segment}").status == 2
    assert run("reject", "list", "--library", made).out == "0 marks\n"


# Alignment beside silenced frames


@pytest.mark.parametrize("name", list(ALIGNERS))
def test_silenced_frames_around_a_reference_change_nothing_of_what_lies_between(name: str) -> None:
    rng = np.random.default_rng(5)
    query, reference = (rng.normal(size=(frames, 32)).astype(np.float32) for frames in (30, 20))
    query[8:18] = reference[5:15] + 0.3 * rng.normal(size=(10, 32))
    query, reference = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (query, reference))
    silent = np.zeros((7, 32), np.float32)
    align = Align(name)
    before, after = align(query, reference), align(query, np.concatenate([silent, reference, silent]))
    assert [one.box for one in after] == [(q0, r0 + 7, q1, r1 + 7) for q0, r0, q1, r1 in (one.box for one in before)]
    assert before
    assert align(query, silent) == []


def test_silenced_frames_within_a_reference_do_not_count_as_background() -> None:
    rng = np.random.default_rng(6)
    common = rng.normal(size=32)  # what all frames share, so that unrelated ones are somewhat alike
    query, reference = ((rng.normal(size=(40, 32)) + common).astype(np.float32) for _ in range(2))
    query, reference = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (query, reference))
    silenced = reference.copy()
    silenced[10:30] = 0
    heard = np.concatenate([reference[:10], reference[30:]])
    with_silent, without = (excess_of_matrices(query, one, 5) for one in (silenced, heard))
    # A processor may add up the products of matrices of another shape in another order: float32 to five places.
    assert (with_silent.level, with_silent.deviation) == pytest.approx((without.level, without.deviation), rel=1e-5)
    cells = with_silent.cells.reshape(40, 41)
    assert not cells[:, 10:30].any()
    assert cells[:, [*range(10), *range(30, 40)]] == pytest.approx(without.cells.reshape(40, 21)[:, :20], abs=1e-6)
