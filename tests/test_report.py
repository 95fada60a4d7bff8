"""What a query found, written for people and for other programs."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from command_line import run
from footage import footage

from reprise.errors import DecodeError
from reprise.evidence import made_smaller, similarity_for_eyes
from reprise.report.clips import cut
from reprise.report.cut_lists import edl_of, events_of, otio_of
from reprise.report.pictures import grey_png, thumbnails
from reprise.report.tables import csv_of
from reprise.segment import Match, QueryResult, Segment

otio = pytest.importorskip("opentimelineio", reason="cut lists need the extra edit")


def result(*segments: Segment, duration_s: float = 60.0) -> QueryResult:
    return QueryResult("q.mp4", duration_s, (Match.of("refs/a.mp4", list(segments)),) if segments else ())


def segment(q_start: float = 10, r_start: float = 20, q_end: float = 14, r_end: float = 24, **more: float) -> Segment:
    return Segment(q_start, r_start, q_end, r_end, 0.9, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """lib/ (a library of a.mp4), copy.mp4 (from a second 5 of it) and own.mp4 (of nothing)."""
    folder = tmp_path_factory.mktemp("shelf")
    footage(folder / "a <b> & 'c'.mp4", range(25), seed=1)
    footage(folder / "copy.mp4", [*range(100, 104), *range(5, 17)], seed=1)
    footage(folder / "own.mp4", range(8), seed=3)
    assert run("ingest", folder / "a <b> & 'c'.mp4", "--library", folder / "lib").status == 0
    return folder


def content_of(page: Path) -> dict[str, object]:
    """What the page's script is given."""
    found = re.search(r'<script id="content" type="application/json">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


def test_a_table_has_a_line_a_segment_and_a_header() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_of([result(segment(), segment(30, 2, 35, 12, speed=2.0)), result()]))))
    assert [(row["query"], row["reference"], row["query_start_s"], row["speed"]) for row in rows] == [
        ("q.mp4", "refs/a.mp4", "10.000", "1.000"),
        ("q.mp4", "refs/a.mp4", "30.000", "2.000"),
    ]


def test_an_edit_decision_list_has_source_and_record_time_codes_of_every_segment() -> None:
    lines = edl_of([result(segment(10, 20, 14, 24), segment(20, 3600, 22, 3604.04, speed=2.02))]).splitlines()
    assert lines[:2] == ["TITLE: REPRISE", "FCM: NON-DROP FRAME"]
    assert [line for line in lines if line[:3].isdigit()] == [
        "001  AX       V     C        00:00:20:00 00:00:24:00 00:00:10:00 00:00:14:00",
        "002  AX       V     C        01:00:00:00 01:00:04:01 00:00:20:00 00:00:22:00",
    ]
    assert [line for line in lines if line.startswith("M2")] == ["M2   AX       050.5                01:00:00:00"]
    assert "* SOURCE FILE: refs/a.mp4" in lines


def test_a_copy_played_backwards_has_a_negative_speed_in_both_cut_lists() -> None:
    found = result(segment(backwards=True))
    assert "M2   AX       -025.0                00:00:20:00" in edl_of([found])
    (timeline,) = otio.adapters.read_from_string(otio_of([found]), adapter_name="otio_json")
    (clip,) = [item for item in timeline.tracks[1] if isinstance(item, otio.schema.Clip)]
    assert [effect.time_scalar for effect in clip.effects] == [-1.0]


def test_queries_follow_each_other_on_the_record_side_of_a_list() -> None:
    lines = edl_of([result(segment(), duration_s=60), result(segment(), duration_s=60)]).splitlines()
    assert [line.split()[-2:] for line in lines if line[:3].isdigit()] == [
        ["00:00:10:00", "00:00:14:00"],
        ["00:01:10:00", "00:01:14:00"],
    ]


def test_of_segments_that_overlap_in_the_query_the_later_one_is_cut_at_its_beginning() -> None:
    events = events_of(result(segment(10, 20, 14, 24), segment(12, 50, 18, 62, speed=2.0)))
    assert [(event.start, event.end, event.source_start, event.source_end) for event in events] == [
        (250, 350, 500, 600),
        (350, 450, 1350, 1550),
    ]
    backwards = events_of(result(segment(10, 20, 14, 24), segment(12, 50, 18, 56, backwards=True)))
    assert (backwards[1].source_start, backwards[1].source_end) == (1250, 1350)


def test_a_timeline_lays_the_references_where_they_lie_in_the_query() -> None:
    (timeline,) = otio.adapters.read_from_string(otio_of([result(segment())]), adapter_name="otio_json")
    whole, copied = timeline.tracks
    assert whole.duration().to_seconds() == copied.duration().to_seconds() == 60
    (clip,) = [item for item in copied if isinstance(item, otio.schema.Clip)]
    assert clip.media_reference.target_url == "refs/a.mp4"
    assert clip.source_range.start_time.to_seconds() == 20
    assert clip.range_in_parent().start_time.to_seconds() == 10
    assert clip.range_in_parent().duration.to_seconds() == 4


def test_a_long_map_is_shown_by_the_greatest_of_every_block_and_says_how_large_they_are() -> None:
    rng = np.random.default_rng(0)
    query, reference = (rng.normal(size=(n, 8)).astype(np.float32) for n in (25, 40))
    shown = similarity_for_eyes(query, np.arange(25), reference, most=10)
    assert (shown.cells.shape, shown.down, shown.across) == ((9, 10), 3, 4)
    whole = query @ reference.T
    assert shown.cells[2, 3] == pytest.approx(whole[6:9, 12:16].max())
    assert shown.cells[8, 9] == pytest.approx(whole[24:, 36:].max())
    assert np.allclose(made_smaller(whole, most=10).cells, shown.cells)


def test_a_map_of_views_shows_the_best_view_of_every_frame() -> None:
    views = np.eye(4, dtype=np.float32)
    shown = similarity_for_eyes(views, np.array([0, 0, 1, 1]), views[:3])
    assert shown.cells.tolist() == [[1, 1, 0], [0, 0, 1]]


def test_a_map_becomes_a_png_of_its_cells() -> None:
    png = grey_png(np.array([[0.0, 1.0, -0.5], [0.2, 2.0, 0.4]], np.float32))
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert (width, height, depth, colour) == (3, 2, 8, 0)
    with av.open(io.BytesIO(png)) as container:
        (frame,) = container.decode(video=0)
    assert frame.to_ndarray(format="gray").tolist() == [[0, 255, 0], [51, 255, 102]]
    assert zlib.crc32(png[12:29]) == struct.unpack(">I", png[29:33])[0]


def test_thumbnails_are_jpeg_files_and_what_is_gone_has_none(shelf: Path) -> None:
    first, second = thumbnails(str(shelf / "copy.mp4"), [0.5, 9.0])
    assert first is not None
    assert first.startswith("data:image/jpeg;base64,")
    assert first != second
    assert thumbnails(str(shelf / "gone.mp4"), [1.0]) == [None]


def test_a_report_tells_what_was_copied_with_pictures_maps_and_clips(shelf: Path, tmp_path: Path) -> None:
    answer = run(
        "query", shelf / "copy.mp4", shelf / "own.mp4", shelf / "gone.mp4", "--library", shelf / "lib",
        "--report", tmp_path / "r", "--clips", "--csv", tmp_path / "t.csv", "--edl", tmp_path / "t.edl",
        "--otio", tmp_path / "t.otio",
    )  # fmt: skip
    assert answer.status == 1
    assert f"report: {tmp_path}/r/report.html\n" in answer.err
    content = content_of(tmp_path / "r" / "report.html")
    copy, own = content["queries"]  # type: ignore[misc]
    assert content["failures"] == [f"{shelf}/gone.mp4: no such file; it was moved, deleted or mistyped"]
    assert own["matches"] == []
    (match,) = copy["matches"]
    assert match["reference"] == f"{shelf}/a <b> & 'c'.mp4"
    (found,) = match["segments"]
    assert found["segment"] == [3.5, 4.5, 16.0, 17.0]
    assert [pair["times"][1] - pair["times"][0] for pair in found["pairs"]] == [1.0] * 4
    assert all(picture for pair in found["pairs"] for picture in pair["pictures"])
    assert match["map"]["query"] == [-0.5, 15.5]
    for clip in found["clips"]:
        with av.open(str(tmp_path / "r" / clip)) as container:
            assert float(container.duration / av.time_base) == pytest.approx(12.5, abs=0.3)
    for name in ("t.csv", "t.edl", "t.otio"):
        assert "a <b> & 'c'.mp4" in (tmp_path / name).read_text()


def test_two_videos_compared_have_a_report_too(shelf: Path, tmp_path: Path) -> None:
    answer = run("compare", shelf / "copy.mp4", shelf / "a <b> & 'c'.mp4", "--report", tmp_path)
    assert answer.status == 0
    (query,) = content_of(tmp_path / "report.html")["queries"]  # type: ignore[misc]
    assert "clips" not in query["matches"][0]["segments"][0]
    assert query["matches"][0]["url"].startswith("file://")
    assert not (tmp_path / "clips").exists()


def test_nothing_half_written_stays_where_a_file_cannot_be_written(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "full").mkdir(parents=True)
    answer = run("compare", shelf / "copy.mp4", shelf / "own.mp4", "--report", tmp_path / "file" / "x")
    assert answer.status == 1
    assert answer.err == f"reprise: {tmp_path}/file/x: the report cannot be written (not a directory)\n"
    for option in ("--csv", "--edl", "--otio"):
        answer = run("compare", shelf / "copy.mp4", shelf / "own.mp4", option, tmp_path / "folder" / "full")
        assert answer.status == 2
        assert "is a directory" in answer.err
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["full"]


def test_a_file_in_a_folder_that_is_not_there_is_refused_before_anything_is_done(shelf: Path, tmp_path: Path) -> None:
    answer = run("compare", shelf / "copy.mp4", shelf / "own.mp4", "--csv", tmp_path / "none" / "x.csv")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err == f"reprise: {tmp_path}/none/x.csv: there is no folder {tmp_path}/none; make it first\n"


def test_clips_without_a_report_are_refused_before_anything_is_done(shelf: Path) -> None:
    answer = run("query", shelf / "copy.mp4", "--library", shelf / "lib", "--clips")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err == "reprise: --clips cuts the clips of a report; give --report DIR too\n"


def test_a_clip_of_what_is_no_video_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"no video")
    with pytest.raises(DecodeError, match=r"x\.mp4: no clip can be cut"):
        cut(str(tmp_path / "x.mp4"), 0, 2, tmp_path / "clip.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]
