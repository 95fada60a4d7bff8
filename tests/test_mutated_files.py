"""Some mutated files, the same every time; `python benchmarks/fuzz.py --count 4000` tries thousands."""

from __future__ import annotations

import pytest

from fuzz import MUTATIONS, SOURCES, Tally, fuzz, make_sources, mutated


@pytest.fixture(scope="module")
def tally() -> Tally:
    return fuzz(200, seed=11)


def test_no_mutated_file_crashes_hangs_or_meets_an_unexpected_fault(tally: Tally) -> None:
    assert sum(tally.outcomes.values()) == 200
    assert tally.bad == []
    assert tally.slowest_s < 60, tally.slowest


def test_many_are_embedded_and_others_refused(tally: Tally) -> None:
    assert tally.outcomes["embedded"] > 50
    assert any("NotAVideoError" in outcome for outcome in tally.outcomes)


def test_neither_memory_nor_files_leak(tally: Tally) -> None:
    first, last = tally.resources[5], tally.resources[-1]  # until then libraries set up what they keep
    assert last[2] <= first[2]
    assert last[4] <= first[4]
    assert last[1] - first[1] < 50
    assert last[3] - first[3] < 100


def test_the_same_seed_gives_the_same_file_and_every_mutation_changes_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    sources = make_sources(tmp_path_factory.mktemp("sources"), list(SOURCES)[:3])
    files = [mutated(sources, 1, number) for number in range(120)]
    assert files == [mutated(sources, 1, number) for number in range(120)]
    wholes = {content for _, content in sources}
    assert {kind for _, kinds, _ in files for kind in kinds.split("+")} == set(MUTATIONS)
    assert sum(content in wholes for _, _, content in files) < 12
