"""`reprise benchmark vcsl`: predictions and figures from any source, and what is told of what is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run
from footage import footage
from vcsl_files import (
    FRAMES,
    LABELS,
    PAIRS,
    Bench,
    write_features,
    write_frames,
    write_labels,
    write_maps,
    write_pairs,
)

ROOT = Path(__file__).parent.parent
NEARLY_ONE = pytest.approx(1.0, abs=1e-6)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


EXPECTED = {"q-a": [[10, 5, 30, 25]], "q-b": [[0, 30, 10, 40]], "s-a": []}


def test_features_are_aligned_and_scored(bench: Bench) -> None:
    answer = bench.json("--features", write_features(bench.folder / "features"))
    assert bench.predictions == EXPECTED
    # q-a is found whole, q-b (0 to 15 s) for 10 of its 15 s: on both axes.
    assert answer["overall"]["precision"] == NEARLY_ONE
    assert answer["overall"]["recall"] == pytest.approx((1 + (10 / 15) ** 2) / 2, abs=1e-6)
    assert (answer["overall"]["false_rejection_rate"], answer["overall"]["false_alarm_rate"]) == (0, 0)
    assert (answer["pairs"], answer["positives"], answer["macro"], answer["findings"]) == (3, 2, None, [])
    assert (answer["features"], answer["aligner"], answer["parameters"]) == ("given features", "straight-lines", {})


def test_maps_are_aligned_and_scored(bench: Bench) -> None:
    answer = bench.json("--maps", write_maps(bench.folder / "maps"), "--frames", bench.frames)
    assert bench.predictions == {**LABELS, "s-a": []}
    assert answer["overall"]["f_score"] == NEARLY_ONE


def test_the_figures_are_those_worked_out_by_hand(bench: Bench) -> None:
    # Half of q-a's copy on both axes; q-b missed; a false alarm in s-a.
    given = write_labels(bench.folder / "given.json", {"q-a": [[10, 5, 20, 15]], "q-b": [], "s-a": [[0, 0, 9, 9]]})
    answer = bench.json("--predictions", given, "--split-meta", bench.split)
    overall, macro = answer["overall"], answer["macro"]
    assert (overall["precision"], overall["recall"]) == (pytest.approx(0.5, abs=1e-6), pytest.approx(0.125, abs=1e-6))
    assert overall["f_score"] == pytest.approx(0.2, abs=1e-6)
    assert (overall["false_rejection_rate"], overall["false_alarm_rate"]) == (0.5, 1.0)
    # Set "first" has P 1 and 1, R 0.25 and 0; "second" P 0, R 1.
    assert (macro["precision"], macro["recall"]) == (
        pytest.approx(0.5, abs=1e-6),
        pytest.approx((0.125 + 1) / 2, abs=1e-6),
    )
    assert not bench.work.exists()


def test_the_table_shows_overall_and_macro_figures_in_percent(bench: Bench) -> None:
    given = write_labels(bench.folder / "given.json", {"q-a": [[10, 5, 20, 15]], "q-b": [], "s-a": [[0, 0, 9, 9]]})
    finished = bench("--predictions", given, "--split-meta", bench.split)
    overall, macro = (line.split() for line in finished.out.splitlines()[3:5])
    assert overall == ["overall", "12.50", "50.00", "20.00", "50.00", "100.00", "given", "predictions"]
    assert macro[:7] == ["macro,", "2", "query", "sets", "56.25", "50.00", "52.94"]


def test_where_nothing_is_left_to_average_the_table_says_so(bench: Bench) -> None:
    given = write_labels(bench.folder / "given.json", {pair: [] for pair in PAIRS})
    finished = bench("--predictions", given)
    assert finished.status == 0
    assert "precision: nothing to average, none of the 3 pairs has a predicted segment" in finished.out
    assert "F: needs both precision and recall" in finished.out


def test_an_aligners_parameters_are_set_by_name(bench: Bench) -> None:
    maps = write_maps(bench.folder / "maps")
    answer = bench.json("--maps", maps, "--aligner", "vcsl-tn", "--set", "min-length=20", "--set", "top_k=3")
    assert answer["parameters"] == {"min_length": 20, "top_k": 3}
    assert bench.predictions["q-b"] == []  # its 15 s are too short now


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("top=3", "aligner vcsl-tn has no parameter 'top'; it has top_k, max_step"),
        ("top_k=0", "aligner vcsl-tn does not take top_k=0: top_k must be at least 1, not 0"),
        ("top_k=many", "aligner vcsl-tn does not take top_k=many"),
    ],
)
def test_an_unknown_or_impossible_parameter_is_wrong_usage(bench: Bench, setting: str, said: str) -> None:
    finished = bench("--maps", bench.folder, "--aligner", "vcsl-tn", "--set", setting)
    assert finished.status == 2
    assert finished.err.startswith(f"reprise: {said}")
    assert len(finished.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give one of --features, --videos, --maps, --predictions, --simulate; none is given"),
        (["--simulate", "--maps", "."], "--maps and --simulate is given"),
        (["--simulate"], "a simulation needs the frame counts: give --frames"),
        (["--maps", ".", "--set", "top_k"], "'top_k' is not name=value"),
        (["--maps", "nowhere"], "Directory 'nowhere' does not exist"),
        (["--maps", ".", "tune"], "give --labels after tune, not before"),
    ],
)
def test_wrong_usage_is_said_and_exits_2(bench: Bench, arguments: list[str], said: str) -> None:
    finished = bench(*arguments)
    assert finished.status == 2
    assert said in finished.err


def test_without_labels_nothing_is_done(bench: Bench) -> None:
    finished = run("benchmark", "vcsl", "--maps", bench.folder)
    assert (finished.status, "Missing option '--labels'" in finished.err) == (2, True)


def test_missing_and_broken_files_are_listed_and_the_others_are_done(bench: Bench) -> None:
    features = write_features(bench.folder / "features")
    (features / "b.npy").unlink()
    (features / "s.npy").write_bytes(b"no array")
    finished = bench("--features", features)
    assert finished.status == 1
    assert finished.err.splitlines() == [
        "reprise: pairs that could not be done, and count as pairs with nothing predicted: 2 of 3",
        f"reprise:   {features}/b.npy: there is no such file",
        f"reprise:   {features}/s.npy: not a readable .npy file (ValueError)",
    ]
    assert bench.predictions == {**EXPECTED, "q-b": []}


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros(5, np.float32), "float32 [5] is not a similarity map"),
        (np.zeros((0, 5), np.float32), "float32 [0, 5] is not a similarity map"),
        (np.array([["a"]]), "<U1 [1, 1] is not a similarity map"),
        (np.full((40, 50), np.nan, np.float32), "it holds numbers that are not finite"),
        (np.array([[None]]), "not a readable .npy file"),
    ],
)
def test_a_map_that_is_none_is_named(bench: Bench, array: Any, said: str) -> None:
    maps = write_maps(bench.folder / "maps")
    np.save(maps / "q-a.npy", array)
    finished = bench("--maps", maps)
    assert finished.status == 1
    assert f"{maps}/q-a.npy: " in finished.err
    assert said in finished.err
    assert "Traceback" not in finished.err
    assert bench.predictions["q-b"] == LABELS["q-b"]


def test_features_of_two_dimensions_do_not_compare(bench: Bench) -> None:
    features = write_features(bench.folder / "features")
    np.save(features / "a.npy", np.ones((50, 7), np.float16))
    finished = bench("--features", features)
    assert "pair q-a: features of 175 and of 7 dimensions do not compare" in finished.err
    assert bench.predictions["q-b"] == EXPECTED["q-b"]


def test_only_the_first_few_are_shown_and_all_are_kept(bench: Bench) -> None:
    pairs = [f"q-r{i}" for i in range(9)]
    write_pairs(bench.pairs, pairs)
    maps = bench.folder / "maps"
    maps.mkdir()
    finished = bench("--maps", maps)
    shown = [line for line in finished.err.splitlines() if ".npy" in line]
    assert len(shown) == 5
    assert f"reprise:   and 4 more: all in {bench.work}/result.json" in finished.err
    kept = json.loads((bench.work / "result.json").read_text())["findings"]
    assert [len(finding["items"]) for finding in kept if finding["fault"]] == [9]


def test_lists_that_do_not_fit_are_told_of(bench: Bench) -> None:
    write_pairs(bench.pairs, ["q-a", "s-a", "s-b"])
    given = write_labels(bench.folder / "given.json", {"q-a": [[0, 0]], "s-a": [], "x-y": []})
    answer = bench.json("--predictions", given, "--split-meta", bench.split, status=1)
    told = {finding["what"]: (finding["items"], finding["fault"]) for finding in answer["findings"]}
    assert told == {
        "labelled pairs outside the list of pairs, which are not looked at: 1": (["q-b"], False),
        "pairs of query sets outside the list of pairs, without which the macro figures are: 1": (["q-b"], True),
        "pairs in no query set, without which the macro figures are: 1": (["s-b"], False),
        "pairs that could not be done, and count as pairs with nothing predicted: 2 of 3": (
            [
                "pair q-a: [0, 0] is not a box [q_start, r_start, q_end, r_end]",
                "pair s-b: the predictions do not have it",
            ],
            True,
        ),
        "predicted pairs outside the list of pairs, which are not looked at: 1": (["x-y"], False),
    }
    assert answer["macro"]["query_sets"] == 2


def test_without_a_pair_list_the_splits_pairs_are_taken_then_those_of_the_labels(bench: Bench) -> None:
    given = write_labels(bench.folder / "given.json", {**LABELS, "s-a": []})
    usual = ["benchmark", "vcsl", "--json", "--labels", bench.labels, "--predictions", given]
    (with_split,) = run(*usual, "--split-meta", bench.split).objects
    (with_labels,) = run(*usual).objects
    assert (with_split["pairs"], with_labels["pairs"]) == (3, 2)


def test_videos_of_other_lengths_than_the_list_says_are_told_of(bench: Bench) -> None:
    write_frames(bench.frames, {**FRAMES, "s": 99})
    finished = bench("--maps", write_maps(bench.folder / "maps"), "--frames", bench.frames)
    assert finished.status == 0
    assert "reprise:   video s: 25 frames, 99 in the list of frame counts" in finished.err


def test_a_broken_label_file_ends_the_run_in_one_line(bench: Bench) -> None:
    bench.labels.write_text("{")
    finished = bench("--maps", bench.folder)
    assert finished.status == 1
    assert finished.err.startswith(f"reprise: {bench.labels}: not JSON")


def test_videos_are_embedded_once_and_kept(bench: Bench) -> None:
    videos = bench.folder / "videos"
    videos.mkdir()
    footage(videos / "a.mp4", range(25), seed=1)
    footage(videos / "q.mkv", [*range(100, 105), *range(3, 18)], seed=1)
    (videos / "b.mp4").write_text("no video")
    finished = bench("--videos", videos)
    assert finished.status == 1
    assert f"{videos}/s.*: there is no such file" in finished.err
    assert f"{videos}/b.mp4: no video format recognised" in finished.err
    ((q0, r0, q1, r1),) = bench.predictions["q-a"]
    assert np.abs(np.subtract([q0, r0, q1, r1], [5, 3, 20, 18])).max() <= 1
    kept = bench.work / "features" / "a.npy"
    assert np.load(kept).shape == (25, 256)
    written = kept.stat().st_mtime_ns
    shutil.copy(videos / "a.mp4", videos / "s.avi")
    again = bench.json("--videos", videos, status=1)
    assert kept.stat().st_mtime_ns == written
    assert again["features"].startswith("embedded by reprise-")
    assert [len(finding["items"]) for finding in again["findings"]] == [1]  # b alone is left


def test_a_simulation_says_what_it_is_beside_every_figure(bench: Bench) -> None:
    finished = bench("--simulate", "--frames", bench.frames, "--split-meta", bench.split)
    lines = finished.out.splitlines()
    assert lines[0] == "VCSL: 3 pairs, 2 with a copy (simulation)"
    assert lines[2].startswith("Simulation: features are drawn, not measured.")
    figures = [line for line in lines if line.startswith(("overall", "macro"))]
    assert len(figures) == 2
    assert all(line.endswith("simulation") for line in figures)
    kept = json.loads((bench.work / "result.json").read_text())
    assert (kept["features"], kept["seed"]) == ("simulation", 0)
    assert kept["model"].startswith("Simulation: ")


def test_a_simulation_tells_which_segments_it_cuts_and_which_videos_have_no_frame_count(bench: Bench) -> None:
    write_labels(bench.labels, {"q-a": [[30, 10, 45, 25], [5, 20, 9, 12]], "s-a": [[0, 0, 5, 5]]})
    write_frames(bench.frames, {"q": 40, "a": 50, "b": 60})
    finished = bench("--simulate", "--frames", bench.frames)
    assert finished.status == 1
    assert finished.err.splitlines() == [
        "reprise: segments that reach beyond the frame counts, which the simulation cuts there: 1",
        "reprise:   pair q-a: [30, 10, 45, 25] of 40 and 50 frames",
        "reprise: segments without a whole second on both axes, which the simulation leaves out: 1",
        "reprise:   pair q-a: [5, 20, 9, 12]",
        "reprise: pairs that could not be done, and count as pairs with nothing predicted: 1 of 3",
        "reprise:   video s: no frame count",
    ]


def test_the_command_is_a_script_too(bench: Bench) -> None:
    given = write_labels(bench.folder / "given.json", {**LABELS, "s-a": []})
    script = [sys.executable, ROOT / "scripts" / "benchmark_vcsl.py"]
    finished = subprocess.run(
        [*script, "--json", "--labels", bench.labels, "--predictions", given],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
    )
    assert finished.returncode == 0
    assert json.loads(finished.stdout)["overall"]["recall"] == NEARLY_ONE


def test_features_of_other_videos_are_not_mixed_in(bench: Bench) -> None:
    for name in ("one", "two"):
        (bench.folder / name).mkdir()
    assert bench("--videos", bench.folder / "one").status == 1
    finished = bench("--videos", bench.folder / "two")
    assert finished.status == 2
    assert finished.err == (
        f"reprise: {bench.work}/features: it holds features of other videos; give another --work\n"
    )


def test_the_predictions_can_be_written_elsewhere(bench: Bench) -> None:
    out = bench.folder / "found.json"
    finished = bench("--maps", write_maps(bench.folder / "maps"), "--out", out)
    assert f"predictions: {out}; took" in finished.out
    assert json.loads(out.read_text()) == {**LABELS, "s-a": []}
    lost = bench("--maps", bench.folder / "maps", "--out", bench.folder / "no" / "such.json")
    assert (lost.status, "cannot be written" in lost.err) == (1, True)
