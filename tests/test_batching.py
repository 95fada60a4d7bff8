"""Many videos, one network: batches hold frames of several videos, each video comes out once, whole, or is named.

What a GPU's network is fed by; tried here on the CPU device.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import children, descendants, wait_until
from footage import footage, looped
from numpy.typing import NDArray

from reprise.batching import embed_in_batches, wants_batches
from reprise.descriptor import shared_descriptor
from reprise.embedding import Attempt, EmbeddedVideo, embed_video
from reprise.embedding_process import BatchingEmbedder
from reprise.errors import InputError, ProcessLostError
from reprise.ingest import Outcome, ingest_into, readable
from reprise.scanning import content_hash
from reprise.settings import EmbedSettings
from reprise.stores.frames import LibraryFacts
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place
from reprise.workers import Job

SETTINGS = EmbedSettings(device="cpu", threads=1, together=True)
LENGTHS_S = (3, 5, 2, 7, 4, 3)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Six short clips, and one that is none."""
    folder = tmp_path_factory.mktemp("clips")
    paths = [
        str(footage(folder / f"{index}.mp4", range(length_s), seed=index)) for index, length_s in enumerate(LENGTHS_S)
    ]
    broken = folder / "broken.mp4"
    broken.write_bytes(Path(paths[3]).read_bytes()[:2000])
    return [*paths[:3], str(broken), *paths[3:]]


def jobs(paths: Sequence[str]) -> list[Job]:
    return [Job(path) for path in paths]


def test_every_video_comes_out_once_as_it_does_alone_and_a_broken_one_is_named(clips: list[str]) -> None:
    found = list(embed_in_batches(jobs(clips), SETTINGS, 3))
    assert sorted(index for index, _ in found) == list(range(len(clips)))
    for index, result in found:
        if "broken" in clips[index]:
            assert isinstance(result, InputError)
            assert str(result).startswith(clips[index])
            continue
        alone = embed_video(clips[index], replace(SETTINGS, together=None))
        assert isinstance(result, EmbeddedVideo)
        assert alone is not None
        np.testing.assert_array_equal(result.times_s, alone.times_s)
        np.testing.assert_allclose(result.matrix, alone.matrix, atol=1e-5)
        assert replace(result, times_s=alone.times_s, matrix=alone.matrix) == alone


def test_batches_hold_frames_of_several_videos(clips: list[str]) -> None:
    """The network is asked as many frames at once as it wants, however short the videos are."""
    embed = shared_descriptor("cpu", 1)
    sizes: list[int] = []
    answers: dict[int, Attempt] = {}

    def counted(frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        sizes.append(len(frames))
        return embed(frames)

    several = [path for path in clips if "broken" not in path]
    embedder = BatchingEmbedder(lambda frame: frame, counted, 8, SETTINGS, answers.__setitem__)
    # All are decoded, by turns, before the network begins: it has then the choice.
    decoding = threading.Thread(
        target=lambda: [embedder.decode(index, path, None) for index, path in enumerate(several[:3])], daemon=True
    )
    decoding.start()
    decoding.join(timeout=60)
    threading.Thread(target=embedder.embed_forever, daemon=True).start()
    wait_until(lambda: len(answers) == 3)
    assert sizes == [8, 2]  # 3 + 5 + 2 frames
    assert [len(answers[index].matrix) for index in range(3)] == [3, 5, 2]  # type: ignore[union-attr]


def test_decoders_wait_for_the_network(clips: list[str], tmp_path: Path) -> None:
    """Of a long video only so many frames are decoded ahead as the queue holds."""
    long_clip = looped(tmp_path / "long.mp4", Path(clips[0]), 30)
    network = shared_descriptor("cpu", 1)
    embedded, ahead = 0, [0]
    answers: dict[int, Attempt] = {}

    def prepare(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        ahead.append(len(ahead) - embedded)
        return frame

    def embed(frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        nonlocal embedded
        vectors = network(frames)
        embedded += len(frames)
        return vectors

    embedder = BatchingEmbedder(prepare, embed, 4, SETTINGS, answers.__setitem__)
    threading.Thread(target=embedder.decode, args=(0, str(long_clip), None), daemon=True).start()
    wait_until(lambda: len(ahead) > 9)  # eight in the queue, one at its door
    threading.Thread(target=embedder.embed_forever, daemon=True).start()
    wait_until(lambda: bool(answers))
    assert isinstance(answers[0], EmbeddedVideo)
    assert len(answers[0].matrix) == len(ahead) - 1 >= 89
    assert max(ahead) <= 8 + 1 + 4  # and a batch in the network


def test_a_network_that_fails_costs_the_videos_of_the_batch(clips: list[str]) -> None:
    embed = shared_descriptor("cpu", 1)
    answers: dict[int, Attempt] = {}
    fails = iter([True])

    def failing(frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        if next(fails, False):
            raise RuntimeError("out of memory")
        return embed(frames)

    embedder = BatchingEmbedder(lambda frame: frame, failing, 4, SETTINGS, answers.__setitem__)
    threading.Thread(target=embedder.embed_forever, daemon=True).start()
    embedder.decode(0, clips[0], None)
    wait_until(lambda: 0 in answers)
    embedder.decode(1, clips[1], None)
    wait_until(lambda: 1 in answers)
    assert str(answers[0]) == f"{clips[0]}: unexpected fault (RuntimeError: out of memory)"
    assert isinstance(answers[1], EmbeddedVideo)


def test_a_process_that_dies_costs_no_video_that_did_not_kill_it(clips: list[str]) -> None:
    several = [path for path in clips if "broken" not in path]
    found: dict[int, Attempt] = {}
    before = set(children(os.getpid()))
    with closing(embed_in_batches(jobs(several), SETTINGS, 2)) as results:
        index, result = next(results)
        found[index] = result
        (embedding,) = [pid for pid in set(children(os.getpid())) - before if children(pid)]
        os.kill(embedding, signal.SIGKILL)
        for index, result in results:
            assert index not in found
            found[index] = result
    assert sorted(found) == list(range(len(several)))
    assert all(isinstance(result, EmbeddedVideo | ProcessLostError) for result in found.values())
    assert sum(isinstance(result, ProcessLostError) for result in found.values()) <= 1
    assert not [pid for pid in descendants(os.getpid()) if pid == embedding]


def test_a_video_that_has_not_changed_is_not_decoded(tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes(bytes(1000))
    known = content_hash(video)
    found = dict(embed_in_batches([Job(str(video)), Job(str(video), known)], SETTINGS, 2))
    assert isinstance(found[0], InputError)
    assert found[1] is None


def test_an_ingest_stores_what_is_embedded_together(clips: list[str], tmp_path: Path) -> None:
    outcomes: list[Outcome] = []
    facts = LibraryFacts(SETTINGS.identity, SETTINGS.dimension, SETTINGS.fps)
    stores = LibraryStores(Place.of(tmp_path / "library"), create=facts)
    try:
        wanted, _ = readable(clips)
        ingest_into(stores, wanted, SETTINGS, workers=2, tags=(), settle=outcomes.append)
        assert sorted(row.frame_count for row in stores.videos.all()) == sorted(LENGTHS_S)
        assert stores.problems() == []
    finally:
        stores.close()
    assert [outcome.status for outcome in outcomes].count("added") == len(LENGTHS_S)
    (failed,) = [outcome for outcome in outcomes if outcome.status == "failed"]
    assert failed.reason.startswith(clips[3])


def test_videos_are_embedded_together_on_a_gpu_and_where_it_is_asked_for() -> None:
    assert not wants_batches(EmbedSettings(device="cpu"))
    assert wants_batches(SETTINGS)
    assert not wants_batches(replace(SETTINGS, vectors_of="regions"))
    assert not wants_batches(replace(SETTINGS, audio="only"))
