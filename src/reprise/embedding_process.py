"""The side of the process that embeds for `reprise.batching`: threads that decode, one network for all of them.

A batch takes whatever frames are there, of whatever videos: a network on a GPU is given full batches however short
the videos are. Towhee's chains see one video at a time and are not used here.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.audio.fingerprint import fingerprint
from reprise.decoding import guarded
from reprise.decoding.container import VideoFacts
from reprise.descriptor import BATCH_FRAMES
from reprise.embedding import Attempt, described
from reprise.errors import ReprisError, printable
from reprise.models.embedder import NetworkEmbedder, normalised
from reprise.scanning import content_hash
from reprise.settings import EmbedSettings

# How long the network waits for a batch to fill while it has nothing else to do.
FILL_S = 0.05
BATCHES_AHEAD = 2  # of decoded frames that wait for the network: then the decoders wait
Frame = NDArray[Any]  # [height, width, 3] uint8, or [3, height, width] float32 that is prepared for the network


@dataclass(frozen=True, slots=True)
class _End:
    """What is known of a video when all its frames are decoded, but for its vectors."""

    facts: VideoFacts
    digest: str
    sound: NDArray[np.uint32] | None


@dataclass(slots=True)
class _Video:
    """A video under way."""

    job: int
    path: str
    times_s: list[float] = field(default_factory=list)
    vectors: list[NDArray[np.float32]] = field(default_factory=list)
    end: _End | None = None  # when all its frames are decoded
    is_lost: bool = False  # it has been answered for with an error: its frames are no longer wanted


class BatchingEmbedder:
    """Embeds several videos at a time with one network.

    prepare: a frame [height, width, 3] uint8 to what `embed` takes, on the decoder's thread. embed: a list of those
    to [frames, dim] float32. answer: told of each video's job what became of it, from any thread.
    """

    def __init__(
        self,
        prepare: Callable[[NDArray[np.uint8]], Frame],
        embed: Callable[[Sequence[Frame]], NDArray[np.float32]],
        batch_frames: int,
        settings: EmbedSettings,
        answer: Callable[[int, Attempt], None],
    ) -> None:
        self._prepare, self._embed, self._batch_frames = prepare, embed, batch_frames
        self._settings, self._answer = settings, answer
        self._decoded: queue.Queue[tuple[_Video, Frame | _End]] = queue.Queue(BATCHES_AHEAD * batch_frames)

    def decode(self, job: int, path: str, known_hash: str | None) -> None:
        """Decodes a video; its frames are embedded by who runs `embed_forever`, and answered for there.

        A video that cannot be decoded, or whose content hash is `known_hash`, is answered for here.
        """
        video = _Video(job, path)
        try:
            digest = content_hash(path)
            if digest == known_hash:
                self._answer(job, None)
                return
            facts = guarded.video_facts(path, limits=self._settings.limits)
            size = self._settings.picture_size
            for picture in guarded.sample(
                path, fps=self._settings.fps, size=size, threads=1, limits=self._settings.limits
            ):
                video.times_s.append(picture.time_s)
                self._decoded.put((video, self._prepare(picture.pixels)))
            sound = None if self._settings.audio == "no" else fingerprint(path)
        except ReprisError as error:
            self._lose(video, error)
        except Exception as error:  # noqa: BLE001 - whatever a damaged file brings about must not end the run
            self._lose(video, _fault(path, error))
        else:
            self._decoded.put((video, _End(facts, digest, sound)))

    def embed_forever(self) -> None:
        """Embeds what is decoded, for as long as the process lives."""
        batch: list[tuple[_Video, Frame]] = []
        while True:
            try:
                video, frame = self._decoded.get(timeout=FILL_S if batch else None)
            except queue.Empty:
                batch = self._embedded(batch)
                continue
            if video.is_lost:
                continue
            if isinstance(frame, _End):
                video.end = frame
                self._finish(video)  # unless its last frames are in the batch
                continue
            batch.append((video, frame))
            if len(batch) >= self._batch_frames:
                batch = self._embedded(batch)

    def _embedded(self, batch: list[tuple[_Video, Frame]]) -> list[tuple[_Video, Frame]]:
        """Gives the frames' vectors to their videos; the next batch, which is empty."""
        wanted = [(video, frame) for video, frame in batch if not video.is_lost]
        if wanted:
            try:
                vectors = self._embed([frame for _, frame in wanted])
            except Exception as error:  # noqa: BLE001 - e.g. a GPU without memory: costs the videos of this batch
                for video, _ in wanted:
                    self._lose(video, _fault(video.path, error))
            else:
                for (video, _), vector in zip(wanted, vectors, strict=True):
                    video.vectors.append(vector)
                for video in {video.job: video for video, _ in wanted}.values():
                    self._finish(video)
        return []

    def _finish(self, video: _Video) -> None:
        """Answers for the video if all its frames are embedded."""
        end = video.end
        if video.is_lost or end is None or len(video.vectors) < len(video.times_s):
            return
        embedded = described(
            np.array(video.times_s), np.stack(video.vectors), end.facts, end.digest, self._settings.fps
        )
        self._answer(video.job, replace(embedded, sound=end.sound))

    def _lose(self, video: _Video, error: ReprisError) -> None:
        if not video.is_lost:
            video.is_lost = True
            self._answer(video.job, error)


def _fault(path: str, error: Exception) -> ReprisError:
    return ReprisError(f"{printable(path)}: unexpected fault ({type(error).__name__}: {error})")


def loaded(
    settings: EmbedSettings,
) -> tuple[Callable[[NDArray[np.uint8]], Frame], Callable[[Sequence[Frame]], NDArray[np.float32]], int]:
    """What prepares a frame, what embeds prepared frames, and how many of them at once. Raises a ModelError."""
    network = settings.embedder()
    if isinstance(network, NetworkEmbedder):
        # Preparing is the CPU's work, and as much of it as decoding: it is left to the decoders' threads.
        return (
            lambda frame: network.prepared([frame])[0],
            lambda frames: normalised(network.prepared_features(np.stack(frames))),
            network.batch_frames,
        )
    return lambda frame: frame, network, BATCH_FRAMES


def serve(descriptor: int) -> None:
    """Embeds what comes in through the socket `descriptor` until it is closed."""
    logging.getLogger("towhee").setLevel(logging.CRITICAL + 1)
    owner: Connection[Any, Any] = Connection(descriptor)
    speaking = threading.Lock()

    def answer(job: int, attempt: Attempt) -> None:
        with speaking:
            owner.send((job, attempt))

    owner.send(None)  # ready
    settings, decoders = owner.recv()
    jobs: queue.SimpleQueue[tuple[int, str, str | None]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(owner, jobs), daemon=True).start()
    try:
        prepare, embed, batch_frames = loaded(settings)
    except ReprisError as error:
        while True:  # which no video would fare better with
            answer(jobs.get()[0], error)
    embedder = BatchingEmbedder(prepare, embed, batch_frames, settings, answer)

    def decode() -> None:
        while True:
            embedder.decode(*jobs.get())

    for _ in range(decoders):
        threading.Thread(target=decode, daemon=True).start()
    embedder.embed_forever()


def _receive(owner: Connection[Any, Any], jobs: queue.SimpleQueue[tuple[int, str, str | None]]) -> None:
    # On a thread of its own, so that the process ends with its owner even in the middle of a long video.
    try:
        while True:
            jobs.put(owner.recv())
    except (EOFError, OSError):
        os._exit(0)
