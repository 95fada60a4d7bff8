"""Several machines on one server's library: what each has of its own must not undo what others did."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_stores import opened, row, video

import reprise
from reprise.errors import StoreError
from reprise.stores import claims as claims_module
from reprise.stores.claims import Claims
from reprise.stores.library import LibraryStores
from reprise.stores.moving import move_videos
from reprise.stores.notes import NoteStore
from reprise.stores.sharing import in_turns
from reprise.tagging import tag_videos

A, B, C = "a" * 32, "b" * 32, "c" * 32
OnMachine = Callable[[str], LibraryStores]


@pytest.fixture
def on_machine(server_place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnMachine:
    """Opens the library as the machine of this name does: with matrices of its own."""

    def on(name: str) -> LibraryStores:
        monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / name))
        return opened(server_place)

    return on


def tags(stores: LibraryStores) -> dict[str, list[str]]:
    return {row.id: row.tags for row in stores.videos.all()}


@pytest.mark.server
def test_what_one_machine_tagged_is_not_brought_back_over_what_another_did_since(on_machine: OnMachine) -> None:
    with closing(on_machine("one")) as one:
        for video_id in (A, B):
            one.add(row(video_id, path=video_id), video())
        one.flush()
        tag_videos(one, list(one.videos.all()), ["first"])
        assert one.matrices.marks() == {}
    with closing(on_machine("two")) as two:
        tag_videos(two, [two.videos.get([A])[A]], ["second"], ["first"])
        two.remove(B)
    with closing(on_machine("one")) as one:
        assert tags(one) == {A: ["news", 'a "quoted" tag', "second"]}
        assert one.frames.counts() == {A: 5}


@pytest.mark.server
def test_what_a_killed_process_had_written_is_not_brought_back_over_what_another_machine_did_since(
    on_machine: OnMachine,
) -> None:
    with closing(on_machine("one")) as one:
        for video_id in (A, B, C):
            one.add(row(video_id, path=video_id), video())
        # Killed here: nothing was flushed, and the marks stay.
    with closing(on_machine("two")) as two:
        two.remove(A)
        two.add(replace(row(B, frames=7, path=B), content_hash="1" * 64), video(7, seed=3))
        tag_videos(two, [two.videos.get([C])[C]], ["second"])
        two.flush()
    with closing(on_machine("one")) as one:
        assert one.matrices.marks() == {}
        assert one.frames.counts() == {B: 7, C: 5}
        assert tags(one)[C][-1] == "second"
        held = one.matrix_of(one.videos.get([B])[B])
        assert held is not None and np.array_equal(held, video(7, seed=3).matrix)


@pytest.mark.server
def test_a_change_of_a_row_that_a_killed_process_had_only_begun_is_as_the_server_has_it(
    on_machine: OnMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(on_machine("one")) as one:
        one.add(row(A), video())
        one.flush()

        def fail(*_: Any) -> None:
            raise StoreError("killed")

        with monkeypatch.context() as patch:
            patch.setattr(one._milvus, "upsert", fail)
            with pytest.raises(StoreError, match="killed"):
                one.videos.update(A, tags=["never"])
        assert len(one.matrices.marks()) == 1
    with closing(on_machine("one")) as one:
        assert one.matrices.marks() == {}
        assert one.problems() == []
        assert tags(one) == {A: ["news", 'a "quoted" tag']}


@pytest.mark.server
def test_an_outdated_matrix_is_neither_exported_nor_moved(
    on_machine: OnMachine, server_place: str, tmp_path: Path
) -> None:
    with closing(on_machine("one")) as one:
        one.add(row(A), video())
        one.flush()
    with closing(on_machine("two")) as two:
        newer = row(A, path="b.mp4")
        two.add(replace(newer, content_hash="1" * 64), video(seed=9))
        two.flush()
    one = on_machine("one")
    one.close()
    with reprise.open(server_place) as library:
        library.export(library.videos(), tmp_path / "out", layout="vcsl")
    exported = np.load(next((tmp_path / "out").glob("*.npy")))
    assert np.allclose(exported, video(seed=9).matrix, atol=1e-3)
    with closing(on_machine("one")) as one:
        here = one.videos.get([A])[A]
        moved = move_videos(one, [(here, replace(here, id=B))])
        assert [row.id for row in moved] == [B]
        assert one.frames.counts() == {B: 5}
        matrix = one.frames.matrix(B)
        assert matrix is not None and np.array_equal(matrix, video(seed=9).matrix)
        assert one.problems() == []


# Claims


@pytest.mark.server
def test_claims_that_could_not_be_given_back_hold_up_nobody_of_the_same_process(
    server_place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(opened(server_place)) as stores:
        claims = Claims(stores.notes)
        assert claims.take([A]) == {A}

        def away(*_: Any) -> None:
            raise StoreError("away")

        with monkeypatch.context() as patch:
            patch.setattr(NoteStore, "delete", away)
            claims.close()
        with closing(Claims(stores.notes)) as later:
            assert later.take([A]) == {A}
        assert stores.notes.all("claim") == []


@pytest.mark.server
def test_a_wish_whose_answer_never_came_is_withdrawn(server_place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(opened(server_place)) as stores:
        claims = Claims(stores.notes)

        def away(*_: Any) -> None:
            raise StoreError("away")

        with monkeypatch.context() as patch:
            patch.setattr(claims_module, "read_claims", away)
            with pytest.raises(StoreError, match="away"):
                claims.take([A])
        assert len(stores.notes.all("claim")) == 1
        claims.close()
        assert stores.notes.all("claim") == []


@pytest.mark.server
def test_videos_come_in_groups_and_those_of_others_when_they_are_free(server_place: str) -> None:
    with closing(opened(server_place)) as stores, closing(Claims(stores.notes)) as other:
        assert stores.claims is not None
        other.take([B])
        turns = in_turns(stores.claims, [A, B, C])
        assert next(turns) == [A, C]
        assert set(other.others()) == {A, C}
        other.release([B])
        assert list(turns) == [[B]]
        assert stores.claims.others() == other.others() == {}


def test_a_library_in_a_folder_has_one_turn() -> None:
    assert list(in_turns(None, [A, B, A])) == [[A, B]]


def test_tagging_leaves_nothing_to_look_after(tmp_path: Path) -> None:
    with closing(opened(str(tmp_path / "library"))) as stores:
        stores.add(row(A), video())
        stores.flush()
        tag_videos(stores, list(stores.videos.all()), ["new"])
        assert stores.matrices.marks() == {}
