"""The networks that weigh lines: drawn videos and their maps, labels, training, the script."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reprise.alignment.line_evidence import NAMES, Networks, odds
from reprise.simulation.cases import Case, cases
from reprise.training.drawn_maps import DrawnMap, WorldSettings, drawn_maps
from reprise.training.drawn_queries import Part, Query, World, make_query, query_frames
from reprise.training.drawn_videos import SIDE, DrawnVideo, draw_video, film
from reprise.training.images import draw
from reprise.training.line_evidence import (
    EvidenceSettings,
    Labelled,
    calibration,
    held_out_loss,
    labels,
    lines_of_cases,
    lines_of_drawn,
    save,
    train,
)

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_line_evidence.py"
QUICK = EvidenceSettings(networks=2, hidden=8, steps=300, batch=256)
SMALL = WorldSettings(seed=4, references=3, queries=3)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return [draw(np.random.default_rng((9, number)), 256) for number in range(4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drawn")


@pytest.fixture(scope="module")
def drawn(folder: Path) -> list[DrawnMap]:
    return list(drawn_maps(SMALL, folder))


@pytest.fixture(scope="module")
def simulated() -> Labelled:
    return lines_of_cases(cases(20, 3))


@pytest.fixture(scope="module")
def networks(simulated: Labelled) -> Networks:
    return train([simulated], QUICK)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


# --- drawn videos and queries


def test_a_moving_camera_sees_more_change_the_longer_it_goes(pictures: list[np.ndarray]) -> None:
    shot = replace(film(np.random.default_rng(0), pictures[0], pictures, 10.0), things=(), shake=0.0)
    moving = replace(shot, ends=(np.array([-0.4, 0.0]), np.array([0.4, 0.0])), zooms=(0.5, 0.5))
    still = replace(shot, ends=(np.zeros(2), np.zeros(2)), zooms=(0.5, 0.5))
    first = moving.frame(0)
    assert (first.shape, first.dtype) == ((SIDE, SIDE, 3), np.uint8)
    assert 0 < difference(first, moving.frame(0.5)) < difference(first, moving.frame(8))
    assert difference(still.frame(0), still.frame(8)) == 0


def test_things_move_before_a_still_camera(pictures: list[np.ndarray]) -> None:
    rng = np.random.default_rng(3)
    shots = [film(rng, pictures[0], pictures, 10.0) for _ in range(12)]
    shot = next(shot for shot in shots if shot.things)
    still = replace(shot, ends=(shot.ends[0], shot.ends[0]), zooms=(shot.zooms[0], shot.zooms[0]), shake=0.0)
    changed = np.abs(still.frame(0).astype(int) - still.frame(6)).max(axis=2) > 0
    assert 0 < changed.mean() < 1


def test_the_shots_of_a_video_follow_one_another(pictures: list[np.ndarray]) -> None:
    for seed in range(6):
        video = draw_video(np.random.default_rng(seed), pictures, 30.0)
        ends = [start + shot.length_s for start, shot in zip(video.starts_s, video.shots, strict=True)]
        assert video.starts_s[0] == 0
        assert list(video.starts_s[1:]) == pytest.approx(ends[:-1])
        assert ends[-1] >= 30
        last = len(video.shots) - 1
        assert np.array_equal(video.frame(29.5), video.shots[last].frame(29.5 - video.starts_s[last]))


def test_a_part_shows_its_footage_at_its_speed_and_in_its_direction(pictures: list[np.ndarray]) -> None:
    video = draw_video(np.random.default_rng(1), pictures, 30.0)
    forwards = Part(4.0, video, start_s=10.0, speed=1.5)
    backwards = replace(forwards, backwards=True)
    assert np.array_equal(forwards.frame(2.0), video.frame(13.0))
    assert np.array_equal(backwards.frame(1.0), video.frame(14.5))


def test_a_query_tells_the_stretches_that_it_copies(pictures: list[np.ndarray]) -> None:
    video = DrawnVideo(30.0, (film(np.random.default_rng(1), pictures[0], pictures, 30.0),), (0.0,))
    other = Part(3.5, video)
    copy = Part(4.0, video, start_s=10.0, speed=1.5, reference=2)
    query = Query((other, copy, other, copy))
    assert query.duration_s == 15
    assert query.truth() == {2: [[3.5, 10.0, 7.5, 16.0], [11.0, 10.0, 15.0, 16.0]]}
    assert [query.part_at(time) for time in (0, 3.5, 7.0, 14.0)] == [(0, 0), (1, 0), (1, 3.5), (3, 3)]


def test_queries_lie_within_their_references_and_have_a_frame_a_second(pictures: list[np.ndarray]) -> None:
    rng = np.random.default_rng(5)
    world = World([draw_video(rng, pictures[:2], 20.0) for _ in range(3)], pictures[:2], pictures[2:])
    queries = [make_query(rng, world) for _ in range(40)]
    boxes = [box for query in queries for found in query.truth().values() for box in found]
    assert 0 < sum(not query.truth() for query in queries) < 25
    assert all(0 <= box[1] < box[3] <= 20 for box in boxes)
    assert all(box[2] - box[0] >= 2.5 for box in boxes)
    query = min(queries, key=lambda one: one.duration_s)
    frames = query_frames(rng, query, world)
    assert len(frames) == math.ceil(query.duration_s)
    assert {(frame.shape, frame.dtype) for frame in frames} == {((256, 256, 3), np.dtype(np.uint8))}


# --- maps of drawn videos


def test_maps_are_as_long_as_their_videos_and_hold_their_truth(drawn: list[DrawnMap]) -> None:
    assert len(drawn) == SMALL.queries * SMALL.references
    for one in drawn:
        assert one.map.shape == (math.ceil(one.query_duration_s), math.ceil(one.reference_duration_s))
        assert np.abs(one.map).max() <= 1.001
        for box in one.truth:
            assert 0 <= box[0] < box[2] <= one.query_duration_s + 1e-6
            assert 0 <= box[1] < box[3] <= one.reference_duration_s + 1e-6


def test_an_interrupted_run_goes_on_with_the_same_maps(drawn: list[DrawnMap], folder: Path, tmp_path: Path) -> None:
    (path,) = folder.iterdir()
    written = path.stat().st_mtime_ns
    again = list(drawn_maps(SMALL, folder))
    assert path.stat().st_mtime_ns == written
    anew = list(drawn_maps(replace(SMALL, queries=1), tmp_path))
    for some in (again, anew):
        for one, two in zip(drawn, some, strict=len(some) == len(drawn)):
            assert one.truth == two.truth
            assert np.array_equal(one.map, two.map)
    assert len(anew) == SMALL.references


# --- labels, training, calibration


def test_labels_rise_from_0_to_1_between_two_agreements() -> None:
    agreement = np.array([0, 0.2, 0.4, 0.6, 1], np.float32)
    assert labels(agreement) == pytest.approx([0, 0, 0.5, 1, 1], abs=1e-6)


def test_lines_on_a_copy_agree_with_it_and_ends_of_drawn_maps_are_half_a_frame_earlier() -> None:
    diagonal = np.full((40, 60), 0.05, np.float32)
    rows = np.arange(10, 30)
    diagonal[rows, rows + 15] = 0.9
    case = Case("a", "single", diagonal, ((10, 25, 30, 45),), (1.0,), (False,))
    assert lines_of_cases([case]).agreement.max() == pytest.approx(1, abs=0.06)
    turned = Case("b", "single", diagonal, case.truth, (1.0,), (True,))
    assert lines_of_cases([turned]).agreement.max() < 0.5
    one = DrawnMap(diagonal, [[9.5, 24.5, 29.5, 44.5]], [False], 39.4, 59.7)
    seconds = lines_of_drawn([one])
    assert seconds.evidence.shape[1] == len(NAMES)
    assert seconds.agreement.max() == pytest.approx(1, abs=0.06)


def test_maps_without_lines_give_none() -> None:
    dark = Case("a", "negative", np.zeros((20, 20), np.float32), ())
    assert lines_of_cases([dark]).evidence.shape == (0, len(NAMES))


def test_training_ranks_copies_above_other_lines_on_held_out_maps(networks: Networks) -> None:
    held_out = lines_of_cases(cases(21, 2))
    copies = held_out.agreement > 0.5
    found = odds(held_out.evidence, networks)
    assert copies.sum() > 50
    # Chance that a copy has higher odds than another line: 0.5 for networks that know nothing.
    assert (found[copies][:, None] > found[~copies]).mean() > 0.85
    always = labels(held_out.agreement).mean()
    knowing_nothing = -(always * math.log(always) + (1 - always) * math.log(1 - always))
    assert held_out_loss(networks, held_out) < 0.8 * knowing_nothing


def test_a_seed_trains_the_same_networks(simulated: Labelled) -> None:
    short = replace(QUICK, steps=20)
    first, again = train([simulated], short), train([simulated], short)
    other = train([simulated], replace(short, seed=1))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["weight0"], other["weight0"])


def test_the_table_of_calibration_counts_every_line_once(networks: Networks, simulated: Labelled) -> None:
    rows = calibration(networks, simulated)
    assert sum(count for count, _, _ in rows) == len(simulated.agreement)
    means = [mean for _, mean, _ in rows]
    assert means == sorted(means)
    assert rows[0][2] < 0.3
    assert rows[-1][2] > 0.6


def test_saved_networks_are_read_as_they_were(networks: Networks, simulated: Labelled, tmp_path: Path) -> None:
    save(networks, tmp_path / "lines.npz")
    with np.load(tmp_path / "lines.npz") as held:
        read = {name: held[name] for name in held.files}
    assert set(read) == {
        "mean",
        "deviation",
        *(f"{name}{layer}" for name in ("weight", "bias") for layer in range(3)),
    }
    assert {values.dtype for values in read.values()} == {np.dtype(np.float32)}
    assert np.array_equal(odds(simulated.evidence, read), odds(simulated.evidence, networks))


def test_the_script_trains_and_goes_on_with_the_maps_that_it_kept(tmp_path: Path) -> None:
    options = ["--videos", "9", "--queries", "12", "--per-kind", "1", "--work", str(tmp_path / "work")]
    for out in ("first.npz", "second.npz"):
        done = subprocess.run(
            [sys.executable, SCRIPT, "--out", tmp_path / out, *options], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "held out, drawn" in done.stdout
    with np.load(tmp_path / "first.npz") as first, np.load(tmp_path / "second.npz") as second:
        assert all(np.array_equal(first[name], second[name]) for name in first.files)
    assert len(list((tmp_path / "work").iterdir())) == 4
