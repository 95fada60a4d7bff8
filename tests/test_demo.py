"""The demo: what is planted where, how findings are compared with it, and small videos really drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reprise.demo import videos as demo
from reprise.demo.scenes import (
    LIBRARY,
    QUERIES,
    Canvas,
    Copy,
    Crop,
    Edit,
    Filler,
    Flip,
    Inset,
    Query,
    Reference,
    Subtitles,
    shot,
)
from reprise.demo.videos import (
    ComparedCopy,
    PlantedCopy,
    PlantedQuery,
    compare_with_planted,
    make_demo_videos,
    overlap_share,
    planted_query,
    read_planted,
)
from reprise.errors import ReprisError

CAT = shot("chelsea.png", 1, (0.3, 0.4, 0.4), (0.7, 0.4, 0.4))
CUP = shot("coffee.png", 1, (0.5, 0.5, 1.0), (0.5, 0.5, 0.6))
LAWN = shot("grass.png", 1, (0.5, 0.5, 0.9), (0.5, 0.5, 0.5))
TINY = Canvas(width=96, height=72, fps=10)

PLANTED = {
    "queries/one.mp4": PlantedQuery("mirrored", (PlantedCopy("library/a.mp4", (10, 0, 20, 10)),)),
    "queries/none.mp4": PlantedQuery("no copy at all", ()),
}


def row(
    query: str,
    reference: str | None,
    *,
    planted: tuple[float, ...] | None = None,
    found: tuple[float, ...] | None = None,
    overlap: float = 0.0,
) -> ComparedCopy:
    return ComparedCopy(query, PLANTED[query].edit, reference, planted, found, overlap)


def test_a_copy_found_exactly_overlaps_wholly() -> None:
    rows = compare_with_planted({"queries/one.mp4": {"library/a.mp4": [[10, 0, 20, 10]]}}, PLANTED)
    assert rows == [
        row("queries/one.mp4", "library/a.mp4", planted=(10, 0, 20, 10), found=(10, 0, 20, 10), overlap=1.0),
        row("queries/none.mp4", None, overlap=1.0),
    ]


def test_of_several_found_segments_the_one_that_overlaps_most_stands_beside_the_copy() -> None:
    segments = [[10, 0, 12, 2], [12, 2, 20, 10]]
    rows = compare_with_planted({"queries/one.mp4": {"library/a.mp4": segments}}, PLANTED)
    assert rows[0] == row(
        "queries/one.mp4", "library/a.mp4", planted=(10, 0, 20, 10), found=(12, 2, 20, 10), overlap=0.8
    )
    assert len(rows) == 2  # the lesser piece is no false alarm


def test_a_missed_copy_has_no_found_segment() -> None:
    assert compare_with_planted({}, PLANTED) == [
        row("queries/one.mp4", "library/a.mp4", planted=(10, 0, 20, 10)),
        row("queries/none.mp4", None, overlap=1.0),
    ]


def test_what_is_found_without_cause_gets_a_row_of_its_own() -> None:
    found = {
        "queries/one.mp4": {"library/a.mp4": [[10, 30, 20, 40]], "library/b.mp4": [[10, 0, 20, 10]]},
        "queries/none.mp4": {"library/b.mp4": [[1, 2, 3, 4]]},
    }
    assert compare_with_planted(found, PLANTED) == [
        row("queries/one.mp4", "library/a.mp4", planted=(10, 0, 20, 10)),
        row("queries/one.mp4", "library/a.mp4", found=(10, 30, 20, 40)),
        row("queries/one.mp4", "library/b.mp4", found=(10, 0, 20, 10)),
        row("queries/none.mp4", "library/b.mp4", found=(1, 2, 3, 4)),
    ]


@pytest.mark.parametrize(
    ("found", "share"),
    [
        ([0, 0, 10, 10], 1.0),
        ([5, 5, 15, 15], 1 / 3),
        ([0, 0, 10, 20], 0.5),  # the worse axis decides
        ([0, 0, 40, 40], 0.25),  # too long is no better than too short
        ([10, 0, 20, 10], 0.0),
        ([0, 50, 10, 60], 0.0),
    ],
)
def test_the_overlap_is_shared_over_joint_seconds_on_the_worse_axis(found: Sequence[float], share: float) -> None:
    assert overlap_share([0, 0, 10, 10], found) == pytest.approx(share)


def test_segments_lie_where_the_parts_of_the_query_lie() -> None:
    query = Query("faster, then plain", (Filler((LAWN,)), Copy("cafe", 4, 10, speed=1.5), Copy("garage", 0, 2)))
    assert planted_query(query).copies == (
        PlantedCopy("library/cafe.mp4", (1.0, 4.0, 5.0, 10.0)),
        PlantedCopy("library/garage.mp4", (5.0, 0.0, 7.0, 2.0)),
    )


def test_every_planned_copy_lies_inside_its_reference() -> None:
    copies = [part for query in QUERIES.values() for part in query.parts if isinstance(part, Copy)]
    assert [copy for copy in copies if not 0 <= copy.start_s < copy.end_s <= LIBRARY[copy.reference].seconds] == []


def test_no_photograph_is_shown_in_two_references_or_beside_a_copy() -> None:
    photos = [{shot.photo for shot in reference.shots} for reference in LIBRARY.values()]
    library = set().union(*photos)
    parts = [part for query in QUERIES.values() for part in query.parts]
    fillers = {shot.photo for part in parts if isinstance(part, Filler) for shot in part.shots}
    insets = [part.edit for part in parts if isinstance(part, Copy) and isinstance(part.edit, Inset)]
    backgrounds = {shot.photo for inset in insets for shot in inset.background}
    assert sum(map(len, photos)) == len(library)
    assert library & (fillers | backgrounds) == set()


def test_without_scikit_image_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda _name: None)
    with pytest.raises(ReprisError, match=r"pip install '\.\[demo\]'"):
        make_demo_videos(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []


def test_a_list_of_copies_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "planted.json").write_text('{"queries/a.mp4": []}')
    with pytest.raises(ReprisError, match=r"planted\.json: not readable"):
        read_planted(tmp_path)


def pictures(video: Path) -> npt.NDArray[np.float32]:
    """[frames, height, width, 3], 0 to 255."""
    import av

    with av.open(str(video)) as container:
        return np.stack([frame.to_ndarray(format="rgb24").astype(np.float32) for frame in container.decode(video=0)])


def difference(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    """Mean over pixels, 0 to 255."""
    return float(np.abs(first - second).mean())


@pytest.fixture(scope="module")
def tiny_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one reference, `tiny.mp4`: a cat and then a cup, one second each, with sound."""
    pytest.importorskip("skimage", reason="needs scikit-image's photographs: pip install '.[demo]'")
    from reprise.demo.edits import write_reference

    folder = tmp_path_factory.mktemp("library")
    write_reference(folder / "tiny.mp4", Reference((CAT, CUP), tone_hz=220.0), TINY)
    return folder


def copy_of(library: Path, edit: Edit | None = None, *, speed: float = 1.0) -> npt.NDArray[np.float32]:
    """The pictures of a query: a second of lawn, then all of the reference."""
    from reprise.demo.edits import write_query

    video = library / "query.mp4"
    write_query(video, Query("", (Filler((LAWN,)), Copy("tiny", 0, 2, edit, speed))), library, TINY)
    return pictures(video)


def test_a_reference_has_every_picture_and_moves(tiny_library: Path) -> None:
    shown = pictures(tiny_library / "tiny.mp4")
    assert shown.shape == (20, 72, 96, 3)
    assert difference(shown[0], shown[5]) > 10.0


def test_a_plain_copy_shows_the_reference_after_the_filler(tiny_library: Path) -> None:
    reference, query = pictures(tiny_library / "tiny.mp4"), copy_of(tiny_library)
    assert len(query) == 30
    assert difference(query[10:], reference) < 4.0
    assert difference(query[:10], reference[:10]) > 30.0


def test_a_mirrored_copy_shows_left_for_right(tiny_library: Path) -> None:
    reference, query = pictures(tiny_library / "tiny.mp4"), copy_of(tiny_library, Flip())
    assert difference(query[10:, :, ::-1], reference) < 4.0


def test_a_faster_copy_skips_and_a_slower_one_holds_pictures(tiny_library: Path) -> None:
    reference = pictures(tiny_library / "tiny.mp4")
    faster, slower = copy_of(tiny_library, speed=2.0), copy_of(tiny_library, speed=0.5)
    assert (len(faster), len(slower)) == (20, 50)
    assert difference(faster[10:], reference[::2]) < 4.0
    assert difference(slower[10::2], reference) < 4.0


def test_a_cropped_copy_shows_the_part_enlarged(tiny_library: Path) -> None:
    reference = pictures(tiny_library / "tiny.mp4")
    query = copy_of(tiny_library, Crop(0.0, 0.0, 0.5, 0.5))
    assert difference(query[10:, ::2, ::2], reference[:, :36, :48]) < 8.0


def test_subtitles_change_only_the_lower_part(tiny_library: Path) -> None:
    reference, query = (
        pictures(tiny_library / "tiny.mp4"),
        copy_of(tiny_library, Subtitles(("A cat, a cup",))),
    )
    assert difference(query[10:, :48], reference[:, :48]) < 4.0
    assert difference(query[10:, 60:], reference[:, 60:]) > 8.0


def test_an_inset_lies_over_the_other_footage(tiny_library: Path) -> None:
    reference = pictures(tiny_library / "tiny.mp4")
    query = copy_of(tiny_library, Inset(0.5, 0.5, 0.0, (LAWN,)))
    assert difference(query[10:, :36, 48:], reference[:, ::2, ::2]) < 12.0
    assert difference(query[10:20, 40:], query[:10, 40:]) < 12.0  # the lawn moves as it did before the copy


def test_a_complete_set_is_left_alone_and_an_incomplete_one_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("skimage", reason="needs scikit-image's photographs: pip install '.[demo]'")
    monkeypatch.setattr(demo, "LIBRARY", {"pets": Reference((CAT,))})
    monkeypatch.setattr(demo, "QUERIES", {"mirrored": Query("mirrored", (Copy("pets", 0, 1, Flip()),))})
    video, note = tmp_path / "library" / "pets.mp4", tmp_path / "note.txt"
    note.write_text("not the demo's")

    planted = make_demo_videos(tmp_path)
    assert planted == read_planted(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "library",
        "note.txt",
        "planted.json",
        "queries",
    ]
    first = video.read_bytes()

    video.write_bytes(b"left alone")
    make_demo_videos(tmp_path)
    assert video.read_bytes() == b"left alone"

    video.unlink()
    make_demo_videos(tmp_path)
    assert video.read_bytes() == first
