"""What straight lines are made of: the background that is taken off a map, lines, and the fit of a line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from maps import Map

from reprise.alignment.excess import OUTSIDE, Excess, excess_of_map, excess_of_matrices
from reprise.alignment.line import BESIDE_THE_MAP, Line, weights
from reprise.alignment.line_evidence import NAMES, evidence, odds
from reprise.alignment.line_fit import at_usual_speed, fit, joined, middle_value, prolonged
from reprise.alignment.line_seeds import find_seeds


def noise(height: int = 60, width: int = 80) -> Map:
    return np.random.default_rng(0).normal(0.1, 0.06, (height, width)).astype(np.float32)


def with_copy(query: int = 10, reference: int = 30, frames: int = 20) -> Map:
    cells = noise()
    cells[query + np.arange(frames), reference + np.arange(frames)] = 0.7
    return cells


def cells_of(excess: Excess) -> Map:
    """[query frames, reference frames], without the cell at the end of every row."""
    return excess.cells.reshape(excess.height, excess.width + 1)[:, :-1]


def line(first: int, last: int, offset: float, *, speed: float = 1.0) -> Line:
    return Line(first, last, speed, offset, level=0.6, weight=5.0)


# Excess


def test_the_excess_of_unrelated_cells_is_about_0_and_that_of_copied_ones_what_they_stand_out() -> None:
    excess = excess_of_map(with_copy(), 5)
    assert excess.level == pytest.approx(0.1, abs=0.02)
    assert excess.deviation == pytest.approx(0.06, abs=0.01)
    assert np.median(cells_of(excess)) == pytest.approx(0, abs=0.01)
    assert excess.at(np.arange(10, 30), np.arange(30, 50)).mean() == pytest.approx(0.6, abs=0.05)


def test_rows_and_columns_that_match_everything_are_told_as_bands_and_taken_off_in_part() -> None:
    cells = noise()
    cells[20:25] += 0.08
    cells[:, 40:46] += 0.5
    excess = excess_of_map(cells, 5)
    assert excess.row_bands[20:25] == pytest.approx([0.08] * 5, abs=0.03)
    assert np.abs(np.delete(excess.row_bands, range(20, 25))).max() < 0.05
    assert excess.column_bands[40:46] == pytest.approx([0.5] * 6, abs=0.05)
    left = cells_of(excess)
    assert np.median(left[20:25]) == pytest.approx(0, abs=0.03)
    assert np.median(left[:, 40:46]) == pytest.approx(0.4, abs=0.05)  # of a bright band, 0.1 is taken off


def test_in_a_map_that_is_bright_all_over_much_of_the_brightness_remains() -> None:
    excess = excess_of_map(np.full((30, 40), 0.8), 5)
    assert excess.level == pytest.approx(0.35)
    assert cells_of(excess) == pytest.approx(np.full((30, 40), 0.45))


def test_the_best_cells_of_every_row_are_those_that_are_alike_best_first() -> None:
    cells = np.zeros((6, 9), np.float32)
    cells[2, [1, 4, 7]] = 0.5, 0.9, 0.7
    cells[4, 3] = 0.6
    excess = excess_of_map(cells, 2)
    found = sorted(zip(excess.rows.tolist(), excess.columns.tolist(), strict=True))
    assert found == [(2, 4), (2, 7), (4, 3)]
    assert (excess.values == excess.at(excess.rows, excess.columns)).all()


def test_cells_beside_the_map_are_outside() -> None:
    excess = excess_of_map(noise(4, 5), 5)
    rows = np.zeros(4, np.int64)
    assert (excess.at(rows, np.array([-1, -1000, 5, 1000])) == OUTSIDE).all()
    assert (excess.at(rows, np.array([0, 1, 3, 4])) > OUTSIDE).all()


@pytest.mark.parametrize("fault", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 1), (693, 792), (699, 799)])
def test_a_cell_that_is_no_number_is_named(row: int, column: int, fault: float) -> None:
    cells = np.zeros((700, 800), np.float32)  # more than are worked on at a time
    cells[row, column] = fault
    with pytest.raises(ValueError, match=rf"query frame {row} and reference frame {column} is {fault}, not a finite"):
        excess_of_map(cells, 5)


def test_a_number_beyond_float32_is_refused() -> None:
    cells = np.zeros((4, 4))
    cells[3, 2] = 1e300
    with pytest.raises(ValueError, match="query frame 3 and reference frame 2 is inf, not a finite number"):
        excess_of_map(cells, 5)


@pytest.mark.parametrize("similarity", [np.zeros(5), np.zeros((2, 2, 2)), np.zeros((2, 2), complex), [["a"]]])
def test_what_is_no_map_of_real_numbers_is_refused(similarity: object) -> None:
    with pytest.raises(ValueError, match="a two-dimensional array of real numbers"):
        excess_of_map(similarity, 5)  # type: ignore[arg-type]


def test_a_map_without_cells_is_refused_in_matrices_too() -> None:
    with pytest.raises(ValueError, match="without cells"):
        excess_of_map(np.zeros((0, 5)), 5)
    with pytest.raises(ValueError, match="without cells"):
        excess_of_matrices(np.zeros((5, 8), np.float32), np.zeros((0, 8), np.float32), 5)


def test_a_matrix_with_nan_is_refused_with_its_first_frames() -> None:
    query, reference = np.ones((40, 8), np.float32), np.ones((30, 8), np.float32)
    reference[7, 3] = np.nan
    with pytest.raises(ValueError, match="query frame 0 and reference frame 7 is nan"):
        excess_of_matrices(query, reference, 5)


# Lines


def test_a_box_is_half_open_and_inside_the_map() -> None:
    assert line(10, 30, 20.0).box(80) == (10, 30.0, 30, 50.0)
    assert line(10, 30, 60.0, speed=-1.0).box(80) == (10, 30.0, 30, 50.0)
    assert line(0, 10, -2.0).box(5) == (0, 0.0, 10, 5.0)


def test_cells_above_half_the_level_speak_for_a_line_and_no_cell_by_much_against_it() -> None:
    gains = weights(np.array([0.6, 0.4, 0.2, -5.0, OUTSIDE], np.float32), 0.6, 0.1)
    assert gains == pytest.approx([0.3, 0.1, -0.1, -0.24, BESIDE_THE_MAP])
    assert weights(np.array([9.0], np.float32), 0.6, 0.1) == pytest.approx([1.3 * 0.6 + 0.05 - 0.3])


def test_a_seed_lies_on_the_copy_and_leads_to_its_line() -> None:
    excess = excess_of_map(with_copy(), 5)
    seeds = find_seeds(excess)
    assert (np.diff(seeds.strengths) <= 0).all()
    assert seeds.columns[0] - seeds.rows[0] == 20
    found = fit(excess, int(seeds.rows[0]), int(seeds.columns[0]), float(seeds.speeds[0]), float(seeds.values[0]))
    found = at_usual_speed(excess, found)
    assert (found.first, found.last, found.speed, found.offset) == (10, 30, 1.0, 20.0)


def test_a_map_of_noise_alone_has_few_seeds_and_a_blank_one_none() -> None:
    assert len(find_seeds(excess_of_map(np.zeros((30, 40)), 5))) == 0
    assert len(find_seeds(excess_of_map(noise(), 5))) < 10


def test_a_line_at_another_speed_stays_at_it() -> None:
    excess = excess_of_map(with_copy(), 5)
    slower = line(10, 30, 24.0, speed=0.8)
    assert at_usual_speed(excess, slower) == slower


def test_a_line_is_prolonged_over_a_gap_to_clear_cells() -> None:
    cells = with_copy()
    cells[22:28] = noise()[22:28]
    found = prolonged(excess_of_map(cells, 5), line(10, 22, 20.0))
    assert (found.first, found.last) == (10, 30)
    nothing_beyond = prolonged(excess_of_map(with_copy(frames=12), 5), line(10, 22, 20.0))
    assert (nothing_beyond.first, nothing_beyond.last) == (10, 22)


def test_two_lines_that_go_on_in_each_other_are_joined_and_others_are_not() -> None:
    cells = with_copy()
    cells[18:22] = noise()[18:22]
    excess = excess_of_map(cells, 5)
    one, other = line(10, 18, 20.0), line(22, 30, 20.0)
    (whole,) = joined(excess, [one, other])
    assert (whole.first, whole.last, whole.speed, whole.offset) == (10, 30, 1.0, 20.0)
    assert joined(excess, [one, line(22, 30, 26.0)]) == []  # elsewhere
    assert joined(excess, [line(10, 13, 20.0), line(17, 20, 20.0)]) == []  # the gap is longer than either
    assert joined(excess, [one, line(22, 30, 72.0, speed=-1.0)]) == []  # the other way round


def test_the_middle_value_of_an_even_number_is_the_upper_one() -> None:
    assert middle_value(np.array([4, 1, 3], np.float32)) == 3
    assert middle_value(np.array([4, 1, 3, 2], np.float32)) == 3


# Evidence


def test_the_line_of_a_copy_has_better_odds_than_one_beside_it() -> None:
    excess = excess_of_map(with_copy(), 5)

    def measured(offset: float) -> Line:
        told = line(10, 30, offset)
        cells = excess.at(told.rows(), told.columns(told.rows()))
        level = middle_value(cells)
        return replace(told, level=level, weight=float(weights(cells, level, excess.threshold).sum()))

    table = evidence(excess, [measured(20.0), measured(10.0)])
    assert table.shape == (2, len(NAMES))
    assert np.isfinite(table).all()
    copied, beside = odds(table)
    assert copied > 0.9
    assert beside < 0.1
