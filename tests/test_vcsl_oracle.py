"""Against VCSL's own annotation and the results of its own code, where they lie beside the repository."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from command_line import run

from reprise.evaluation import PairScore, score_pair, union_length
from reprise.vcsl.annotation import read_frame_counts, read_labels, read_pairs

VCSL = Path(os.environ.get("REPRISE_VCSL") or Path(__file__).parent.parent / ".." / "shared" / "vcsl")
pytestmark = pytest.mark.skipif(not VCSL.is_dir(), reason="VCSL's annotation is not there; REPRISE_VCSL says where")


@pytest.fixture(scope="module")
def cases() -> Any:
    return json.loads((VCSL / "metric_cases.json").read_text())


def test_every_pair_scores_as_the_references_code_scores_it(cases: Any) -> None:
    assert cases["pairs"]
    for case in cases["pairs"]:
        expected = PairScore(case["precision"], case["recall"])
        found = score_pair(case["pred"], case["true"])
        # The reference rounds lengths to float32.
        assert (found.precision, found.recall) == pytest.approx((expected.precision, expected.recall), abs=1e-6)
        assert (found.precision == 1.0, found.recall == 1.0) == (expected.precision == 1.0, expected.recall == 1.0)


def test_every_union_is_as_long_as_the_references(cases: Any) -> None:
    assert cases["seg_len"]
    for case in cases["seg_len"]:
        assert union_length(map(tuple, case["segments"])) == pytest.approx(case["union"], rel=1e-6)


def test_the_benchmarks_own_files_are_read_whole() -> None:
    labels = read_labels(VCSL / "label_file_test.json.gz")
    pairs = read_pairs(VCSL / "pair_file_test.csv.gz")
    assert (len(labels), sum(map(len, labels.values()))) == (27_765, 39_185)
    assert len(pairs) == 55_530
    assert len(read_frame_counts(VCSL / "frames_all.csv.gz")) == 9207
    assert labels.keys() <= {pair.id for pair in pairs}


def test_the_protocol_runs_over_a_sample_of_the_test_split(tmp_path: Path) -> None:
    files = ["--labels", VCSL / "label_file_test.json.gz", "--pairs", VCSL / "pair_file_test.csv.gz"]
    files += ["--frames", VCSL / "frames_all.csv.gz", "--simulate", "--sample", "120", "--work", tmp_path / "work"]
    finished = run("benchmark", "vcsl", "--json", *files)
    (answer,) = finished.objects
    assert (finished.status, answer["pairs"], answer["positives"]) == (0, 120, 60)
    assert 0.5 < answer["overall"]["f_score"] < 0.95
