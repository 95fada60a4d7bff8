"""The Python door: a library from the first ingest to the last removal, embedded and on a Milvus server."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import run
from footage import footage

import reprise
from reprise import descriptor
from reprise.alignment.aligned import AlignedSegment
from reprise.errors import (
    LibraryMismatchError,
    LibraryNotFoundError,
    MissingVideoError,
    SettingsError,
)
from reprise.segment import Match, Segment, segments_of
from reprise.stores.frames import LibraryFacts
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """References a.mp4 and b.mp4 of 20 s, and clip.mp4: 6 s of other footage, 5 s to 15 s of b.mp4, 4 s of other.

    A copy found at frames 6 to 15 began somewhere between frames 5 and 6: the middle between them is told.
    """
    folder = tmp_path_factory.mktemp("shelf")
    footage(folder / "a.mp4", range(20), seed=1)
    footage(folder / "b.mp4", range(20), seed=2)
    before, copied, after = range(120, 126), range(5, 15), range(106, 110)
    footage(folder / "clip.mp4", [*before, *copied, *after], seed=2)
    return folder


def aligned(
    q_start: int, r_start: int, q_end: int, r_end: int, *, score: float = 1.0, backwards: bool = False
) -> AlignedSegment:
    speed = (r_end - r_start) / (q_end - q_start)
    return AlignedSegment(q_start, r_start, q_end, r_end, score=score, speed=speed, backwards=backwards)


def boxes(result: reprise.QueryResult) -> dict[str, list[list[float]]]:
    return {Path(match.reference).name: [segment.box for segment in match.segments] for match in result}


def test_a_copied_stretch_is_found_at_its_seconds_and_nowhere_else(place: str, shelf: Path) -> None:
    with reprise.open(place) as library:
        report = library.ingest([shelf / "a.mp4", shelf / "b.mp4"], workers=1)
        assert (len(report.added), report.failed, report.frames, report.duration_s) == (2, [], 40, 40.0)
        result = library.query(shelf / "clip.mp4")
    assert boxes(result) == {"b.mp4": [[5.5, 4.5, 15.5, 14.5]]}
    (match,) = result.matches
    assert match.reference == str(shelf / "b.mp4")
    assert 0.9 < match.score <= 1.0
    assert result.to_json() == {
        "query": str(shelf / "clip.mp4"),
        "duration": 20.0,
        "matches": [
            {
                "reference": str(shelf / "b.mp4"),
                "score": round(match.score, 4),
                "segments": [{"segment": [5.5, 4.5, 15.5, 14.5], "score": round(match.segments[0].score, 4)}],
            }
        ],
    }


def test_ingesting_twice_changes_nothing_and_a_changed_file_is_replaced(
    place: str, shelf: Path, tmp_path: Path
) -> None:
    video = tmp_path / "v.mp4"
    shutil.copy(shelf / "a.mp4", video)
    with reprise.open(place) as library:
        library.ingest(video)
        (first,) = library.videos()
        assert library.ingest([video]).unchanged == [str(video)]
        video.touch()  # another time of change, the same content
        assert library.ingest([video]).unchanged == [str(video)]
        (touched,) = library.videos()
        assert touched == replace(first, modified_ns=video.stat().st_mtime_ns)

        footage(video, range(8), seed=7)
        assert library.ingest([video]).replaced == [str(video)]
        (second,) = library.videos()
        assert (second.id, second.frame_count, second.duration_s) == (first.id, 8, 8.0)
        assert second.content_hash != first.content_hash
        assert library.info().frames == 8
        assert library.verify() == []


def test_what_a_library_holds_is_found_by_file_and_by_path_and_can_be_removed(place: str, shelf: Path) -> None:
    with reprise.open(place) as library:
        library.ingest([shelf / "a.mp4", shelf / "b.mp4"], tags=["news"])
        assert [Path(row.path).name for row in library.videos()] == ["a.mp4", "b.mp4"]
        assert library.find(shelf / "b.mp4").tags == ["news"]
        assert library.remove(shelf / "b.mp4").frame_count == 20
        with pytest.raises(MissingVideoError, match="not in the library"):
            library.find(shelf / "b.mp4")
        assert (library.info().videos, library.info().frames) == (1, 20)
        assert library.verify() == []
        assert boxes(library.query(shelf / "clip.mp4")) == {}


def test_a_library_serves_the_next_process_as_it_served_the_first(place: str, shelf: Path) -> None:
    with reprise.open(place) as library:
        library.ingest(shelf / "b.mp4")
    with reprise.open(place) as library:
        assert boxes(library.query(shelf / "clip.mp4")) == {"b.mp4": [[5.5, 4.5, 15.5, 14.5]]}


@pytest.mark.server
def test_a_machine_that_did_not_ingest_a_video_gets_its_matrix_from_the_server(
    server_place: str, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / "one machine"))
    with reprise.open(server_place) as library:
        library.ingest(shelf / "b.mp4")
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / "another machine"))
    with reprise.open(server_place) as library:
        assert boxes(library.query(shelf / "clip.mp4")) == {"b.mp4": [[5.5, 4.5, 15.5, 14.5]]}
        library.remove(shelf / "b.mp4")


def test_a_library_of_two_frames_a_second_tells_ends_to_a_quarter_of_a_second(shelf: Path, tmp_path: Path) -> None:
    with reprise.open(tmp_path / "library", fps=2) as library:
        assert library.ingest(shelf / "b.mp4").frames == 40
    with reprise.open(tmp_path / "library") as library:
        assert library.info().fps == 2.0
        assert boxes(library.query(shelf / "clip.mp4")) == {"b.mp4": [[5.75, 4.75, 15.75, 14.75]]}
    with (
        reprise.open(tmp_path / "library", fps=1) as library,
        pytest.raises(LibraryMismatchError, match="made at 2 frames a second, not 1"),
    ):
        library.query(shelf / "clip.mp4")


def test_a_library_of_older_weights_asks_to_be_made_again(shelf: Path, tmp_path: Path) -> None:
    LibraryStores(Place.of(tmp_path / "library"), create=LibraryFacts("reprise-0", 256, 1.0)).close()
    for command in ("ingest", "query"):
        answer = run(command, shelf / "clip.mp4", "--library", tmp_path / "library")
        assert answer.status == 1
        assert answer.out == ""
        assert answer.err == (
            f"reprise: {tmp_path / 'library'}: this library was made with reprise-0, this program has "
            f"{descriptor.NAME}, whose vectors are others; ingest its videos again into a new library\n"
        )


def test_a_query_makes_no_library(shelf: Path, tmp_path: Path) -> None:
    with reprise.open(tmp_path / "none") as library, pytest.raises(LibraryNotFoundError):
        library.query(shelf / "clip.mp4")
    assert not (tmp_path / "none").exists()


def test_the_default_library_is_the_environments_else_the_folder_library(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REPRISE_LIBRARY", raising=False)
    with reprise.open() as library:
        library.ingest(shelf / "a.mp4")
    assert (tmp_path / "library" / "milvus.db").is_dir()
    monkeypatch.setenv("REPRISE_LIBRARY", str(tmp_path / "other"))
    with reprise.open() as library:
        library.ingest(shelf / "a.mp4")
    assert (tmp_path / "other" / "milvus.db").is_dir()


def test_two_videos_are_compared_without_a_library(shelf: Path) -> None:
    assert boxes(reprise.compare(shelf / "clip.mp4", shelf / "b.mp4")) == {"b.mp4": [[5.5, 4.5, 15.5, 14.5]]}
    assert boxes(reprise.compare(shelf / "clip.mp4", shelf / "a.mp4")) == {}
    assert boxes(reprise.compare(shelf / "a.mp4", shelf / "a.mp4")) == {}  # nothing comes in it again


def test_settings_out_of_range_are_refused_when_they_are_made() -> None:
    for settings in (
        {"top_k": 0},
        {"aligner": "guess"},
        {"min_score": 2.0},
        {"hits_per_frame": 0},
        {"min_length_s": -1},
    ):
        with pytest.raises(SettingsError):
            reprise.QuerySettings(**settings)  # type: ignore[arg-type]
    for embedding in ({"fps": 0.0}, {"fps": float("nan")}, {"model": "guess"}, {"device": "tpu"}):
        with pytest.raises(SettingsError):
            reprise.EmbedSettings(**embedding)  # type: ignore[arg-type]


def test_segments_end_where_their_videos_do() -> None:
    (segment,) = segments_of([aligned(2, 0, 10, 8)], fps=1.0, query_duration_s=9.6, reference_duration_s=7.5)
    assert segment.box == [2.0, 0.0, 9.6, 7.5]


def test_where_a_segment_ends_with_the_query_the_reference_goes_on_as_far() -> None:
    durations = {"query_duration_s": 10.0, "reference_duration_s": 60.0}
    (whole,) = segments_of([aligned(0, 20, 10, 40)], fps=1.0, **durations)
    assert whole.box == [0.0, 20.5, 10.0, 40.5]
    (backwards,) = segments_of([aligned(0, 20, 10, 30, backwards=True)], fps=1.0, **durations)
    assert backwards.box == [0.0, 19.0, 10.0, 29.0]
    (short,) = segments_of([aligned(4, 34, 10, 40)], fps=1.0, **{**durations, "reference_duration_s": 40.2})
    assert short.box == [3.5, 33.5, 10.0, 40.0]


def test_elsewhere_segments_begin_and_end_half_way_between_two_frames() -> None:
    (segment,) = segments_of([aligned(2, 3, 8, 9)], fps=2.0, query_duration_s=9.6, reference_duration_s=7.5)
    assert segment.box == [0.75, 1.25, 3.75, 4.25]


def test_speed_and_direction_are_told_only_where_they_are_not_the_usual_ones() -> None:
    plain = Segment(1.0, 2.0, 5.0, 6.0, score=0.5)
    assert plain.to_json() == {"segment": [1.0, 2.0, 5.0, 6.0], "score": 0.5}
    assert replace(plain, speed=1.004).to_json() == plain.to_json()
    unusual = replace(plain, speed=1.5, backwards=True)
    assert unusual.to_json() == {**plain.to_json(), "speed": 1.5, "backwards": True}


def test_a_match_is_scored_by_its_segments_weighted_by_length() -> None:
    segments = segments_of(
        [aligned(20, 0, 30, 10, score=0.6), aligned(0, 0, 30, 30)],
        fps=1.0,
        query_duration_s=30,
        reference_duration_s=30,
    )
    match = Match.of("r.mp4", segments)
    assert match.score == pytest.approx((10 * 0.6 + 30) / 40)
    assert [segment.query_start_s for segment in match.segments] == [0.0, 20.0]
