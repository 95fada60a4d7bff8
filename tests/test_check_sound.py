"""What `check`, `compare`, the service and the report tell of the sound, beside what they tell of the pictures."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run
from footage import footage
from sounds import silence, tune, with_sound

import reprise
from reprise.audio.fingerprint import listened
from reprise.audio.library_sounds import LibrarySounds
from reprise.checking.hearing import with_sound as verdict_with_sound
from reprise.checking.stages import Side
from reprise.checking.verdict import OTHER_AUDIO, OTHER_PICTURES, Verdict
from reprise.segment import Segment
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place

A_S, CUT_S = 24, 14


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """refs/: a and b with sound; and videos with pictures and sound of theirs, or of none, in every mix."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "refs").mkdir()
    whole = footage(folder / "a-bare.mp4", range(A_S), seed=1)
    other = footage(folder / "b-bare.mp4", range(A_S), seed=2)
    cut = footage(folder / "cut.mp4", range(6, 20), seed=1)
    own = footage(folder / "own.mp4", range(CUT_S), seed=5)
    with_sound(folder / "refs" / "a.mp4", whole, tune(1, 0, 24))
    with_sound(folder / "refs" / "b.mkv", other, tune(2, 0, 24), codec="libopus")
    with_sound(folder / "both.mp4", cut, tune(1, 6, 20), bit_rate=32_000)
    with_sound(folder / "dubbed.mp4", cut, tune(8, 0, 14))
    with_sound(folder / "dubbed-whole.mp4", whole, tune(7, 0, 24))
    with_sound(folder / "half.mp4", cut, np.concatenate([tune(1, 6, 13), tune(8, 0, 7)]))
    with_sound(folder / "muted.mp4", cut, silence(14))
    with_sound(folder / "sound.mp4", own, tune(2, 8, 22))
    with_sound(folder / "mixed.mp4", cut, tune(2, 8, 22))
    with_sound(folder / "neither.mp4", own, tune(9, 0, 14))
    shutil.copy(folder / "refs" / "a.mp4", folder / "same-file.mp4")
    return folder


@pytest.fixture(scope="module")
def library(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of refs/ with fingerprints of their sound."""
    place = tmp_path_factory.mktemp("place") / "library"
    assert run("ingest", "--audio", "--library", place, clips / "refs").status == 0
    return place


@pytest.fixture(scope="module")
def verdicts(clips: Path, library: Path) -> dict[str, Verdict]:
    """The verdicts on all of them, each held against the library alone."""
    with reprise.open(library) as shelf:
        reports = [shelf.check(path) for path in sorted(clips.glob("*.mp4")) if "bare" not in path.name]
    return {Path(verdict.path).name: verdict for report in reports for verdict in report}


@pytest.mark.parametrize(
    ("name", "kind", "told", "says"),
    [
        ("both.mp4", "contained-in", (), "same"),
        ("dubbed.mp4", "contained-in", (OTHER_AUDIO,), "other"),
        ("dubbed-whole.mp4", "same-content", (OTHER_AUDIO,), "other"),
        ("half.mp4", "contained-in", (), "partly"),
        ("muted.mp4", "contained-in", (), None),
        ("sound.mp4", "new", (OTHER_PICTURES,), None),
        ("mixed.mp4", "contained-in", (OTHER_AUDIO, OTHER_PICTURES), "other"),
        ("neither.mp4", "new", (), None),
    ],
)
def test_the_sound_is_told_beside_the_pictures_verdict(
    name: str, kind: str, told: tuple[str, ...], says: str | None, verdicts: dict[str, Verdict]
) -> None:
    verdict = verdicts[name]
    assert (verdict.kind, verdict.audio) == (kind, told)
    assert [relation.audio.says for relation in verdict] == ([says] if kind != "new" else [])


def test_it_is_told_what_the_sound_rests_on(verdicts: dict[str, Verdict]) -> None:
    (both,), (half,), (dubbed,) = verdicts["both.mp4"], verdicts["half.mp4"], verdicts["dubbed.mp4"]
    compared_and_same = [(one.audio.compared_s, one.audio.same_s) for one in (both, half, dubbed)]
    assert compared_and_same == [
        (pytest.approx(CUT_S, abs=0.5), pytest.approx(CUT_S, abs=0.5)),
        (pytest.approx(CUT_S, abs=0.5), pytest.approx(CUT_S / 2, abs=1)),
        (pytest.approx(CUT_S, abs=0.5), 0),
    ]
    (alone,) = verdicts["sound.mp4"].audio_relations or ()
    assert (Path(alone.reference).name, alone.among) == ("b.mkv", "library")
    assert alone.segments[0].box == pytest.approx([0, 8, 14, 22], abs=1)
    assert (alone.video_share, alone.reference_share) == pytest.approx((1, CUT_S / A_S), abs=0.05)
    assert 0.6 < alone.score <= 1


def test_a_library_of_either_kind_tells_it(clips: Path, place: str) -> None:
    assert run("ingest", "--audio", "--library", place, clips / "refs").status == 0
    with reprise.open(place) as shelf:
        (mixed,) = shelf.check([clips / "mixed.mp4"])
    assert (mixed.kind, mixed.audio) == ("contained-in", (OTHER_AUDIO, OTHER_PICTURES))


def test_of_the_same_file_nothing_is_decoded_and_so_nothing_heard(verdicts: dict[str, Verdict]) -> None:
    assert (verdicts["same-file.mp4"].kind, verdicts["same-file.mp4"].audio_relations) == ("exact", None)


def test_no_other_pictures_are_claimed_where_nobody_looked_or_they_may_be_the_same(
    clips: Path, library: Path
) -> None:
    # Both are the same content: what the library has of it is not looked up again for the second one.
    with reprise.open(library) as shelf:
        _, half = shelf.check([clips / "both.mp4", clips / "half.mp4"])
    assert (half.kind, half.stage) == ("same-content", "vector")
    assert [Path(relation.reference).name for relation in half] == ["both.mp4"]
    assert (half.audio, half.audio_relations) == ((), ())


def test_a_batch_is_held_against_itself_by_sound_too(clips: Path, library: Path) -> None:
    with reprise.open(library) as shelf:
        _, _, mixed = shelf.check([clips / "sound.mp4", clips / "neither.mp4", clips / "mixed.mp4"])
    alone = {(Path(one.reference).name, one.among) for one in mixed.audio_relations or ()}
    assert alone == {("b.mkv", "library"), ("sound.mp4", "batch")}


def test_faint_pictures_that_sound_the_same_are_not_called_other_pictures(clips: Path, library: Path) -> None:
    heard = listened(str(clips / "sound.mp4"))
    new = Verdict("sound.mp4", "new", "frames", 0.4, CUT_S)
    stores = LibraryStores(Place.of(library))
    try:
        sides = [(LibrarySounds(stores), Side(stores, reprise.EmbedSettings()).among)]
        faint = verdict_with_sound(new, heard, sides, lambda _: [Segment(0, 8, 14, 22, 0.6)])
        elsewhere = verdict_with_sound(new, heard, sides, lambda _: [Segment(0, 0, 14, 14, 0.6)])
    finally:
        stores.close()
    assert faint.audio == ()
    assert faint.remarks == (f"what is perhaps copied from {clips / 'refs' / 'b.mkv'} sounds the same, too",)
    assert (elsewhere.audio, elsewhere.remarks) == ((OTHER_PICTURES,), ())


def test_the_command_tells_it_on_the_screen_in_json_and_in_a_table(
    clips: Path, library: Path, tmp_path: Path
) -> None:
    mixed, table = clips / "mixed.mp4", tmp_path / "table.csv"
    shown = run("check", "--library", library, mixed, "--csv", table)
    first, *lines = shown.out.splitlines()
    assert first.endswith("(by frames); same pictures, other audio; same audio, other pictures")
    assert "    other audio: 0 of 14 s that sound in both sound the same" in lines
    assert any(
        line.startswith(f"  same audio, other pictures as {clips / 'refs' / 'b.mkv'} (0:24): ") for line in lines
    )
    (said,) = run("check", "--library", library, mixed, "--json").objects
    assert said["audio"] == ["same pictures, other audio", "same audio, other pictures"]
    assert (said["references"][0]["audio"], said["references"][0]["audio_same"]) == ("other", 0)
    assert said["audio_references"][0]["segments"][0]["segment"] == pytest.approx([0, 8, 14, 22], abs=1)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["relation"], row["audio"]) for row in rows] == [
        ("contained-in", "same pictures, other audio"),
        ("same-audio", "same audio, other pictures"),
    ]
    assert (rows[0]["audio_same_s"], rows[0]["audio_segments"], rows[1]["segments"]) == ("0.0", "", "")


def test_nothing_is_said_of_sound_where_it_was_not_compared(clips: Path, library: Path, tmp_path: Path) -> None:
    (said,) = run("check", "--library", library, clips / "mixed.mp4", "--json", "--no-audio").objects
    assert "audio" not in said and "audio" not in said["references"][0]
    run("ingest", "--library", tmp_path / "library", clips / "refs")
    (said,) = run("check", "--library", tmp_path / "library", clips / "mixed.mp4", "--json").objects
    assert "audio" not in said and "audio" not in said["references"][0]


def test_what_a_check_ingests_has_its_fingerprint(clips: Path, tmp_path: Path) -> None:
    place = tmp_path / "library"
    run("ingest", "--audio", "--library", place, clips / "refs" / "a.mp4")
    with reprise.open(place) as shelf:
        shelf.check(clips / "neither.mp4", ingest_new=True)
        assert shelf.find(clips / "neither.mp4").audio == "chromaprint"
        assert (shelf.info().audio, shelf.verify()) == (2, [])


def test_a_comparison_of_two_videos_tells_of_their_sound(clips: Path) -> None:
    a, b = clips / "refs" / "a.mp4", clips / "refs" / "b.mkv"
    (match,) = reprise.compare(clips / "dubbed.mp4", a)
    assert match.audio == "other"
    result = reprise.compare(clips / "sound.mp4", b)
    assert result.matches == ()
    assert (result.audio_matches or ())[0].segments[0].box == pytest.approx([0, 8, 14, 22], abs=1)
    assert reprise.compare(clips / "cut.mp4", a).audio_matches is None  # there is none to compare
    (said,) = run("compare", clips / "both.mp4", a, "--json").objects
    assert (said["matches"][0]["audio"], said["audio_matches"]) == ("same", [])
    (said,) = run("compare", clips / "both.mp4", a, "--json", "--no-audio").objects
    assert "audio_matches" not in said


def test_what_is_skipped_or_marked_as_no_copy_is_left_out_of_the_sound(
    clips: Path, library: Path, tmp_path: Path
) -> None:
    place, mixed = tmp_path / "library", clips / "mixed.mp4"
    shutil.copytree(library, place)
    with reprise.open(place) as shelf:
        result = shelf.query(mixed, reprise.QuerySettings(skip_start_s=8))
        (match,) = result.audio_matches or ()
        assert match.segments[0].box == pytest.approx([8, 16, 14, 22], abs=1)
        shelf.reject(mixed, clips / "refs" / "b.mkv")
        assert shelf.query(mixed).audio_matches == ()
        shown = shelf.query(mixed, reprise.QuerySettings(show_rejected=True))
        assert len(shown.audio_matches or ()) == 1


def test_the_service_tells_of_the_sound_as_the_commands_do(clips: Path, library: Path, tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="the service is an extra")
    from serving import served

    shutil.copytree(library, tmp_path / "library")
    asked = run("query", "--library", library, clips / "mixed.mp4", "--json").objects[0]
    checked = run("check", "--library", library, clips / "mixed.mp4", "--json").objects[0]
    with served(tmp_path) as service:
        for fields in ({}, {"evidence": "false"}, {"refine": "true"}):
            result: Any = service.upload("/api/query", clips / "mixed.mp4", **fields)["result"]
            told = result["result"]
            assert (told["matches"][0]["audio"], told["audio_matches"]) == ("other", asked["audio_matches"])
            if result["page"] is not None:
                assert result["page"]["audio_matches"][0]["reference"].endswith("b.mkv")
        answer = service.upload("/api/check", clips / "mixed.mp4")["result"]["result"]
        assert answer == {**checked, "video": "mixed.mp4"}
        quiet = service.upload("/api/check", clips / "mixed.mp4", audio="false")["result"]["result"]
        assert "audio" not in quiet
        added = service.upload("/api/ingest", clips / "neither.mp4")["result"]["videos"][0]
        assert added["status"] == "added"
    assert run("info", "--library", tmp_path / "library", "--json").objects[0]["audio"] == 3


def test_the_report_shows_what_the_sound_says(clips: Path, library: Path, tmp_path: Path, browser: Any) -> None:
    names = [clips / "mixed.mp4", clips / "sound.mp4"]
    assert run("query", "--library", library, *names, "--report", tmp_path / "report").status == 0
    page = browser.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "report" / "report.html").as_uri())
    told = page.inner_text("main")
    page.close()
    assert complaints == []
    assert "The same audio under other pictures in 2 of 2 videos." in told
    assert "The copied pictures have other audio." in told
    assert "No copied pictures found." in told
    assert told.count("same audio, other pictures") == 2
