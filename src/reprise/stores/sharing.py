"""The part of an ingest that falls to this process, where others ingest into the same library on a server."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from reprise.stores.claims import PATIENCE_S, Claims, Owner

LOOK_AGAIN_S = 1.0
PARTS, MOST_AHEAD = 16, 64  # claimed at a time: so small a part of what is left, so many videos

_log = logging.getLogger(__name__)


def at_a_time(left: int, ahead: int) -> int:
    """How many of the tasks that are left to claim together, at least `ahead`.

    Towards the end few, so that no process waits for another that has claimed much.
    """
    return max(ahead, min(left // PARTS, MOST_AHEAD))


def in_turns(claims: Claims | None, videos: Iterable[str]) -> Iterator[list[str]]:
    """The videos in groups that nobody else writes while a group is in hand; those that others are at come later.

    A server takes as long to be asked for one as for many. Raises LibraryInUseError if others do not end.
    """
    left = list(dict.fromkeys(videos))
    if claims is None:
        yield left
        return
    give_up_s = time.monotonic() + PATIENCE_S
    while left:
        others: list[str] = []
        for start in range(0, len(left), MOST_AHEAD):
            part = left[start : start + MOST_AHEAD]
            ours = claims.take(part)
            others += [video for video in part if video not in ours]
            if ours:
                try:
                    yield [video for video in part if video in ours]
                finally:
                    claims.release(ours)
                give_up_s = time.monotonic() + PATIENCE_S
        left = others
        if left and time.monotonic() > give_up_s:
            claims.raise_in_use(left[0])
        if left:
            time.sleep(LOOK_AGAIN_S)  # the server cannot wake us


class HasId(Protocol):
    """Work on one video."""

    @property
    def id(self) -> str:
        """The video's id."""


T = TypeVar("T", bound=HasId)


class Share(Generic[T]):
    """Hands out tasks that no other process is at; those that others are at are waited for, and done if need be.

    `still_wanted` gives, of tasks that were just claimed, those that the other processes have not done meanwhile.
    At least `ahead` are claimed at a time, and more while many are left, as claiming takes a server 0.6 s, however
    many they are.
    """

    def __init__(
        self, claims: Claims, tasks: Sequence[T], *, still_wanted: Callable[[list[T]], list[T]], ahead: int
    ) -> None:
        self._claims, self._left, self._ahead = claims, list(tasks), ahead
        self._still_wanted = still_wanted
        self._told: set[str] = set()

    def rounds(self) -> Iterator[Iterator[T]]:
        """The tasks that could be claimed, then those whose processes ended without them, until all are done."""
        while self._left:
            yield self._claimed()
            self._wait()

    def done(self, task: T) -> None:
        """Gives the task's claim back: what became of it can be seen by all."""
        self._claims.release([task.id])

    def _claimed(self) -> Iterator[T]:
        drawn, self._left = self._left, []
        start = 0
        while start < len(drawn):
            size = at_a_time(len(drawn) - start, self._ahead)
            batch = drawn[start : start + size]
            start += size
            ours = self._claims.take([task.id for task in batch])
            self._left += [task for task in batch if task.id not in ours]
            mine = [task for task in batch if task.id in ours]
            wanted = self._still_wanted(mine) if mine else []
            self._claims.release(ours - {task.id for task in wanted})
            yield from wanted

    def _wait(self) -> None:
        """Returns when one of the tasks that are left may be free."""
        while self._left:
            others = self._claims.others()
            owners = [others[task.id] for task in self._left if task.id in others]
            if len(owners) < len(self._left):
                return
            self._tell(owners)
            time.sleep(LOOK_AGAIN_S)  # the server cannot wake us

    def _tell(self, owners: list[Owner]) -> None:
        """Says once of each process that it is waited for."""
        for shown, videos in Counter(owner.shown for owner in owners).items():
            if shown not in self._told:
                self._told.add(shown)
                _log.warning("waiting for %s, which is at work on %d of the videos", shown, videos)
