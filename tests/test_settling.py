"""What a server shows again of what was removed, and what sets it right."""

from __future__ import annotations

from contextlib import closing

import pytest
from test_stores import opened, row, video

from reprise.stores import copies
from reprise.stores.library import LibraryStores

VIDEO = "a" * 32


def show_again(stores: LibraryStores, start: int, end: int) -> None:
    """Frames of a longer version of the video, as a server was seen to show them when it had loaded all anew."""
    matrix = video(end, seed=7).matrix
    stores.frames._milvus.insert(
        "frames",
        [
            {"id": f"{VIDEO}-{i:08d}", "video_id": VIDEO, "frame_index": i, "time_s": 0.0, "embedding": matrix[i]}
            for i in range(start, end)
        ],
    )


@pytest.mark.server
def test_after_a_process_died_the_next_one_looks_through_all_videos(server_place: str) -> None:
    other = "b" * 32
    with closing(opened(server_place)) as stores:
        stores.add(row(VIDEO), video())
        stores.add(row(other, path="b.mp4"), video())
        stores.flush()
        show_again(stores, 5, 9)
        assert stores.frames.counts() == {VIDEO: 9, other: 5}
    with closing(opened(server_place)) as stores:
        assert stores.frames.count(VIDEO) == 9  # nobody died: opening looks at nothing
        stores.matrices.mark_pending(other)
    with closing(opened(server_place)) as stores:
        assert stores.frames.counts() == {VIDEO: 5, other: 5}
        assert stores.problems() == []


@pytest.mark.server
def test_frames_that_are_there_twice_are_written_anew(server_place: str) -> None:
    with closing(opened(server_place)) as stores:
        stores.add(row(VIDEO), video())
        show_again(stores, 0, 5)
        assert stores.frames.count(VIDEO) == 10
        stores.flush()
        assert stores.frames.count(VIDEO) == 5
        assert stores.problems() == []


@pytest.mark.server
def test_what_a_killed_process_had_written_whole_is_counted_together_and_the_rest_is_finished(
    server_place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"{number:032x}" for number in range(20)]
    with closing(opened(server_place)) as stores:
        assert stores.claims is not None
        stores.claims.take(ids)
        for video_id in ids:
            stores.add(row(video_id, path=video_id), video(), is_there=False)
        # As if the process had been killed here, before it had written a row, and had lost some frames of another.
        stores.videos.delete(ids[3])
        stores.matrices.mark_pending(ids[3], copies.TO_FINISH)
        stores.frames.delete(ids[7], start=2, known=5)
        stores.claims.release(ids)
        asked: list[tuple[str, ...]] = []
        count = stores.frames.count
        monkeypatch.setattr(stores.frames, "count", lambda *of: asked.append(of) or count(*of))
        assert stores.recover() == []
        # Of the 19 with rows the half with the one, and its half, and so on; then the one by itself.
        assert len(asked) < 15
        assert stores.matrices.marks() == {}
        assert count() == 5 * len(ids)
        assert sorted(stores.videos.get(ids)) == ids
        assert stores.problems() == []
