"""The segment benchmark: its figures, its tables, its cache and a whole run."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from footage import footage

import query_cache
import segments
from query_cache import cache_key, embedded_query
from reprise.settings import EmbedSettings
from segment_figures import (
    COMBINED,
    PLAIN,
    EndErrors,
    Figures,
    FoundSegment,
    at_least,
    candidate_recall,
    curve,
    end_errors,
    false_alarms,
    figures_by_edit,
    figures_by_kind,
    is_in_half,
    matched,
    overall_figures,
)
from segment_report import Report, as_json, curve_csv, tables

TRUTH = {"q1-r1": [[0.0, 0.0, 10.0, 10.0]], "q1-r2": [[10.0, 5.0, 20.0, 15.0]], "q2-r1": [[3.0, 0.0, 9.0, 6.0]]}


def found_segment(*box: float, score: float = 0.9) -> FoundSegment:
    q_start, r_start, q_end, r_end = box
    return FoundSegment((q_start, r_start, q_end, r_end), score)


def case(qid: str, kind: str = "positive", *references: str, **further: Any) -> dict[str, Any]:
    held = [{"ref": reference, "transforms": []} for reference in references]
    return {"qid": qid, "kind": kind, "segments": held, **further}


def edited(reference: str, *edits: tuple[str, str]) -> dict[str, Any]:
    return {"ref": reference, "transforms": [{"name": name, "strength": strength} for name, strength in edits]}


CASES = [
    case("q1", "positive", "r1", "r2"),
    case("q2", "natural", "r1"),
    case("q3", "negative"),
    case("q4", "hard_negative"),
    case("q5", "hard_negative", ambiguous=True),
]


def test_segments_below_the_threshold_count_for_nothing_and_take_their_pair_along() -> None:
    found = {
        "q1-r1": [found_segment(0, 0, 5, 5, score=0.4), found_segment(5, 5, 9, 9, score=0.6)],
        "q3-r1": [found_segment(0, 0, 5, 5, score=0.4)],
    }
    assert at_least(found, 0.0) == {"q1-r1": [[0, 0, 5, 5], [5, 5, 9, 9]], "q3-r1": [[0, 0, 5, 5]]}
    assert at_least(found, 0.6) == {"q1-r1": [[5, 5, 9, 9]]}


def test_figures_tell_found_halves_misses_and_false_pairs() -> None:
    predicted = {"q1-r1": [[0.0, 0.0, 5.0, 5.0]], "q3-r9": [[0.0, 0.0, 5.0, 5.0]]}
    overall = overall_figures(predicted, TRUTH)
    assert (overall.recall, overall.precision) == pytest.approx((0.25 / 3, 0.5), abs=1e-5)
    assert (overall.pairs, overall.found) == (4, 2)
    assert figures_by_kind(predicted, TRUTH, CASES) == {
        "natural": Figures(0.0, None, None, 1, 0),
        "positive": Figures(
            pytest.approx(0.125, abs=1e-5), pytest.approx(1.0, abs=1e-5), pytest.approx(2 / 9, abs=1e-5), 2, 1
        ),
    }


def test_figures_are_told_by_edit_by_strength_and_by_both() -> None:
    cases = [
        {"qid": "q1", "kind": "positive", "segments": [edited("r1", ("crop", "light")), edited("r2")]},
        {"qid": "q2", "kind": "positive", "segments": [edited("r1", ("crop", "hard"), ("blur", "light"))]},
    ]
    by_edit = figures_by_edit({"q1-r1": [[0.0, 0.0, 10.0, 10.0]]}, TRUTH, cases)
    pairs = {key: (one.pairs, one.found) for key, one in by_edit.items()}
    assert pairs == {
        ("", "hard"): (1, 0),
        ("", "light"): (2, 1),
        ("blur", ""): (1, 0),
        ("blur", "light"): (1, 0),
        ("crop", ""): (2, 1),
        ("crop", "hard"): (1, 0),
        ("crop", "light"): (1, 1),
        (COMBINED, ""): (1, 0),
        (PLAIN, ""): (1, 0),
    }
    assert by_edit["crop", ""].recall == pytest.approx(0.5, abs=1e-5)


def test_false_alarms_are_queries_not_pairs_and_ambiguous_ones_stand_apart() -> None:
    predicted = {"q3-r1": [[0, 0, 5, 5]], "q3-r2": [[0, 0, 5, 5]], "q5-r1": [[0, 0, 5, 5]], "q1-r9": [[0, 0, 5, 5]]}
    assert false_alarms(predicted, CASES) == {"ambiguous": (1, 1), "hard_negative": (0, 1), "negative": (1, 1)}


def test_a_prediction_is_of_the_true_segment_that_it_overlaps_most_on_both_axes() -> None:
    truth = [[0.0, 0.0, 10.0, 10.0], [10.0, 0.0, 20.0, 10.0]]
    near, nearer, elsewhere = [1.0, 1.0, 10.0, 10.0], [0.0, 0.0, 9.5, 9.5], [10.0, 9.0, 20.0, 19.0]
    assert matched([near, nearer, elsewhere], truth) == [(nearer, truth[0])]
    assert matched([], truth) == matched(truth, []) == []


def test_ends_are_off_by_absolute_seconds_each_by_itself() -> None:
    truth = {"q-r": [[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]]}
    errors = end_errors({"q-r": [[0.2, 0.0, 9.6, 10.0], [19.6, 20.0, 30.0, 31.0]]}, truth)
    assert errors["query start"] == EndErrors(2, *(pytest.approx(value) for value in (0.3, 0.38, 0.5, 1.0)))
    assert errors["reference start"] == EndErrors(2, 0.0, 0.0, 1.0, 1.0)
    assert errors["reference end"].within_near == 0.5
    assert errors["all"].segments == 8
    assert end_errors({}, truth)["all"] == EndErrors(0, None, None, None, None)


def test_candidate_recall_counts_labelled_pairs_down_to_each_depth() -> None:
    candidates = {"q1": ["r2", "r9", "r1"], "q2": ["r9"]}
    assert candidate_recall(candidates, TRUTH, (1, 2, 3)) == pytest.approx({1: 1 / 3, 2: 1 / 3, 3: 2 / 3})
    assert candidate_recall(candidates, {}, (1,)) == {}


def test_the_curve_trades_recall_for_false_alarms() -> None:
    found = {
        "q1-r1": [found_segment(0, 0, 10, 10, score=0.7)],
        "q2-r1": [found_segment(3, 0, 9, 6, score=0.5)],
        "q3-r1": [found_segment(0, 0, 5, 5, score=0.6)],
    }
    points = curve(found, TRUTH, CASES, (0.5, 0.65, 0.8))
    assert [point.figures.recall for point in points] == pytest.approx([2 / 3, 1 / 3, 0], abs=1e-5)
    assert [point.figures.precision for point in points] == [
        pytest.approx(2 / 3, abs=1e-5),
        pytest.approx(1, abs=1e-5),
        None,
    ]
    assert [point.alarmed["negative"] for point in points] == [(1, 1), (0, 1), (0, 1)]


def test_the_halves_share_the_queries_out_for_good() -> None:
    # The CRC-32 of "123456789" is 0xCBF43926 (its check value), that of "a" 0xE8B7BE43.
    assert [is_in_half("123456789", half) for half in ("even", "odd", "both")] == [True, False, True]
    assert [is_in_half("a", half) for half in ("even", "odd", "both")] == [False, True, True]


def report() -> Report:
    found = {"q1-r1": [found_segment(0.5, 0, 10, 10)], "q5-r1": [found_segment(0, 0, 5, 5, score=0.3)]}
    predicted = at_least(found, 0.5)
    return Report(
        min_score=0.5,
        labelled=len(TRUTH),
        overall=overall_figures(predicted, TRUTH),
        by_kind=figures_by_kind(predicted, TRUTH, CASES),
        by_edit=figures_by_edit(predicted, TRUTH, [{**CASES[0], "segments": [edited("r1", ("crop", "hard"))]}]),
        false_alarms=false_alarms(predicted, CASES),
        end_errors=end_errors(predicted, TRUTH),
        candidate_recall=candidate_recall({"q1": ["r1"], "q2": []}, TRUTH, (1, 5)),
        curve=curve(found, TRUTH, CASES, (0.0, 0.5)),
    )


def test_the_tables_show_every_figure() -> None:
    lines = tables(report()).splitlines()
    assert lines[0] == "pairs scored: 3, labelled: 3, predicted: 1; scores from 0.5"
    assert "overall                    0.317      1.000   0.481       3       1" in lines
    assert "kind natural               0.000          -       -       1       0" in lines
    assert "hard                       0.950      1.000   0.974       1       1" in lines
    assert [line.split() for line in lines if line.startswith("crop")] == [
        ["crop", "0.950", "1.000", "0.974", "1", "1", "-", "-", "0.950", "-"]
    ]
    assert "ambiguous                      0 of 1" in lines
    assert "query start                0.500   0.500     0.000     1.000       1" in lines
    assert "true references among the first candidates: 0.333 at 1   0.333 at 5" in lines
    assert "0              0.317      0.500   0.388         1 of 1         0 of 1         0 of 1" in lines


def test_the_figures_as_json_and_csv_are_those_of_the_tables() -> None:
    own = json.loads(json.dumps(as_json(report())))
    assert sorted(own["by_edit"]) == ["any hard", "crop", "crop hard"]
    assert own["false_alarms"] == {"ambiguous": [0, 1], "hard_negative": [0, 1], "negative": [0, 1]}
    assert own["end_errors"]["query start"]["median_s"] == 0.5
    head, lowest, _ = curve_csv(report().curve).splitlines()
    assert head == (
        "min_score,recall,precision,f_score,ambiguous_alarms,ambiguous_of,"
        "hard_negative_alarms,hard_negative_of,negative_alarms,negative_of"
    )
    assert lowest.split(",")[0] == "0.0"
    assert lowest.split(",")[4:] == ["1", "1", "0", "1", "0", "1"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two references of 12 s, a query with 8 s of the first after 4 s of other footage, and one of other footage."""
    folder = tmp_path_factory.mktemp("bench")
    for name in ("refs", "queries"):
        (folder / name).mkdir()
    footage(folder / "refs" / "r1.mp4", range(12), seed=1)
    footage(folder / "refs" / "r2.mp4", range(12), seed=2)
    footage(folder / "queries" / "q1.mp4", [*range(100, 104), *range(2, 10)], seed=1)
    footage(folder / "queries" / "q2.mp4", range(8), seed=3)
    (folder / "labels.json").write_text(json.dumps({"q1-r1": [[4.0, 2.0, 12.0, 10.0]]}))
    cases = [case("q1", "positive", "r1"), case("q2", "negative")]
    (folder / "cases.jsonl").write_text("\n".join(json.dumps(one) for one in cases) + "\n")
    return folder


def test_a_kept_query_is_the_embedded_one_until_the_file_the_rate_or_the_code_changes(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = tmp_path / "clip.mp4"
    shutil.copy(bench / "queries" / "q1.mp4", clip)
    settings = EmbedSettings(device="cpu")
    fresh = embedded_query(clip, settings, None)
    written, kept = (embedded_query(clip, settings, tmp_path / "cache") for _ in range(2))
    for one in (written, kept):
        assert np.array_equal(one.views, fresh.views)
        assert np.array_equal(one.frame_of, fresh.frame_of)
        assert (one.path, one.duration_s, one.warning) == (str(clip), 12.0, "")
    assert [file.stem for file in (tmp_path / "cache").iterdir()] == [cache_key(clip, settings)]
    keys = {cache_key(clip, settings), cache_key(clip, EmbedSettings(fps=2, device="cpu"))}
    shutil.copy(bench / "queries" / "q2.mp4", clip)
    keys.add(cache_key(clip, settings))
    monkeypatch.setattr(query_cache, "source_version", lambda: "another")
    keys.add(cache_key(clip, settings))
    assert len(keys) == 4


def test_a_whole_run_finds_the_copy_and_writes_every_figure(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = [f"--{name}={tmp_path / name}" for name in ("cache", "json", "csv", "predictions")]
    monkeypatch.setattr(sys, "argv", ["segments.py", str(bench), *outputs])
    segments.main()
    # The copy begins at a sampled frame, of which a search knows only that it came less than a second before.
    assert json.loads((tmp_path / "predictions").read_text()) == {"q1-r1": [[3.5, 1.5, 12.0, 10.0]]}
    # Precision 8 of 8.5 s in the query times 8 of 8.5 s in the reference.
    row = "overall                    1.000      0.886   0.939       1       1"
    assert row in capsys.readouterr().out
    figures = json.loads((tmp_path / "json").read_text())
    assert figures["candidate_recall"] == {"1": 1.0, "5": 1.0, "20": 1.0}
    assert figures["false_alarms"] == {"negative": [0, 1]}
    assert len((tmp_path / "csv").read_text().splitlines()) == 1 + len(segments.THRESHOLDS)
