"""Who is at work on which video of a library on a Milvus server: processes on one machine or on several.

A claim is a note. Milvus has no compare-and-set, so a process writes its claim as a wish first, under a key of its
own, and then reads all: of two processes at least the later one sees the other. One that sees no other makes its wish
firm; one that sees a firm claim withdraws; of two wishes the one of the smaller owner stays and looks again until the
other is firm or gone. Thus no two ever have the same video. A claim ends with its process: on the same machine the
system says whether that lives; on another its heart has to beat. If all this failed, as for a process that slept
through its time, both write the same rows under the same ids: work is lost, nothing is twice.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from reprise.errors import LibraryInUseError, StoreError
from reprise.stores.notes import CLAIM, HEART, NoteStore

BEAT_S = 10.0
DEAD_S = 60.0  # without a beat; measured by the clock of whoever waits, as those of two machines differ
LOOK_AGAIN_S = 0.3
PATIENCE_S = 60.0  # for a video that another process writes at this moment


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that has claims."""

    id: str
    process: int
    command: str
    host: str
    system: str  # which numbers of processes are the same: the machine since it was started, and the container
    began: str  # tells it from a later process with the same number

    @classmethod
    def this_process(cls) -> Owner:
        """Another one at each call."""
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
        return cls(uuid.uuid4().hex, os.getpid(), command, socket.gethostname(), _system(), _began(os.getpid()))

    @property
    def shown(self) -> str:
        """As a person looks for it."""
        return f"process {self.process} ({self.command}) on {self.host}"

    @property
    def is_this_process(self) -> bool:
        """Whether it is, or was, one of this process."""
        return (self.process, self.system, self.began) == (os.getpid(), _system(), _began(os.getpid()))

    @property
    def lives(self) -> bool | None:
        """Whether the process still runs; None if it is another machine's."""
        return _began(self.process) == self.began if self.system == _system() else None


_of_this_process: set[str] = set()  # the owners here that have not given everything back


@dataclass(frozen=True, slots=True)
class _Claim:
    key: str
    video: str
    is_firm: bool
    owner: Owner


class Claims:
    """The claims of one process, as far as it has any; for one thread. Costs nothing before the first."""

    def __init__(self, notes: NoteStore) -> None:
        self._notes = notes
        self._owner = Owner.this_process()
        self._mine: set[str] = set()
        self._wished: set[str] = set()
        self._met: dict[str, float] = {}  # since when other owners are known
        self._seen: dict[str, tuple[int, float]] = {}  # of those whose beats are looked at: the last, and since when
        self._ended: threading.Event | None = None

    def take(self, videos: Iterable[str]) -> set[str]:
        """Claims videos; gives those that are ours now, the others are other processes'. Takes a server 0.2 s."""
        videos = list(videos)
        wanted = [video for video in videos if video not in self._mine]
        if wanted:
            self._begin()
            self._wished.update(wanted)  # till it is known what became of them: a failure must leave none behind
            self._put(wanted, is_firm=False)
            self._mine |= self._won(wanted)
            self._wished.difference_update(wanted)
        return self._mine.intersection(videos)

    def release(self, videos: Iterable[str]) -> None:
        """Gives claims back; nothing happens where there is none."""
        ours = (self._mine | self._wished).intersection(videos)
        self._notes.delete(CLAIM, [self._key(video) for video in ours])
        self._mine -= ours
        self._wished -= ours

    @contextmanager
    def during(self, video: str, *, within_s: float = PATIENCE_S) -> Iterator[bool]:
        """Nobody else writes the video meanwhile; gives whether it was claimed before.

        Raises LibraryInUseError if somebody does and does not end.
        """
        is_held = video in self._mine
        give_up_s = time.monotonic() + within_s
        while not self.take([video]):
            if time.monotonic() >= give_up_s:
                self.raise_in_use(video)
            time.sleep(LOOK_AGAIN_S)  # the server cannot wake us
        try:
            yield is_held
        finally:
            if not is_held:
                self.release([video])

    def raise_in_use(self, video: str) -> NoReturn:
        """Raises LibraryInUseError, which says who writes the video."""
        owner = self.others().get(video)
        raise LibraryInUseError(
            f"the video {video} is being written by {owner.shown if owner else 'another process'}; "
            "try again when that is done"
        )

    @contextmanager
    def free(self, videos: Iterable[str]) -> Iterator[set[str]]:
        """Those of the videos that no other process is at, which none is while this lasts; waits for nobody."""
        held = set(self._mine)
        ours = self.take(videos)
        try:
            yield ours
        finally:
            self.release(ours - held)

    def others(self) -> dict[str, Owner]:
        """The videos that other processes are at work on, and which; claims of dead ones are cleared away."""
        return {claim.video: claim.owner for claim in self._live()}

    def close(self) -> None:
        """Gives everything back; no harm is done if the server is gone."""
        if self._ended is None:
            return
        self._ended.set()
        self._ended = None
        _of_this_process.discard(self._owner.id)
        with suppress(StoreError):
            self.release([*self._mine, *self._wished])
            self._notes.delete(HEART, [self._owner.id])

    def _won(self, wanted: Sequence[str]) -> set[str]:
        """Those of the videos, for which there is a wish of ours, that become ours."""
        waiting, won = set(wanted), set()
        give_up_s = time.monotonic() + PATIENCE_S
        while waiting:
            rivals: dict[str, list[_Claim]] = {}
            for claim in self._live():
                rivals.setdefault(claim.video, []).append(claim)
            free = [video for video in waiting if video not in rivals]
            self._put(free, is_firm=True)
            won.update(free)
            waiting.difference_update(free)
            for video in sorted(waiting):
                others = rivals[video]
                is_late = time.monotonic() > give_up_s
                if is_late or any(claim.is_firm or claim.owner.id < self._owner.id for claim in others):
                    self._notes.delete(CLAIM, [self._key(video)])
                else:
                    continue  # a wish that is about to be withdrawn, or made firm
                waiting.discard(video)
            if waiting:
                time.sleep(LOOK_AGAIN_S)  # the server cannot wake us
        return won

    def _live(self) -> list[_Claim]:
        """All claims of other processes that live."""
        claims = [claim for claim in read_claims(self._notes) if claim.owner.id != self._owner.id]
        if not claims:
            return []
        beats = {}
        if any(self._needs_beat(claim.owner) for claim in claims):
            beats = {key: int(note["beat"]) for key, note in self._notes.all(HEART)}
        dead = {claim.owner.id for claim in claims if self._is_dead(claim.owner, beats)}
        self._notes.delete(CLAIM, [claim.key for claim in claims if claim.owner.id in dead])
        self._notes.delete(HEART, dead)
        return [claim for claim in claims if claim.owner.id not in dead]

    def _needs_beat(self, owner: Owner) -> bool:
        """Whether the system cannot say of the owner that it is alive, or it has long been waited for."""
        since_s = self._met.setdefault(owner.id, time.monotonic())
        return owner.lives is None or time.monotonic() - since_s > DEAD_S

    def _is_dead(self, owner: Owner, beats: dict[str, int]) -> bool:
        # A process lives on without its claims where the server was away when it gave them back.
        if owner.lives is False or (owner.is_this_process and owner.id not in _of_this_process):
            return True
        if not self._needs_beat(owner):
            return False
        beat, now_s = beats.get(owner.id, 0), time.monotonic()
        seen_beat, since_s = self._seen.get(owner.id, (None, 0.0))
        if beat != seen_beat:
            self._seen[owner.id] = (beat, now_s)
            return False
        return now_s - since_s > DEAD_S

    def _put(self, videos: Iterable[str], *, is_firm: bool) -> None:
        owner = asdict(self._owner)
        claims = {self._key(video): {"video": video, "firm": is_firm, "owner": owner} for video in videos}
        if claims:
            self._notes.put_all(CLAIM, claims)

    def _key(self, video: str) -> str:
        return f"{video}/{self._owner.id}"

    def _begin(self) -> None:
        if self._ended is None:
            self._notes.put(HEART, self._owner.id, {"beat": 0})
            self._ended = threading.Event()
            _of_this_process.add(self._owner.id)
            threading.Thread(target=self._beat, args=(self._ended,), name="claims", daemon=True).start()

    def _beat(self, ended: threading.Event) -> None:
        beat = 0
        while not ended.wait(BEAT_S):
            beat += 1
            with suppress(StoreError):  # the next one may get through
                self._notes.put(HEART, self._owner.id, {"beat": beat})


def read_claims(notes: NoteStore) -> list[_Claim]:
    """All claims there are, of the dead too."""
    return [_Claim(key, note["video"], note["firm"], Owner(**note["owner"])) for key, note in notes.all(CLAIM)]


def claimed(notes: NoteStore) -> set[str]:
    """The videos that some process is at work on, this one too, as far as this machine can tell."""
    return {claim.video for claim in read_claims(notes) if claim.owner.lives is not False}


def _system() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _began(process: int) -> str:
    """When the process was started, in the system's own count; empty if there is none."""
    try:
        state, *facts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in {"Z", "X"} else facts[18]
