"""Sound as a second witness, through the library and the commands."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from footage import footage
from milvus_servers import cleared
from sounds import silence, tune, with_sound

import reprise
from reprise.audio.library_sounds import audio_relations
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place
from reprise.stores.sounds import PART_CODES


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """refs/: a and b with sound, mute without; queries of every mix of pictures and sound."""
    folder = tmp_path_factory.mktemp("clips")
    bare, refs, queries = folder / "bare", folder / "refs", folder / "queries"
    for made in (bare, refs, queries):
        made.mkdir()
    for name, seconds, seed in (
        ("a", range(24), 1),
        ("b", range(24), 2),
        ("cut", range(6, 20), 1),
        ("own", range(14), 5),
    ):
        footage(bare / f"{name}.mp4", seconds, seed=seed)
    with_sound(refs / "a.mp4", bare / "a.mp4", tune(1, 0, 24))
    with_sound(refs / "b.mkv", bare / "b.mp4", tune(2, 0, 24), codec="libopus")
    footage(refs / "mute.mp4", range(10), seed=3)
    with_sound(queries / "both.mp4", bare / "cut.mp4", tune(1, 6, 20), bit_rate=32_000)
    with_sound(queries / "dubbed.mp4", bare / "cut.mp4", tune(8, 0, 14))
    with_sound(queries / "halfdubbed.mp4", bare / "cut.mp4", np.concatenate([tune(1, 6, 13), tune(8, 0, 7)]))
    with_sound(queries / "muted.mp4", bare / "cut.mp4", silence(14))
    with_sound(queries / "sound.mp4", bare / "own.mp4", tune(2, 8, 22))
    with_sound(queries / "mixed.mp4", bare / "cut.mp4", tune(2, 8, 22))
    with_sound(queries / "neither.mp4", bare / "own.mp4", tune(9, 0, 14))
    return folder


@pytest.fixture(scope="module")
def heard_library(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of refs/ with fingerprints of their sound."""
    place = tmp_path_factory.mktemp("place") / "library"
    assert run("ingest", "--audio", "--library", place, clips / "refs").status == 0
    return place


def answer(clips: Path, name: str, library: Path | str, *options: str) -> dict[str, object]:
    finished = run("query", clips / "queries" / name, "--library", library, "--json", *options)
    assert (finished.status, finished.err) == (0, "")
    (only,) = finished.objects
    return dict(only)


def said(result: dict[str, object]) -> tuple[list[tuple[str, str | None]], list[str]]:
    """([(reference of a match, what the sound says)], [references of audio matches])."""
    matches: list[dict[str, str]] = result["matches"]  # type: ignore[assignment]
    alone: list[dict[str, str]] = result["audio_matches"]  # type: ignore[assignment]
    return (
        [(Path(match["reference"]).name, match.get("audio")) for match in matches],
        [Path(match["reference"]).name for match in alone],
    )


@pytest.mark.parametrize(
    "name, expected",
    [
        ("both.mp4", ([("a.mp4", "same")], [])),
        ("dubbed.mp4", ([("a.mp4", "other")], [])),
        ("halfdubbed.mp4", ([("a.mp4", "partly")], [])),
        ("muted.mp4", ([("a.mp4", None)], [])),
        ("sound.mp4", ([], ["b.mkv"])),
        ("mixed.mp4", ([("a.mp4", "other")], ["b.mkv"])),
        ("neither.mp4", ([], [])),
    ],
)
def test_a_query_says_what_pictures_and_sound_have_in_common(
    name: str, expected: object, clips: Path, heard_library: Path
) -> None:
    assert said(answer(clips, name, heard_library)) == expected


def test_audio_matches_have_segments_like_picture_matches(clips: Path, heard_library: Path) -> None:
    result = answer(clips, "sound.mp4", heard_library)
    (match,) = result["audio_matches"]  # type: ignore[misc, attr-defined]
    (segment,) = match["segments"]
    assert segment["segment"] == pytest.approx([0, 8, 14, 22], abs=1)
    assert 0 < segment["score"] <= 1


def test_the_screen_tells_it_in_words(clips: Path, heard_library: Path) -> None:
    told = {
        name: run("query", clips / "queries" / f"{name}.mp4", "--library", heard_library).out
        for name in ("both", "sound", "mixed", "neither")
    }
    assert told["both"].split("\n")[1].split()[-1] == "audio"
    assert told["both"].rstrip().split()[-1] == "same"
    assert "no copied pictures found, but the same audio" in told["sound"]
    assert "same audio, other pictures" in told["sound"]
    assert "same audio, other pictures" in told["mixed"]
    assert "other\n" in told["mixed"]
    assert told["neither"].endswith("no copy found\n")


def test_without_fingerprints_nothing_is_said_of_sound(clips: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    assert run("ingest", "--library", library, clips / "refs" / "a.mp4").status == 0
    result = answer(clips, "both.mp4", library)
    assert "audio_matches" not in result
    assert "audio" not in result["matches"][0]  # type: ignore[index]
    assert "audio" not in run("list", "--library", library, "--json").objects[0]


def test_the_sound_is_left_alone_on_wish(clips: Path, heard_library: Path) -> None:
    assert "audio_matches" not in answer(clips, "both.mp4", heard_library, "--no-audio")


def test_list_and_info_tell_which_videos_have_a_fingerprint(heard_library: Path) -> None:
    listed = run("list", "--library", heard_library, "--json").objects
    audio = {Path(row["path"]).name: row["audio"] for row in listed}
    assert audio == {"a.mp4": "chromaprint", "b.mkv": "chromaprint", "mute.mp4": "none"}
    assert run("info", "--library", heard_library, "--json").objects[0]["audio"] == 2


def test_fingerprints_are_added_to_videos_that_are_there(clips: Path, place: str) -> None:
    run("ingest", "--library", place, clips / "refs")
    with reprise.open(place) as library:
        before = library.videos()
    first = run("ingest", "--audio", "--library", place, clips / "refs", "--json")
    again = run("ingest", "--audio", "--library", place, clips / "refs", "--json")
    assert [line["status"] for line in first.objects] == ["heard"] * 3
    assert [line["status"] for line in again.objects] == ["unchanged"] * 3
    with reprise.open(place) as library:
        after = library.videos()
        assert [row.ingested_at for row in after] == [row.ingested_at for row in before]
        assert library.verify() == []
        assert library.info().audio == 2
    assert said(answer(clips, "mixed.mp4", place)) == ([("a.mp4", "other")], ["b.mkv"])


def test_a_library_that_has_fingerprints_goes_on_making_them(clips: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    run("ingest", "--audio", "--library", library, clips / "refs" / "a.mp4")
    run("ingest", "--library", library, clips / "refs" / "b.mkv")
    run("ingest", "--no-audio", "--library", library, clips / "queries" / "both.mp4")
    with reprise.open(library) as shelf:
        assert [row.audio for row in shelf.videos()] == ["", "chromaprint", "chromaprint"]


def test_remove_and_replace_take_the_fingerprint_along(clips: Path, place: str, tmp_path: Path) -> None:
    changing = tmp_path / "changing.mp4"
    changing.write_bytes((clips / "refs" / "a.mp4").read_bytes())
    run("ingest", "--audio", "--library", place, changing, clips / "refs" / "b.mkv")
    changing.write_bytes((clips / "refs" / "mute.mp4").read_bytes())
    run("ingest", "--audio", "--library", place, changing)
    with reprise.open(place) as library:
        assert library.info().audio == 1
        assert library.find(changing).audio == "none"
        library.remove(clips / "refs" / "b.mkv")
        assert (library.info().audio, library.verify()) == (0, [])


def test_verify_tells_of_missing_damaged_and_stray_fingerprints(clips: Path, tmp_path: Path) -> None:
    place = tmp_path / "library"
    run("ingest", "--audio", "--library", place, clips / "refs")
    stores = LibraryStores(Place.of(place))
    ids = {Path(row.path).name: row.id for row in stores.videos.all()}
    stores.sounds.delete(ids["a.mp4"])
    stores.matrices.put(f"\x00audio/{ids['b.mkv']}", b"damaged")
    stores.sounds.put("nobody", np.ones(3, np.uint32))
    stores.close()
    told = run("verify", "--library", place)
    assert told.status == 1
    assert "a.mp4: the fingerprint of its sound is missing; `reprise ingest --audio` makes it again" in told.out
    assert "b.mkv: the fingerprint of the sound" in told.out and "damaged" in told.out
    assert "nobody: a fingerprint of sound belongs to no video" in told.out
    assert run("query", clips / "queries" / "both.mp4", "--library", place).status == 0
    again = run("ingest", "--audio", "--library", place, clips / "refs", "--json")
    assert sorted(line["status"] for line in again.objects) == ["heard", "heard", "unchanged"]
    assert "a.mp4" not in run("verify", "--library", place).out


def test_a_write_that_never_ended_leaves_no_fingerprint(clips: Path, place: str) -> None:
    run("ingest", "--library", place, clips / "refs" / "mute.mp4")
    stores = LibraryStores(Place.of(place))
    stores.matrices.mark_pending("half")
    stores.sounds.put("half", np.arange(1, PART_CODES + 10, dtype=np.uint32))
    assert stores.sounds.ids() == {"half"}
    stores.recover()
    assert (stores.sounds.ids(), stores.problems()) == (set(), [])
    stores.close()


@pytest.mark.server
def test_another_machine_gets_the_fingerprints_from_the_server(
    milvus_server: str, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / "matrices"))
    cleared(milvus_server, keep_collections=False)
    run("ingest", "--audio", "--library", milvus_server, clips / "refs")
    long = np.arange(1, 2 * PART_CODES + 5, dtype=np.uint32)
    stores = LibraryStores(Place.of(milvus_server))
    stores.sounds.put("long", long)
    stores.close()
    monkeypatch.setenv("REPRISE_MATRICES", str(tmp_path / "another machine"))
    stores = LibraryStores(Place.of(milvus_server))
    got = dict(stores.sounds.all())
    assert len(got) == 3
    assert np.array_equal(got["long"], long)
    stores.sounds.delete("long")
    stores.close()
    assert said(answer(clips, "mixed.mp4", milvus_server)) == ([("a.mp4", "other")], ["b.mkv"])


def test_relations_by_sound_alone_are_told_best_first(clips: Path, heard_library: Path) -> None:
    stores = LibraryStores(Place.of(heard_library))
    try:
        (relation,) = audio_relations(stores, str(clips / "queries" / "mixed.mp4"))
        assert Path(relation.reference).name == "b.mkv"
        assert audio_relations(stores, str(clips / "queries" / "muted.mp4")) == []
    finally:
        stores.close()


def test_an_ffmpeg_without_chromaprint_is_told_of_in_one_line(
    clips: Path, heard_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "ffmpeg"
    other.write_text("#!/bin/sh\necho ' E  matroska        Matroska'\n")
    other.chmod(0o755)
    monkeypatch.setitem(os.environ, "IMAGEIO_FFMPEG_EXE", str(other))
    refused = run("ingest", "--audio", "--library", tmp_path / "library", clips / "refs")
    assert (refused.status, refused.err.count("\n")) == (1, 1)
    assert f"{other}: this ffmpeg was built without Chromaprint" in refused.err
    assert not (tmp_path / "library").exists()
    asked = run("query", clips / "queries" / "both.mp4", "--library", heard_library, "--json")
    assert asked.status == 0
    assert asked.objects[0]["matches"][0]["reference"].endswith("a.mp4")
    assert "its sound was not compared" in json.dumps(asked.objects[0]["warning"])
