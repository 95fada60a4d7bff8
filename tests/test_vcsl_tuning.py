"""`reprise benchmark vcsl tune` and `published`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Finished, run
from vcsl_files import write_labels, write_maps, write_pairs, write_split

from reprise.alignment.aligners import ALIGNERS, aligner
from reprise.errors import SettingsError
from reprise.vcsl.published import PUBLISHED
from reprise.vcsl.tuning import DEFAULT_GRIDS, combinations


class Files:
    """The small benchmark's files, of which the val split has the pairs with a copy."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / "tune"
        self.labels = write_labels(folder / "labels.json")
        self.pairs = write_pairs(folder / "pairs.csv")
        self.split = write_split(folder / "split.json", {"val": {"one": ["q-a", "q-b"]}, "test": {"two": ["s-a"]}})
        self.maps = write_maps(folder / "maps")

    def tune(self, *more: str | Path) -> Finished:
        usual = ["--labels", self.labels, "--maps", self.maps, "--work", self.work, "--workers", "1"]
        return run("benchmark", "vcsl", "tune", *usual, *more)

    def run(self, *more: str | Path) -> Finished:
        usual = ["--labels", self.labels, "--maps", self.maps, "--pairs", self.pairs, "--workers", "1"]
        return run("benchmark", "vcsl", *usual, *more)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


GRID = ("--aligner", "vcsl-tn", "--grid", "min_length=18,25,5", "--grid", "top_k=1,2")


def test_every_combination_is_ranked_by_f_best_first(files: Files) -> None:
    (answer,) = files.tune("--json", "--split-meta", files.split, *GRID).objects
    table = [(row["parameters"], row["overall"]["f_score"]) for row in answer["combinations"]]
    assert answer["pairs"] == 2  # the val split's
    # Copies of 20 s and of 15 s: 5 lets both through, 18 one of them, 25 none, for which there is no F.
    assert [parameters["min_length"] for parameters, _ in table] == [5, 5, 18, 18, 25, 25]
    assert [parameters["top_k"] for parameters, _ in table] == [1, 2] * 3
    assert table[0][1] > table[2][1] > 0
    assert table[4][1] is None


def test_the_table_for_people_has_the_same_order(files: Files) -> None:
    finished = files.tune("--split-meta", files.split, *GRID)
    rows = [line for line in finished.out.splitlines() if line.startswith("min_length")]
    assert finished.out.startswith("VCSL: 6 combinations for vcsl-tn over 2 pairs, 2 with a copy\n")
    assert [row.split(",")[0] for row in rows] == [f"min_length {length}" for length in (5, 5, 18, 18, 25, 25)]


def test_the_best_parameters_are_what_the_run_takes(files: Files) -> None:
    assert files.tune("--split-meta", files.split, "--set", "max_path=4", *GRID).status == 0
    best = json.loads((files.work / "best.json").read_text())
    assert best["parameters"] == {"max_path": 4, "min_length": 5, "top_k": 1}
    more = ["--parameters", files.work / "best.json", "--set", "top_k=3", "--work", files.folder / "work"]
    (answer,) = files.run("--json", *more).objects
    assert (answer["aligner"], answer["parameters"]) == ("vcsl-tn", {"max_path": 4, "min_length": 5, "top_k": 3})


def test_parameters_of_another_aligner_are_refused(files: Files) -> None:
    best = files.folder / "best.json"
    best.write_text(json.dumps({"aligner": "vcsl-tn", "parameters": {}}))
    finished = files.run("--parameters", best, "--aligner", "temporal-network")
    assert (finished.status, finished.err) == (
        2,
        f"reprise: {best}: parameters of vcsl-tn, not of temporal-network\n",
    )
    best.write_text("[]")
    assert files.run("--parameters", best).err == f"reprise: {best}: not a JSON object\n"
    best.write_text("{}")
    assert "not a file of parameters as `tune` writes it" in files.run("--parameters", best).err


def test_tuning_goes_on_where_it_was_and_refuses_another_grid(files: Files) -> None:
    assert files.tune(*GRID).status == 0
    done = (files.work / "done.jsonl").read_bytes()
    assert files.tune(*GRID).status == 0
    assert (files.work / "done.jsonl").read_bytes() == done
    other = files.tune("--aligner", "vcsl-tn", "--grid", "top_k=1,2")
    assert other.status == 2
    assert "it holds a run with other settings (parameters: " in other.err


def test_missing_maps_are_told_of_in_tuning_too(files: Files) -> None:
    (files.maps / "q-a.npy").unlink()
    finished = files.tune(*GRID)
    assert finished.status == 1
    assert f"{files.maps}/q-a.npy: there is no such file" in finished.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--grid", "top_k"], "'top_k' is not name=value"),
        (["--grid", "nothing=1,2"], "aligner straight-lines has no parameter 'nothing'"),
        (["--aligner", "temporal-network", "--grid", "top_k=1,0"], "aligner temporal-network does not take top_k=0"),
        (
            ["--aligner", "temporal-network", "--grid", "top_k=1", "--set", "top_k=2"],
            "top_k is both set and in the grid",
        ),
    ],
)
def test_a_grid_that_cannot_be_run_is_wrong_usage(files: Files, arguments: list[str], said: str) -> None:
    finished = files.tune(*arguments)
    assert finished.status == 2
    assert said in finished.err
    assert not (files.work / "done.jsonl").exists()


@pytest.mark.parametrize("name", sorted(set(DEFAULT_GRIDS) & set(ALIGNERS)))
def test_every_combination_of_a_default_grid_is_one_that_its_aligner_takes(name: str) -> None:
    settings = combinations(name, {}, {})
    assert len(settings) > 1
    for parameters in settings:
        aligner(name, **parameters)


def test_a_parameter_that_is_set_leaves_the_default_grid() -> None:
    settings = combinations("vcsl-tn", {}, {"top_k": 7})
    assert {parameters["top_k"] for parameters in settings} == {7}
    assert len(settings) == 6


def test_an_aligner_without_a_default_grid_needs_one() -> None:
    with pytest.raises(SettingsError, match="aligner other has no default grid: give --grid"):
        combinations("other", {}, {})


def test_the_published_figures_are_harmonic_means_of_their_parts() -> None:
    for row in PUBLISHED:
        harmonic = 2 * row.precision * row.recall / (row.precision + row.recall)
        assert row.f_score == pytest.approx(harmonic, abs=0.1)


def test_published_figures_are_shown_with_ours_beside(files: Files) -> None:
    assert files.run("--work", files.folder / "work").status == 0
    result = files.folder / "work" / "result.json"
    lines = run("benchmark", "vcsl", "published", result).out.splitlines()
    assert [line.split()[0] for line in lines[2:9]] == ["TransVCL", "TN", "SPD", "TN", "DP", "HV", "DTW"]
    assert lines[9].split() == ["ours:", "straight-lines", "3", "given", "maps", "100.00", "100.00", "100.00"]
    (answer,) = run("benchmark", "vcsl", "published", "--json", result).objects
    assert (len(answer["published"]), answer["ours"][0]["features"]) == (7, "given maps")


def test_a_file_that_is_no_result_is_named(files: Files) -> None:
    finished = run("benchmark", "vcsl", "published", files.labels)
    assert (finished.status, finished.err) == (1, f"reprise: {files.labels}: not the result of a run\n")
