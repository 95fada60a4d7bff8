"""The library as the service has it: one thread owns it, everyone else asks that thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np

from reprise.embedding import EmbeddedQuery, EmbeddedVideo
from reprise.holdings import LibraryInfo
from reprise.ingest import Outcome, Task, readable, store, unsettled
from reprise.library import Library
from reprise.service.refusals import RefusedError
from reprise.settings import EmbedSettings, QuerySettings
from reprise.stores.videos import VideoRow

T = TypeVar("T")
ROWS_KEPT_S = 30.0  # a library on a server may be written by others too


class Shelf:
    """A library in a thread of its own; made if there is none."""

    def __init__(self, library: Library) -> None:
        """Opens the library. Raises LibraryError, ModelError or SettingsError."""
        self._library = library
        self._thread = ThreadPoolExecutor(1, "library")
        self._rows: list[VideoRow] | None = None
        self._read_at_s = 0.0
        try:
            self.settings: EmbedSettings = self.ask(_open).result()
        except BaseException:  # raised again: whatever it is, the thread must not stay behind
            self._thread.shutdown()
            raise

    def ask(self, function: Callable[[Library], T]) -> Future[T]:
        """What the function gives for the library, when its thread has come to it."""
        return self._thread.submit(function, self._library)

    def rows(self) -> Future[list[VideoRow]]:
        """All videos, sorted by path; not to be changed."""
        return self.ask(self._known_rows)

    def info(self) -> Future[LibraryInfo]:
        """What the library holds."""
        return self.ask(lambda library: library.info())

    def as_it_listens(self, settings: EmbedSettings) -> EmbedSettings:
        """The settings with the library's own wish for sound: it may have got its first meanwhile."""
        return replace(settings, audio=self.ask(lambda library: library.opened()[1].audio).result())

    def wanted(self, paths: Sequence[str]) -> tuple[list[Task], list[Outcome]]:
        """What of these files needs embedding, and the outcomes of the others."""
        tasks, failed = readable(paths)

        def known(library: Library) -> tuple[list[Task], list[Outcome]]:
            stores, _ = library.opened()
            return unsettled(tasks, stores.videos.get([task.id for task in tasks]))

        tasks, unchanged = self.ask(known).result()
        return tasks, [*failed, *unchanged]

    def store(self, task: Task, video: EmbeddedVideo | None, tags: Sequence[str]) -> Outcome:
        """Puts an embedded video into the library; None: its content is what the library has."""

        def put(library: Library) -> Outcome:
            stores, settings = library.opened()
            self._rows = None
            return store(stores, task, video, settings, tags)

        return self.ask(put).result()

    def flush(self) -> None:
        """Brings what was stored into its final form."""
        self.ask(lambda library: library.opened()[0].flush()).result()

    def remove(self, video_id: str) -> Future[VideoRow]:
        """Takes a video out of the library; returns what it was. Raises RefusedError."""

        def take_out(library: Library) -> VideoRow:
            row = _row(library, video_id)
            self._rows = None
            library.opened()[0].remove(row.id)
            return row

        return self.ask(take_out)

    def with_content(self, content_hash: str) -> VideoRow | None:
        """A video of the library whose file has this content."""
        return next((row for row in self.rows().result() if row.content_hash == content_hash), None)

    def likeness(self, query: EmbeddedQuery, size: int) -> list[tuple[VideoRow, float]]:
        """The `size` videos that the query's frames vote for and the query's likeness to each, the greatest first."""

        def compared(library: Library) -> list[tuple[VideoRow, float]]:
            stores, _ = library.opened()
            found = []
            for path in library.candidates(query, QuerySettings(top_k=size)):
                row = library.find(path)
                matrix = stores.matrix_of(row)
                if matrix is not None:
                    found.append((row, likeness(whole_frames(query), matrix)))
            return sorted(found, key=lambda pair: (-pair[1], pair[0].path))

        return self.ask(compared).result()

    def close(self) -> None:
        """Gives the library back, when what was asked before is answered."""
        self.ask(lambda library: library.close()).result()
        self._thread.shutdown()

    def _known_rows(self, library: Library) -> list[VideoRow]:
        if self._rows is None or time.monotonic() - self._read_at_s > ROWS_KEPT_S:
            self._rows, self._read_at_s = library.videos(), time.monotonic()
        return self._rows


def whole_frames(query: EmbeddedQuery) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """[frames, dim]: of each frame the view that is the whole frame, its first."""
    return query.views[np.flatnonzero(np.diff(query.frame_of, prepend=-1))]


def likeness(
    one: np.ndarray[tuple[int, int], np.dtype[np.float32]], other: np.ndarray[tuple[int, int], np.dtype[np.float32]]
) -> float:
    """The mean, over the frames of `one` [frames, dim], of the greatest cosine with a frame of `other`; 0 to 1."""
    return float(np.clip((one @ other.T).max(axis=1).mean(), 0, 1)) if len(one) and len(other) else 0.0


def _open(library: Library) -> EmbedSettings:
    stores, settings = library.opened(create=True)
    stores.recover()
    return settings


def _row(library: Library, video_id: str) -> VideoRow:
    row = library.opened()[0].videos.get([video_id]).get(video_id)
    if row is None:
        raise RefusedError(404, f"{video_id}: no video of the library has this id")
    return row
