"""Simulated similarity maps: what is planted is what is told, and what is told lies in the map."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from reprise.errors import SettingsError
from reprise.simulation.cases import KINDS, Case, cases, make_case
from reprise.simulation.plans import NEGATIVES
from reprise.simulation.statistics import VCSL, CopyStatistics, statistics_of_labels
from reprise.vcsl.annotation import read_labels

EACH = 8
LABELS = (
    Path(os.environ.get("REPRISE_VCSL") or Path(__file__).parent.parent / ".." / "shared" / "vcsl")
    / "label_file_test.json.gz"
)
ALL = {kind: [make_case(kind, 5, number) for number in range(EACH)] for kind in KINDS}


def planted(kind: str) -> str:
    return kind.partition("_")[2]


def on_the_lines(case: Case) -> list[np.ndarray]:
    """For each true segment the cells that it goes through, one a query frame."""
    found = []
    for (start, across, end, last), backwards in zip(case.truth, case.backwards, strict=True):
        rows = np.arange(int(start), int(end))
        run = (rows - start + 0.5) * (last - across) / (end - start)
        columns = np.clip(last - run if backwards else across + run, 0, case.map.shape[1] - 1)
        found.append(case.map[rows, columns.astype(int)])
    return found


def test_a_seed_gives_the_same_cases_every_time_and_another_gives_others() -> None:
    first, again, other = (list(cases(seed, 1)) for seed in (3, 3, 4))
    assert [case.id for case in first] == [f"{kind}_3_0" for kind in KINDS]
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one.map, two.map)
        assert one.truth == two.truth
    assert not any(np.array_equal(one.map, two.map) for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_maps_hold_similarities_and_the_truth_lies_inside_them(kind: str) -> None:
    for case in ALL[kind]:
        assert (case.map.dtype, case.map.ndim) == (np.float32, 2)
        assert np.abs(case.map).max() <= 1
        assert len(case.truth) == len(case.speeds) == len(case.backwards)
        for (start, across, end, last), speed in zip(case.truth, case.speeds, strict=True):
            assert 0 <= start < end <= case.map.shape[0]
            assert 0 <= across < last <= case.map.shape[1]
            assert end - start >= 3
            assert last - across >= 3
            assert speed == pytest.approx((last - across) / (end - start))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if planted(kind) not in NEGATIVES])
def test_copies_are_brighter_than_the_map_around_them(kind: str) -> None:
    for case in ALL[kind]:
        assert case.truth
        for cells in on_the_lines(case):
            assert np.median(cells) > np.median(case.map) + 0.12


@pytest.mark.parametrize("kind", [kind for kind in KINDS if planted(kind) in NEGATIVES])
def test_negatives_hold_no_copy(kind: str) -> None:
    assert all(case.truth == () for case in ALL[kind])


@pytest.mark.parametrize("family", ["noise", "vectors"])
def test_kinds_hold_what_their_names_say(family: str) -> None:
    def of(kind: str) -> list[Case]:
        return ALL[f"{family}_{kind}"]

    assert all(len(case.truth) == 1 and case.speeds == (1.0,) for case in of("single"))
    assert any(abs(case.speeds[0] - 1) > 0.3 for case in of("speed"))
    assert any(len(case.truth) >= 2 for case in of("multi"))
    assert all(all(case.backwards) for case in of("reversed"))
    assert not any(any(case.backwards) for kind in KINDS if planted(kind) != "reversed" for case in ALL[kind])
    assert all(3 <= end - start <= 5 for case in of("short") for start, _, end, _ in case.truth)
    # A loop: the same stretch of one video several times in the other.
    assert all(len({(box[1], box[3]) for box in case.truth}) == 1 for case in of("loop"))
    assert all(len({(box[0], box[2]) for box in case.truth}) == 1 for case in of("loop_reference"))
    assert any(len(case.truth) > 1 for case in of("loop"))
    assert any(len(case.truth) > 1 for case in of("loop_reference"))
    # Gaps: some of a copy's frames are as dark as the map.
    dark = [cells < np.median(case.map) + 0.12 for case in of("gap") for cells in on_the_lines(case)]
    assert np.mean([cells.any() for cells in dark]) > 0.7


def test_kinds_of_frame_vectors_hold_what_their_names_say() -> None:
    assert all(min(case.map.shape) < 40 and max(case.map.shape) >= 250 for case in ALL["vectors_nonsquare"])
    for kind in ("short_reference", "still", "short_hard_negative"):
        assert all(case.map.shape[1] < 40 for case in ALL[f"vectors_{kind}"])
    # Credits: the same frames in both videos, a bright block without a line.
    assert all((case.map > 0.95).sum() >= 9 for case in ALL["vectors_credits_negative"])
    still, usual = (
        np.median([(case.map > 0.5).mean() for case in ALL[f"vectors_{kind}"]]) for kind in ("still", "single")
    )
    assert still > usual


def test_look_alikes_are_brighter_than_plain_negatives() -> None:
    for family in ("noise", "vectors"):
        hard, plain = (
            np.median([np.quantile(case.map, 0.99) for case in ALL[f"{family}_{kind}"]])
            for kind in ("hard_negative", "negative")
        )
        assert hard > plain


def test_another_kind_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"one of noise_single, .* not 'circle'"):
        make_case("circle", 0, 0)


def test_lengths_speeds_and_counts_are_those_of_the_labels() -> None:
    labels = {
        "a-b": [[0, 10, 20, 40], [50, 60, 70, 90]],  # 20 s at 1.5
        "c-d": [[5, 5, 25, 35], [30, 0, 50, 30], [60, 40, 61, 41]],  # the last is too short to count
    }
    statistics = statistics_of_labels(labels)
    rng = np.random.default_rng(0)
    assert {statistics.length(rng) for _ in range(20)} == {20.0}
    assert {statistics.speed(rng) for _ in range(20)} == {1.5}
    assert {statistics.count(rng) for _ in range(200)} == {2, 3}
    with pytest.raises(SettingsError, match="no pair with two segments"):
        statistics_of_labels({"a-b": [[0, 0, 9, 9]]})


def test_cases_take_their_lengths_from_the_statistics_they_are_given() -> None:
    twelve = CopyStatistics(lengths=(12.0, 12.0), speeds=(1.0, 1.0), counts=(2.0, 2.0))
    found = [make_case("noise_single", 1, number, twelve).truth[0] for number in range(5)]
    assert [end - start for start, _, end, _ in found] == [12] * 5


def test_the_built_in_statistics_are_quantiles() -> None:
    for quantiles in (VCSL.lengths, VCSL.speeds, VCSL.counts):
        assert list(quantiles) == sorted(quantiles)
        assert len(quantiles) == 41
    assert (VCSL.lengths[10], VCSL.lengths[20], VCSL.lengths[30]) == (10, 19, 57)


@pytest.mark.skipif(not LABELS.is_file(), reason="VCSL's labels are not there; REPRISE_VCSL says where")
def test_the_built_in_statistics_are_those_of_vcsls_labels() -> None:
    measured = statistics_of_labels(read_labels(LABELS))
    assert measured.counts == VCSL.counts
    # The built-in ones are rounded.
    assert measured.lengths == pytest.approx(VCSL.lengths, rel=0.02)
    assert measured.speeds == pytest.approx(VCSL.speeds, rel=0.01)
