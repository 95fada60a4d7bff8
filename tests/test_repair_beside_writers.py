"""A repair of a library on a Milvus server while other processes write to it: what they do is let be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from test_repair import A, B, C, filled, lettered
from test_stores import opened, row, video

from reprise.stores.frames import FrameRows
from reprise.stores.library import LibraryStores
from reprise.stores.repairing import RepairReport, repair
from reprise.stores.verifying import look_at

NEW = "0" * 32
REPLACED = replace(row(B, frames=9, path="b.mp4"), content_hash="1" * 64, ingested_at="2026-02-02T00:00:00+00:00")


def add(other: LibraryStores) -> None:
    # Before the others in the order of the ids: on a page that was read.
    other.add(*lettered("0", 3))  # type: ignore[arg-type]


def replace_b(other: LibraryStores) -> None:
    other.add(REPLACED, video(9, seed=9))


def remove(other: LibraryStores) -> None:
    other.remove(C)


def between_rows_and_frames(
    stores: LibraryStores, write: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lets `write` happen when all rows were read and no frames yet."""
    by_video = stores.frames.by_video

    def late() -> Iterator[FrameRows]:
        write()
        yield from by_video()

    monkeypatch.setattr(stores.frames, "by_video", late)


@pytest.mark.server
@pytest.mark.parametrize(
    ("write", "frames"),
    [
        (add, {NEW: 8, A: 5, B: 6, C: 7}),
        (replace_b, {A: 5, B: 9, C: 7}),
        (remove, {A: 5, B: 6}),
    ],
)
def test_what_another_process_writes_between_finding_and_mending_stays(
    write: Callable[[LibraryStores], None],
    frames: dict[str, int],
    server_place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filled(server_place)
    with closing(opened(server_place)) as stores, closing(opened(server_place)) as other:
        between_rows_and_frames(stores, lambda: write(other), monkeypatch)
        assert repair(stores) == RepairReport()
        assert {one.id: one.frame_count for one in stores.videos.all()} == frames
        assert stores.frames.counts() == frames
        assert not any(look_at(other, video_id).problems for video_id in frames)


@pytest.mark.server
def test_a_video_that_is_being_written_is_neither_waited_for_nor_mended(
    server_place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(server_place)
    half, go_on = threading.Semaphore(0), threading.Semaphore(0)
    with closing(opened(server_place)) as stores, closing(opened(server_place)) as other:
        put = other.videos.put

        def slowly(*args: object) -> None:
            half.release()
            go_on.acquire(timeout=60)
            put(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(other.videos, "put", slowly)
        stores.frames.delete(A)  # what is nobody's doing is mended
        writer = threading.Thread(target=lambda: (replace_b(other), add(other)))
        writer.start()
        try:
            for mended in (["a.mp4: mended from LevelDB"], []):
                assert half.acquire(timeout=60)
                assert repair(stores) == RepairReport(mended)
                go_on.release()
        finally:
            go_on.release(2)
            writer.join()
        assert stores.frames.counts() == {NEW: 8, A: 5, B: 9, C: 7}
        assert {one.id: one.frame_count for one in stores.videos.all()} == {NEW: 8, A: 5, B: 9, C: 7}
