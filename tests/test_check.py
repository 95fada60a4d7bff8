"""Whether videos are new to a library and to each other: one verdict each, by the cheapest stage that can tell."""

from __future__ import annotations

import csv
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import pytest
from clips import ffmpeg
from command_line import COMMAND, Finished, run, wait_until
from footage import cut_short, footage, looped

import reprise
from reprise import CheckSettings, Segment, Verdict
from reprise.checking import batch as batch_module
from reprise.checking.stages import NOTHING_SHOWN, TOO_SHORT, kind_of
from reprise.checking.verdict import shares
from reprise.errors import LibraryNotFoundError, SettingsError

GOOD = ("-c:v", "libx264", "-crf", "18", "-an")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """refs/a.mp4 (30 s) and refs/b.mkv (20 s), and files that have something, or nothing, to do with them."""
    folder = tmp_path_factory.mktemp("films")
    for name in ("refs", "in"):
        (folder / name).mkdir()
    a = footage(folder / "refs" / "a.mp4", range(30), seed=1)
    footage(folder / "refs" / "b.mkv", range(20), seed=2)
    shutil.copyfile(a, folder / "in" / "exact.mp4")
    ffmpeg("-i", a, "-c", "copy", folder / "in" / "remuxed.mkv")
    ffmpeg("-i", a, *GOOD, folder / "in" / "encoded.mp4")
    caption = "drawbox=x=16:y=90:w=128:h=18:color=black:t=fill"
    ffmpeg("-i", a, "-vf", f"hue=s=0.1,{caption}", *GOOD, folder / "in" / "near.mp4")
    footage(folder / "in" / "piece.mp4", range(8, 18), seed=1)
    footage(folder / "in" / "longer.mp4", [*range(100, 112), *range(20), *range(112, 124)], seed=2)
    footage(folder / "in" / "partly.mp4", [*range(100, 115), *range(10, 20)], seed=1)
    footage(folder / "in" / "own.mp4", range(12), seed=4)
    return folder


@pytest.fixture(scope="module")
def library(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of refs/; not to be written to."""
    place = tmp_path_factory.mktemp("place") / "library"
    assert run("ingest", "--library", place, films / "refs").status == 0
    return place


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go for one test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


def checked(library: Path | str, *videos: Path, most: float = 0.8, ingest_new: bool = False) -> list[Verdict]:
    """The verdicts on these videos; none of them may fail."""
    with reprise.open(library) as shelf:
        report = shelf.check(videos, CheckSettings(most=most), ingest_new=ingest_new)
    assert report.failed == []
    return report.verdicts


def told(verdict: Verdict) -> list[tuple[str, str, str]]:
    """(kind, name of the reference, whose it is) of each relation."""
    return [(relation.kind, Path(relation.reference).name, relation.among) for relation in verdict]


VERDICTS = [
    ("exact.mp4", "exact", "hash", "a.mp4"),
    ("remuxed.mkv", "same-content", "vector", "a.mp4"),
    ("encoded.mp4", "same-content", "vector", "a.mp4"),
    ("near.mp4", "near-duplicate", "frames", "a.mp4"),
    ("piece.mp4", "contained-in", "frames", "a.mp4"),
    ("longer.mp4", "contains", "frames", "b.mkv"),
    ("partly.mp4", "partial", "frames", "a.mp4"),
]


@pytest.mark.parametrize(("name", "kind", "stage", "reference"), VERDICTS)
def test_every_verdict_is_given_by_the_cheapest_stage_that_can_tell(
    library: Path, films: Path, name: str, kind: str, stage: str, reference: str
) -> None:
    (verdict,) = checked(library, films / "in" / name)
    assert (verdict.kind, verdict.stage) == (kind, stage)
    assert told(verdict) == [(kind, reference, "library")]
    assert 0.5 <= verdict.sureness <= 1
    assert verdict.sureness == verdict.relations[0].sureness


def test_a_video_of_nothing_in_the_library_is_new(library: Path, films: Path) -> None:
    (verdict,) = checked(library, films / "in" / "own.mp4")
    assert (verdict.kind, verdict.stage, verdict.relations, verdict.ingested) == ("new", "frames", (), False)
    assert verdict.sureness > 0.5


def test_what_nearly_counts_as_a_copy_is_told_of(library: Path, films: Path) -> None:
    with reprise.open(library) as shelf:
        (copy,) = shelf.check(films / "in" / "piece.mp4")
        (doubtful,) = shelf.check(films / "in" / "piece.mp4", CheckSettings(min_score=1))
    score = copy.relations[0].sureness
    assert score < 1
    assert (doubtful.kind, doubtful.sureness) == ("new", pytest.approx(1 - score))
    (remark,) = doubtful.remarks
    assert remark.startswith("perhaps 0:00 - 0:10 here is ")
    assert remark.endswith(f" of {films / 'refs' / 'a.mp4'}, with a score of {score:.2f}: have a look")


def test_shares_and_segments_say_how_much_of_which_is_in_common(library: Path, films: Path) -> None:
    ((piece,), (longer,), (partly,)) = (
        list(verdict)
        for name in ("piece.mp4", "longer.mp4", "partly.mp4")
        for verdict in checked(library, films / "in" / name)
    )
    assert (piece.video_share, piece.reference_share) == pytest.approx((1, 1 / 3), abs=0.06)
    assert piece.segments[0].box == pytest.approx([0, 8, 10, 18], abs=1)
    assert (longer.video_share, longer.reference_share) == pytest.approx((20 / 44, 1), abs=0.06)
    assert longer.segments[0].box == pytest.approx([12, 0, 32, 20], abs=1)
    assert (partly.video_share, partly.reference_share) == pytest.approx((10 / 25, 1 / 3), abs=0.06)


def test_what_counts_as_most_of_a_video_is_a_setting(library: Path, films: Path) -> None:
    assert [v.kind for v in checked(library, films / "in" / "near.mp4", most=1)] != ["partial"]
    most = footage(films / "in" / "most.mp4", range(21), seed=1)
    kinds = [checked(library, most, most=share)[0].kind for share in (0.6, 0.8)]
    most.unlink()
    assert kinds == ["near-duplicate", "contained-in"]
    with pytest.raises(SettingsError, match=r"most must be from 0\.5 to 1, not 0\.4"):
        CheckSettings(most=0.4)


def test_the_kind_follows_from_both_shares() -> None:
    kinds = [kind_of(*pair, 0.8) for pair in ((0.8, 0.8), (0.9, 0.79), (0.79, 0.9), (0.79, 0.79))]
    assert kinds == ["near-duplicate", "contained-in", "contains", "partial"]


def test_what_overlaps_is_covered_once() -> None:
    segments = [Segment(0, 10, 4, 14, 1), Segment(2, 0, 6, 4, 1), Segment(8, 0, 9, 1, 1)]
    assert shares(segments, 10, 20) == pytest.approx((0.7, 8 / 20))


def test_nothing_is_decoded_for_a_file_that_is_known(
    library: Path, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_module, "embed_checked", None)
    (by_name,) = checked(library, films / "refs" / "a.mp4")
    assert (by_name.kind, by_name.remarks) == ("exact", ("the library has this very file already",))
    monkeypatch.setattr(batch_module, "content_hash", None)  # nor read, while size and time are what they were
    assert checked(library, films / "refs" / "a.mp4") == [by_name]


def test_a_replaced_stretch_is_not_the_same_content(library: Path, tmp_path: Path) -> None:
    changed = footage(tmp_path / "changed.mp4", [*range(13), *range(200, 204), *range(17, 30)], seed=1)
    (verdict,) = checked(library, changed)
    assert (verdict.kind, verdict.stage) == ("near-duplicate", "frames")


def test_videos_of_a_batch_are_held_against_each_other_and_each_pair_is_told_once(
    library: Path, tmp_path: Path, temporary: Path
) -> None:
    first = footage(tmp_path / "1.mp4", range(12), seed=7)
    ffmpeg("-i", first, "-c", "copy", tmp_path / "2.mkv")
    shutil.copyfile(first, tmp_path / "3.mp4")
    footage(tmp_path / "4.mp4", range(2, 8), seed=7)
    verdicts = checked(library, *(tmp_path / name for name in ("1.mp4", "2.mkv", "3.mp4", "4.mp4")))
    assert [told(verdict) for verdict in verdicts] == [
        [],
        [("same-content", "1.mp4", "batch")],
        [("exact", "1.mp4", "batch")],
        [
            ("contained-in", "1.mp4", "batch"),
            ("contained-in", "3.mp4", "batch"),
            ("contained-in", "2.mkv", "batch"),
        ],
    ]
    assert [verdict.kind for verdict in verdicts] == ["new", "same-content", "exact", "contained-in"]
    with reprise.open(library) as shelf:
        assert [Path(row.path).name for row in shelf.videos()] == ["a.mp4", "b.mkv"]
    assert list(temporary.glob("reprise-*")) == []


def test_what_is_new_goes_into_the_library_and_the_rest_of_the_batch_does_not(
    place: str, films: Path, tmp_path: Path, temporary: Path
) -> None:
    footage(tmp_path / "1.mp4", range(12), seed=7)
    ffmpeg("-i", tmp_path / "1.mp4", "-c", "copy", tmp_path / "2.mkv")
    footage(tmp_path / "3.mp4", range(2, 8), seed=7)
    own = films / "in" / "own.mp4"
    verdicts = checked(place, *(tmp_path / name for name in ("1.mp4", "2.mkv", "3.mp4")), own, ingest_new=True)
    assert [(verdict.kind, verdict.ingested) for verdict in verdicts] == [
        ("new", True),
        ("same-content", False),
        ("contained-in", False),
        ("new", True),
    ]
    assert {whose for verdict in verdicts for _, _, whose in told(verdict)} == {"batch"}
    with reprise.open(place) as shelf:
        assert {Path(row.path).name for row in shelf.videos()} == {"1.mp4", "own.mp4"}
        assert shelf.verify() == []
        # As an ingest would have stored it: then nothing is left to do.
        assert shelf.ingest([tmp_path / "1.mp4", own]).unchanged == [str(tmp_path / "1.mp4"), str(own)]
    (again,) = checked(place, tmp_path / "2.mkv")
    assert told(again) == [("same-content", "1.mp4", "library")]
    assert list(temporary.glob("reprise-*")) == []


def test_what_a_check_ingests_has_the_vectors_that_an_ingest_gives_it(films: Path, tmp_path: Path) -> None:
    black = tmp_path / "black-start.mp4"
    source = ("-f", "lavfi", "-i", "color=black:s=160x120:r=10:d=3")
    ffmpeg(*source, "-i", films / "in" / "own.mp4", "-filter_complex", "[0:v][1:v]concat=n=2:v=1", *GOOD, black)
    matrices = []
    for name, does in (("one", "check"), ("two", "ingest")):
        with reprise.open(tmp_path / name) as shelf:
            if does == "check":
                assert [v.ingested for v in shelf.check(black, ingest_new=True)] == [True]
            else:
                shelf.ingest(black)
            stores, _ = shelf.opened()
            matrices.append(stores.matrix(shelf.videos()[0].id))
    one, two = matrices
    assert one is not None
    assert two is not None
    assert one.shape == two.shape == (15, 256)
    assert (one * two).sum(axis=1).min() > 0.99


def test_a_new_version_of_a_file_is_told_of(films: Path, tmp_path: Path) -> None:
    video = tmp_path / "film.mp4"
    shutil.copyfile(films / "refs" / "b.mkv", video)
    with reprise.open(tmp_path / "library") as shelf:
        shelf.ingest(video)
        footage(video, range(10), seed=2)
        (verdict,) = shelf.check(video)
    assert (verdict.kind, verdict.remarks) == ("contained-in", ("the library has an earlier version of this file",))


def test_a_video_that_shows_nothing_or_is_very_short_is_new_with_a_remark(library: Path, tmp_path: Path) -> None:
    for name, source in (
        ("black.mp4", "color=black:s=160x120:r=10:d=6"),
        ("short.mp4", "testsrc=s=160x120:r=10:d=2"),
    ):
        ffmpeg("-f", "lavfi", "-i", source, *GOOD, tmp_path / name)
    black, short = (checked(library, tmp_path / name)[0] for name in ("black.mp4", "short.mp4"))
    assert (black.kind, black.sureness, black.remarks) == ("new", 0, (NOTHING_SHOWN,))
    assert (short.kind, short.remarks) == ("new", (TOO_SHORT,))


def test_without_a_library_there_is_nothing_to_check_against_unless_it_is_to_be_made(
    films: Path, tmp_path: Path
) -> None:
    with reprise.open(tmp_path / "none") as shelf, pytest.raises(LibraryNotFoundError, match="no library there"):
        shelf.check(films / "in" / "own.mp4")
    finished = run("check", films / "in" / "own.mp4", "--library", tmp_path / "none")
    assert (finished.status, finished.out) == (1, "")
    assert finished.err.endswith("no library there, so everything is new to it; --ingest-new makes one\n")
    with reprise.open(tmp_path / "none") as shelf:
        report = shelf.check(tmp_path / "mistyped.mp4", ingest_new=True)
    assert [failure.path for failure in report.failed] == [str(tmp_path / "mistyped.mp4")]
    assert list(tmp_path.iterdir()) == []


# The command


def names(finished: Finished) -> dict[str, str]:
    """Verdicts by the names of the videos."""
    return {Path(answer["video"]).name: answer["verdict"] for answer in finished.objects}


def test_the_exit_status_tells_a_script_whether_all_is_new(library: Path, films: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    new, known, bad = films / "in" / "own.mp4", films / "in" / "exact.mp4", tmp_path / "bad.mp4"
    for videos, status in (((new,), 0), ((known,), 3), ((new, known), 3), ((bad,), 1), ((bad, known), 1)):
        finished = run("check", *videos, "--library", library)
        assert finished.status == status, finished
        assert finished.err.count("\n") == (bad in videos)
    assert run("check", new, "--library", library, "--most", "0.2").status == 2
    assert run("check", new, "--library", library, "--csv", tmp_path / "no" / "x.csv").status == 2


def test_the_screen_reads_as_sentences(library: Path, films: Path) -> None:
    finished = run("check", films / "in" / "exact.mp4", films / "in" / "piece.mp4", "--library", library)
    lines = finished.out.splitlines()
    assert lines[0] == f"{films / 'in' / 'exact.mp4'} (0:30): exact, sure (by hash)"
    assert lines[1] == f"  the same file as {films / 'refs' / 'a.mp4'} (0:30)"
    assert lines[2].startswith(f"{films / 'in' / 'piece.mp4'} (0:10): contained-in, 9")
    assert lines[3].startswith(f"  contained in {films / 'refs' / 'a.mp4'} (0:30): 100 % of this video, 3")
    assert lines[4].startswith("    0:00 - 0:10 here is 0:0")
    assert lines[5].startswith(f"  contained in {films / 'in' / 'exact.mp4'} (0:30, of this batch): 100 % of this ")
    assert lines[7:] == ["2 videos: 1 contained-in, 1 exact"]


def test_json_and_the_table_hold_everything(library: Path, films: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    finished = run("check", films / "in", "--library", library, "--json", "--csv", table)
    assert finished.status == 3
    assert names(finished) == {name: kind for name, kind, _, _ in VERDICTS} | {"own.mp4": "new"}
    answer = next(answer for answer in finished.objects if answer["video"].endswith("piece.mp4"))
    reference = answer["references"][0]
    assert (reference["reference"], reference["among"]) == (str(films / "refs" / "a.mp4"), "library")
    assert reference["segments"][0]["segment"] == pytest.approx([0, 8, 10, 18], abs=1)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    relations = [
        (a["video"], r["reference"]) for a in finished.objects for r in a["references"] or [{"reference": ""}]
    ]
    assert [(row["video"], row["reference"]) for row in rows] == relations
    assert {row["relation"] for row in rows if row["video"].endswith("own.mp4")} == {""}


def test_a_truncated_video_is_checked_as_far_as_it_decodes(library: Path, films: Path, tmp_path: Path) -> None:
    cut_short(tmp_path / "cut.mkv", films / "refs" / "b.mkv", share=0.5)
    finished = run("check", tmp_path / "cut.mkv", "--library", library)
    assert (finished.status, "truncated" in finished.err) == (3, True)
    assert "contained-in" in finished.out


@pytest.fixture
def long_film(films: Path, tmp_path: Path) -> Iterator[Path]:
    """A video that takes longer to decode than a test waits."""
    yield looped(tmp_path / "long.mp4", films / "refs" / "a.mp4", 2000)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_behind_but_what_was_done(
    films: Path, long_film: Path, tmp_path: Path, temporary: Path, number: signal.Signals
) -> None:
    assert gettempdir() == str(temporary)
    first, copy = films / "in" / "own.mp4", tmp_path / "copy.mkv"
    ffmpeg("-i", first, "-c", "copy", copy)
    command = [*COMMAND, "check", first, copy, long_film, "--ingest-new", "--library", tmp_path / "library"]
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=err)
        try:
            wait_until(lambda: "same-content" in (tmp_path / "out").read_text())
            wait_until(lambda: bool(list(temporary.glob("reprise-*"))))
            process.send_signal(number)
            assert process.wait(60) == 130
        finally:
            process.kill()
            process.wait()
    said = (tmp_path / "err").read_text().strip()
    assert said == "reprise: interrupted; 2 of 3 videos are done, what is new of them is kept"
    assert list(temporary.glob("reprise-*")) == []
    with reprise.open(tmp_path / "library") as shelf:
        assert [row.path for row in shelf.videos()] == [str(first)]
        assert shelf.verify() == []
