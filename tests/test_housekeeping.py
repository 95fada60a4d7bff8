"""Keeping a library in order: choosing videos, tags, removal, and files that were changed, moved or are gone."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from footage import footage

import reprise
from reprise.errors import MissingVideoError, StoreError
from reprise.filters import VideoFilter
from reprise.ingest import Outcome
from reprise.library import Library
from reprise.stores.library import LibraryStores
from reprise.stores.moving import move_videos
from reprise.stores.place import Place
from reprise.stores.videos import VideoRow


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.mp4 (4 s), b.mp4 (5 s) and c.mp4 (6 s), each its own."""
    folder = tmp_path_factory.mktemp("clips")
    for number, name in enumerate("abc"):
        footage(folder / f"{name}.mp4", range(4 + number), seed=number)
    return folder


@pytest.fixture
def shelf(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own with a.mp4, in/b.mp4 and in/deep/c.mp4; the working directory is beside it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shelf"
    (folder / "in" / "deep").mkdir(parents=True)
    for name, place in (("a", folder), ("b", folder / "in"), ("c", folder / "in" / "deep")):
        shutil.copy(clips / f"{name}.mp4", place)
    return folder


def by_path(library: Library) -> dict[str, VideoRow]:
    return {row.path: row for row in library.videos()}


# Which videos


def test_videos_are_chosen_by_path_folder_pattern_and_filter(place: str, shelf: Path) -> None:
    with reprise.open(place) as library:
        odd = shelf / 'it\'s "odd" \\ %.mp4'
        shutil.copy(shelf / "a.mp4", odd)
        library.ingest([shelf / "a.mp4", "shelf/in", odd], tags=["all"])
        relative = ["shelf/in/b.mp4", "shelf/in/deep/c.mp4"]

        def chosen(*paths: str | Path, where: tuple[str, ...] = ()) -> list[str]:
            selection = library.select(paths, VideoFilter.parse(where))
            assert selection.failures == []
            return [row.path for row in selection.videos if '"' not in row.path]

        assert chosen() == [str(shelf / "a.mp4"), *relative]
        assert chosen("shelf/in") == chosen(shelf / "in") == chosen(f"{shelf}/in/") == relative
        assert chosen("shelf/in/deep", shelf / "a.mp4") == [str(shelf / "a.mp4"), relative[1]]
        assert chosen(where=("duration>=5",)) == relative
        assert chosen("shelf/in", where=("video=*c.mp4", "video=a.mp4")) == [relative[1]]
        assert chosen(where=("tag=all", "frames<5")) == [str(shelf / "a.mp4")]
        assert chosen(where=("tag=none",)) == []
        assert library.find(str(odd)).path == str(odd)
        assert [row.path for row in library.select([str(odd)]).videos] == [str(odd)]
        assert [row.path for row in library.select(where=VideoFilter(videos=(odd.name,))).videos] == [str(odd)]
        shutil.rmtree(shelf / "in")
        assert chosen("shelf/in") == relative
        selection = library.select(["nowhere", "shelf/in/b.mp4"])
        assert ([row.path for row in selection.videos], [f.path for f in selection.failures]) == (
            relative[:1],
            ["nowhere"],
        )
        with pytest.raises(MissingVideoError, match=r"nothing\.mp4: not in the library"):
            library.select(where=VideoFilter(videos=("nothing.mp4",)))
        for path in library.videos():
            library.remove(path.path)


# list, tag and remove on the screen


@pytest.mark.usefixtures("shelf")
def test_list_chooses_sorts_and_limits() -> None:
    assert run("ingest", "--library", "library", "shelf").status == 0

    def listed(*arguments: str) -> list[str]:
        return [Path(one["path"]).name for one in run("list", "--library", "library", "--json", *arguments).objects]

    assert listed() == ["a.mp4", "b.mp4", "c.mp4"]
    assert listed("--sort", "duration", "--reverse") == ["c.mp4", "b.mp4", "a.mp4"]
    assert listed("--sort", "frames", "--reverse", "--limit", "2") == ["c.mp4", "b.mp4"]
    assert listed("--where", "duration<6", "--where", "video=shelf/in/*") == ["b.mp4"]
    told = run("list", "--library", "library", "--sort", "height", "--limit", "1").out.splitlines()
    assert told[0].split()[-1] == "height"
    assert told[2].endswith("160 x 120")
    assert told[3] == "3 videos, 0:15, the first 1 are listed"
    assert run("list", "--library", "library", "--where", "tag=no").out == "0 videos, 0:00\n"
    wrong = run("list", "--library", "library", "--where", "length>5")
    assert (wrong.status, wrong.out, wrong.err.count("\n")) == (2, "", 1)


@pytest.mark.usefixtures("shelf")
def test_tags_are_added_and_taken_off() -> None:
    run("ingest", "--library", "library", "--tag", "old", "shelf")
    finished = run("tag", "--library", "library", "shelf/in", "nowhere", "--add", "new", "--remove", "old")
    assert finished.status == 1
    assert finished.err == "reprise: nowhere: not in the library library; `reprise list` shows what is\n"
    assert finished.out.splitlines() == [
        "shelf/in/b.mp4: new",
        "shelf/in/deep/c.mp4: new",
        "library: the tags of 2 videos changed",
    ]
    again = run("tag", "--library", "library", "--where", "tag=new", "--add", "new", "--json")
    assert again.objects == [
        {"path": "shelf/in/b.mp4", "tags": ["new"]},
        {"path": "shelf/in/deep/c.mp4", "tags": ["new"]},
    ]
    last = run("tag", "--library", "library", "shelf/a.mp4", "--remove", "old")
    assert last.out == "shelf/a.mp4: no tag\nlibrary: the tags of 1 video changed\n"
    assert run("tag", "--library", "library", "shelf/a.mp4").status == 2
    assert run("tag", "--library", "library", "--add", "x").status == 2
    assert run("tag", "--library", "library", "shelf", "--add", "x", "--remove", "x").status == 2
    assert run("tag", "--library", "library", "shelf", "--add", " ").status == 2


def test_ingesting_again_with_a_tag_adds_it(place: str, shelf: Path) -> None:
    with reprise.open(place) as library:
        library.ingest(shelf / "a.mp4", tags=["one"])
        assert library.ingest(shelf / "a.mp4", tags=["two", "one"]).unchanged == [str(shelf / "a.mp4")]
        assert library.find(shelf / "a.mp4").tags == ["one", "two"]
        os.utime(shelf / "a.mp4")
        assert library.ingest(shelf / "a.mp4", tags=["three"]).unchanged == [str(shelf / "a.mp4")]
        assert library.find(shelf / "a.mp4").tags == ["one", "two", "three"]
        footage(shelf / "a.mp4", range(3), seed=9)
        assert library.ingest(shelf / "a.mp4").replaced == [str(shelf / "a.mp4")]
        assert library.find(shelf / "a.mp4").tags == ["one", "two", "three"]
        library.remove(shelf / "a.mp4")


def test_remove_takes_folders_tags_and_filters_and_tells_what_it_removed(shelf: Path) -> None:
    run("ingest", "--library", "library", "shelf/a.mp4", "--tag", "x")
    run("ingest", "--library", "library", "shelf/in", "--tag", "y")
    dry = run("remove", "--library", "library", "--dry-run", "--where", "duration>5")
    assert dry.out == "would remove shelf/in/deep/c.mp4 (6 frames)\nlibrary: 1 video would be removed (0:06)\n"
    assert run("remove", "--library", "library").status == 2
    shutil.rmtree(shelf / "in")
    gone = run("remove", "--library", "library", "shelf/in", "nowhere")
    assert (gone.status, gone.err.count("\n")) == (1, 1)
    assert gone.out.splitlines() == [
        "removed shelf/in/b.mp4 (5 frames)",
        "removed shelf/in/deep/c.mp4 (6 frames)",
        "library: 2 videos removed (0:11)",
    ]
    assert run("remove", "--library", "library", "--tag", "x", "--json").objects == [
        {"path": "shelf/a.mp4", "status": "removed"}
    ]
    assert run("verify", "--library", "library").status == 0


# What a library holds


def test_info_tells_what_a_library_holds_and_takes(place: str, shelf: Path) -> None:
    with reprise.open(place) as library:
        library.ingest([shelf / "a.mp4", shelf / "in"], tags=["x"])
        library.tag(library.select([shelf / "in"]).videos, ["y"])
        held = library.holdings()
        library.opened()[0].notes.put("failed", "broken.mp4", {"reason": "it is"})
        assert library.holdings().notes == (("failed", 1),)
    assert (held.duration_s, held.tags, held.truncated, held.notes) == (15.0, (("x", 3), ("y", 2)), 0, ())
    # 15 vectors of 256 numbers of four bytes, and then some.
    assert 15 * 1024 < held.matrices_bytes < 5_000_000
    told = run("info", "--library", place)
    [as_json] = run("info", "--library", place, "--json").objects
    assert (as_json["videos"], as_json["duration"], as_json["tags"]) == (3, 15.0, {"x": 3, "y": 2})
    assert "notes          failed (1)\n" in told.out
    assert "tags           x (3 videos), y (2 videos)\n" in told.out
    if "://" in place:
        assert (held.milvus_bytes, held.bytes_per_hour, as_json["bytes_per_hour"]) == (None, None, None)
        assert "frame vectors  on the server, which does not tell\n" in told.out
    else:
        assert held.milvus_bytes is not None
        assert held.bytes_per_hour == (held.milvus_bytes + held.matrices_bytes) * 240
        assert "an hour of video\n" in told.out
    with reprise.open(place) as library:
        library.remove_videos(library.videos())


# Files that were moved, changed or are gone


def test_ingest_finds_a_moved_video_by_its_content_and_keeps_what_is_known_of_it(
    place: str, shelf: Path, clips: Path
) -> None:
    with reprise.open(place) as library:
        library.ingest([shelf], tags=["kept"])
        before = by_path(library)[str(shelf / "a.mp4")]
        (shelf / "a.mp4").rename(shelf / "in" / "renamed.mp4")
        told: list[Outcome] = []
        report = library.ingest(["shelf"], tags=["more"], progress=lambda outcome, *_: told.append(outcome))
        assert (report.moved, report.added, len(report.unchanged)) == (["shelf/in/renamed.mp4"], [], 2)
        assert Outcome("shelf/in/renamed.mp4", "moved", was=str(shelf / "a.mp4")) in told
        after = library.find(shelf / "in" / "renamed.mp4")
        assert after.id != before.id
        assert (after.path, after.tags, after.ingested_at) == (
            "shelf/in/renamed.mp4",
            ["kept", "more"],
            before.ingested_at,
        )
        assert (library.info().videos, library.info().frames, library.verify()) == (3, 15, [])
        assert [match.reference for match in library.query(clips / "a.mp4")] == ["shelf/in/renamed.mp4"]
        assert library.ingest(["shelf"]).moved == []
        library.remove_videos(library.videos())


def test_a_copy_of_a_video_that_is_still_there_is_a_video_of_its_own(shelf: Path) -> None:
    with reprise.open("library") as library:
        library.ingest(["shelf/a.mp4"])
        shutil.copy(shelf / "a.mp4", shelf / "copy.mp4")
        report = library.ingest(["shelf/copy.mp4"])
        assert (report.added, report.moved) == (["shelf/copy.mp4"], [])


def test_of_two_videos_with_one_content_each_is_moved_once(shelf: Path) -> None:
    shutil.copy(shelf / "a.mp4", shelf / "in" / "a2.mp4")
    with reprise.open("library") as library:
        library.ingest(["shelf"])
        shelf.rename("elsewhere")
        assert len(library.ingest(["elsewhere"]).moved) == 4
        assert [row.path for row in library.videos()] == [
            "elsewhere/a.mp4",
            "elsewhere/in/a2.mp4",
            "elsewhere/in/b.mp4",
            "elsewhere/in/deep/c.mp4",
        ]
        assert library.verify() == []


def test_names_that_are_no_unicode_are_ingested_again_when_they_are_moved(shelf: Path) -> None:
    odd = os.fsencode(shelf) + b"/\xff.mp4"
    (shelf / "a.mp4").rename(Path(os.fsdecode(odd)))
    with reprise.open("library") as library:
        library.ingest([os.fsdecode(odd)])
        assert library.find(os.fsdecode(odd)).real_path == ""
        Path(os.fsdecode(odd)).rename(shelf / "a.mp4")
        assert library.ingest(["shelf/a.mp4"]).added == ["shelf/a.mp4"]


def test_update_follows_files_and_adds_nothing(shelf: Path, clips: Path) -> None:
    assert run("ingest", "--library", "library", "shelf").status == 0
    assert run("update", "--library", "library").out == "library: 3 unchanged\n"
    (shelf / "a.mp4").rename(shelf / "in" / "a2.mp4")
    footage(shelf / "in" / "b.mp4", range(8), seed=7)
    (shelf / "in" / "deep" / "c.mp4").unlink()
    footage(shelf / "new.mp4", range(3), seed=8)
    finished = run("update", "--library", "library")
    assert (finished.status, finished.err) == (0, "")
    assert finished.out.splitlines() == [
        "moved shelf/a.mp4 -> shelf/in/a2.mp4",
        "gone shelf/in/deep/c.mp4 (kept; its file is found nowhere)",
        "changed shelf/in/b.mp4 (8 frames)",
        "library: 1 changed, 1 moved, 1 gone; 1 new file not added, `reprise ingest` does that",
    ]
    assert run("verify", "--library", "library").status == 0
    shutil.copy(clips / "c.mp4", "found.mp4")
    told = run("update", "--library", "library", "found.mp4", "nowhere.mp4", "--json")
    assert told.status == 1
    assert told.err == (
        "reprise: nowhere.mp4: not in the library library; `reprise list` shows what is, and there is no such file\n"
    )
    assert told.objects[1] == {"path": "found.mp4", "status": "moved", "was": "shelf/in/deep/c.mp4"}
    Path("found.mp4").unlink()
    pruned = run("update", "--library", "library", "--prune")
    assert pruned.out.splitlines()[0] == "removed found.mp4 (its file is found nowhere)"
    assert pruned.out.endswith("library: 2 unchanged, 1 removed; 1 new file not added, `reprise ingest` does that\n")


class _Failing:
    """Lets the writes of the stores pass until the one numbered `fatal`; that and all after it fail."""

    def __init__(self, fatal: int) -> None:
        self.fatal, self.count = fatal, 0

    def __call__(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def write(*arguments: Any, **named: Any) -> Any:
            self.count += 1
            if self.count >= self.fatal:
                raise StoreError("no more writes")
            return real(*arguments, **named)

        return write


WRITES_OF_MATRICES = ("put", "delete", "mark_pending", "clear_pending", "mark_moving", "clear_moving")
WRITES_OF_MILVUS = ("insert", "upsert", "delete", "flush")


def test_a_move_that_ends_at_any_write_leaves_the_video_there_once(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reprise.open("library") as library:
        library.ingest([shelf / "a.mp4", shelf / "in" / "b.mp4"])
        other, moving = library.videos()[1], library.videos()[0]
    for fatal in itertools.count(1):
        stores = LibraryStores(Place.of("library"))
        failing = _Failing(fatal)
        target = replace(moving, id=f"{fatal:032x}", path=f"moved{fatal}.mp4")
        with monkeypatch.context() as patched:
            for store, names in ((stores.matrices, WRITES_OF_MATRICES), (stores.frames._milvus, WRITES_OF_MILVUS)):
                for name in names:
                    patched.setattr(store, name, failing(getattr(store, name)))
            try:
                move_videos(stores, [(moving, target)])
                is_over = True
            except StoreError:
                is_over = False
        stores.close()
        with reprise.open("library") as library:
            assert library.verify() == []  # which recovers first
            assert library.info().frames == 9
            (moving,) = [row for row in library.videos() if row != other]
            assert (moving.path == target.path) if is_over else moving.frame_count == 4
        if is_over:
            break
    assert fatal > 12
