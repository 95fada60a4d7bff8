"""Segments of real clips, refined: by themselves, through the library and through the command line."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from footage import footage, moments

import reprise
from reprise import EmbedSettings, QuerySettings, Segment
from reprise.embedding import embed_query
from reprise.refinement import KnownFile, VideoPair, refine
from reprise.scanning import content_hash

FPS = 25
REFERENCE_S = 30.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with reference.mp4: 30 s of the footage 1."""
    place = tmp_path_factory.mktemp("refinement")
    moments(place / "reference.mp4", [(1, k / FPS) for k in range(round(REFERENCE_S * FPS))], fps=FPS)
    return place


def query(folder: Path, true: Segment, *, after_s: float = 4.0) -> tuple[Path, float]:
    """A query that shows other footage, then the copy `true`, then other footage for `after_s`; and its duration."""
    duration_s = true.query_end_s + after_s
    path = folder / f"query-{true.query_start_s}-{duration_s}-{true.speed}-{true.backwards}.mp4"
    shown = []
    for k in range(round(duration_s * FPS)):
        inside_s = k / FPS - true.query_start_s
        if inside_s < -1e-9 or k / FPS > true.query_end_s - 1e-9:
            shown.append((2, 100 + k / FPS))
        else:
            along_s = inside_s * true.speed + 1e-6
            end_s = true.reference_end_s - 1 / FPS - along_s
            shown.append((1, end_s if true.backwards else true.reference_start_s + along_s))
    if not path.exists():
        moments(path, shown, fps=FPS)
    return path, duration_s


def copy(q_start: float, r_start: float, length_s: float, *, speed: float = 1.0, backwards: bool = False) -> Segment:
    return Segment(q_start, r_start, q_start + length_s, r_start + length_s * speed, 0.9, speed, backwards)


def pair(folder: Path, path: Path, duration_s: float, *, known: KnownFile | None = None) -> VideoPair:
    return VideoPair(
        str(path), str(folder / "reference.mp4"), duration_s, REFERENCE_S, EmbedSettings(device="cpu"), known
    )


@pytest.mark.parametrize(
    ("true", "off_s"),
    [
        (copy(5.36, 8.64, 9.2), -0.8),
        (copy(5.36, 8.64, 9.2, speed=0.8), 0.8),
        (copy(5.36, 8.64, 9.2, speed=1.5), -0.8),
        (copy(5.36, 8.64, 9.2, backwards=True), 0.8),
        (copy(0.0, 8.64, 9.2), 0.8),
        (copy(5.36, 8.64, 3.4), -0.8),
    ],
    ids=["plain", "slow", "fast", "backwards", "from the query's start", "short"],
)
def test_ends_are_located_to_a_fifth_of_a_second(folder: Path, true: Segment, off_s: float) -> None:
    path, duration_s = query(folder, true)
    rough = replace(
        true,
        query_start_s=max(true.query_start_s + off_s, 0.0),
        query_end_s=true.query_end_s + off_s,
        reference_start_s=true.reference_start_s - off_s / 2,
        reference_end_s=true.reference_end_s - off_s / 2,
        speed=true.speed * 1.1,
    )
    after = refine([rough], pair(folder, path, duration_s))
    assert after.warning is None
    (segment,) = after.segments
    assert segment.box == pytest.approx(true.box, abs=0.2)
    assert segment.speed == pytest.approx(true.speed, rel=0.05)
    assert segment.backwards == true.backwards


def test_a_copy_to_the_end_of_both_videos_ends_there(folder: Path) -> None:
    true = copy(5.36, 20.8, 9.2)
    path, duration_s = query(folder, true, after_s=0.0)
    (segment,) = refine([copy(6.0, 21.0, 8.0)], pair(folder, path, duration_s)).segments
    assert segment.box == pytest.approx(true.box, abs=0.2)
    assert segment.query_end_s == duration_s


def test_an_end_that_lies_far_outside_is_still_reached(folder: Path) -> None:
    true = copy(5.36, 8.64, 12.0)
    path, duration_s = query(folder, true)
    (segment,) = refine([copy(9.6, 12.9, 3.0)], pair(folder, path, duration_s)).segments
    assert segment.box == pytest.approx(true.box, abs=0.2)


def known(path: Path) -> KnownFile:
    status = path.stat()
    return KnownFile(content_hash(path), status.st_size, status.st_mtime_ns)


def test_a_reference_that_is_gone_or_was_changed_leaves_its_segments_with_a_warning(
    folder: Path, tmp_path: Path
) -> None:
    path, duration_s = query(folder, copy(5.36, 8.64, 9.2))
    held = tmp_path / "reference.mp4"
    shutil.copy(folder / "reference.mp4", held)
    rough = [copy(6.0, 9.0, 8.0)]
    videos = pair(tmp_path, path, duration_s, known=known(held))
    os.utime(held, ns=(0, 0))  # touched, but the same
    assert refine(rough, videos).warning is None
    footage(held, range(30), seed=7)
    changed = refine(rough, videos)
    assert changed.segments == rough
    assert changed.warning == (
        f"{held}: the file was changed after its ingest; ingest it again (ends of segments not refined)"
    )
    held.unlink()
    gone = refine(rough, videos)
    assert gone.segments == rough
    assert gone.warning == f"{held}: no such file; it was moved, deleted or mistyped (ends of segments not refined)"


def test_a_library_refines_what_it_can_and_warns_of_the_rest(folder: Path, tmp_path: Path) -> None:
    one, other = copy(5.36, 8.64, 9.2), copy(14.56, 3.2, 9.2)
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    shutil.copy(folder / "reference.mp4", shelf / "here.mp4")
    moments(shelf / "gone.mp4", [(3, k / FPS) for k in range(20 * FPS)], fps=FPS)
    shown = [(2, 100 + k / FPS) for k in range(round(5.36 * FPS))]
    shown += [(1, 8.64 + k / FPS + 1e-6) for k in range(round(9.2 * FPS))]
    shown += [(3, 3.2 + k / FPS + 1e-6) for k in range(round(9.2 * FPS))]
    clip = moments(tmp_path / "clip.mp4", shown, fps=FPS)
    with reprise.open(tmp_path / "library", device="cpu") as library:
        library.ingest(shelf, workers=1)
        (shelf / "gone.mp4").unlink()
        plain = library.query(clip)
        refined = library.query(clip, QuerySettings(refine=True))
        again = library.query_embedded(
            embed_query(str(clip), EmbedSettings(device="cpu")), QuerySettings(refine=True)
        )
    boxes = {Path(match.reference).name: [s.box for s in match.segments] for match in refined}
    assert boxes["here.mp4"] == [pytest.approx(one.box, abs=0.2)]
    assert boxes["gone.mp4"] == [s.box for match in plain for s in match.segments if "gone" in match.reference]
    assert np.abs(np.subtract(boxes["gone.mp4"][0], other.box)).max() < 1.5
    assert plain.warning is None
    assert refined.warning == (
        f"{shelf / 'gone.mp4'}: no such file; it was moved, deleted or mistyped (ends of segments not refined)"
    )
    assert again == refined


def test_compare_refines_on_the_command_line(folder: Path) -> None:
    true = copy(5.36, 8.64, 9.2)
    path, _ = query(folder, true)
    finished = run("compare", "--json", "--refine", path, folder / "reference.mp4")
    (answer,) = finished.objects
    (match,) = answer["matches"]
    assert [one["segment"] for one in match["segments"]] == [pytest.approx(true.box, abs=0.2)]
    assert finished.err == ""
