"""Matrices of a library on a server, as each process on a machine keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_stores import video

from reprise.errors import LibraryInUseError
from reprise.pooling import is_pooled, pooled
from reprise.stores.lock import FolderLock
from reprise.stores.slots import free_slot, left_slots


def test_each_process_has_a_slot_of_its_own_and_the_first_that_is_free(tmp_path: Path) -> None:
    first = tmp_path / "matrices"
    one, two = free_slot(first), free_slot(first)
    assert (one.matrices.name, two.matrices.name) == ("matrices", "matrices-2")
    one.lock.release()
    again = free_slot(first)
    assert again.matrices == first
    for slot in (again, two):
        slot.lock.release()


def test_only_slots_that_nobody_has_are_looked_through_and_nobody_gets_them_meanwhile(tmp_path: Path) -> None:
    first = tmp_path / "matrices"
    for name in ("matrices", "matrices-2", "matrices-4"):
        (tmp_path / name).mkdir()
    own, held = free_slot(first), FolderLock(tmp_path, name="lock-2")
    with left_slots(first, own.matrices) as slots:
        assert [slot.matrices.name for slot in slots] == ["matrices-4"]
        with pytest.raises(LibraryInUseError):
            FolderLock(tmp_path, name="lock-4")
    for lock in (own.lock, held, FolderLock(tmp_path, name="lock-4")):
        lock.release()


def test_a_matrix_is_known_by_its_mean_from_one_in_which_a_single_frame_is_another() -> None:
    matrix = video(5000).matrix
    other = matrix.copy()
    other[2500] = video(1, seed=1).matrix[0]
    assert is_pooled(matrix, pooled(matrix))
    assert not is_pooled(other, pooled(matrix))
    assert not is_pooled(matrix[:0], pooled(matrix))
