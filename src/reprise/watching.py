"""Ingesting what comes into folders, for as long as one watches."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reprise.arrivals import Arrivals
from reprise.errors import LibraryInUseError, MissingVideoError, StoreError, printable
from reprise.ingest import Outcome
from reprise.settings import default_workers
from reprise.wakeups import Wakeups

if TYPE_CHECKING:
    from reprise.library import Library

# Videos that are ingested between two openings of an embedded library, for each worker: so often others get at it.
VIDEOS_AT_A_TIME = 4
GIVEN_BACK_S = 1.0  # between them; whoever waits looks five times a second
TRY_AGAIN_S = 15.0  # after the library could not be used
BUSY_SHARE = 0.1  # of the time may go into looking

_log = logging.getLogger(__name__)


def watch(
    library: Library,
    paths: Sequence[str],
    *,
    workers: int | None,
    tags: Sequence[str],
    audio: bool | None,
    poll_s: float | None,
    settle: Callable[[Outcome], None],
) -> None:
    """Ingests what is in `paths`, then what comes or changes there, until it is interrupted (KeyboardInterrupt).

    `settle` gets what became of each video. Videos that failed are tried again when they change. An embedded library
    is open only while videos are ingested, and given back between some and the next. Raises MissingVideoError for a
    path that is not there, and what `Library.ingest` raises but where another try may go better.
    """
    for path in paths:
        if not Path(path).exists():
            raise MissingVideoError(f"{printable(path)}: no such file or folder, so it cannot be watched")
    arrivals = Arrivals(paths)

    def done(outcome: Outcome, _done: int, _of: int) -> None:
        arrivals.dealt_with(outcome.path)
        settle(outcome)

    at_a_time = VIDEOS_AT_A_TIME * (workers or default_workers())
    told: set[str] = set()
    with Wakeups(paths, poll_s) as wakeups:
        _log.warning("%s", _greeting(paths, wakeups))
        while True:
            began_s = time.monotonic()
            look = arrivals.look()
            pause_s = max(GIVEN_BACK_S, (time.monotonic() - began_s) / BUSY_SHARE)
            batch = look.ready[:at_a_time] if library.is_embedded else look.ready
            faults = list(look.faults)
            if batch:
                try:
                    library.ingest(batch, workers=workers, tags=tags, audio=audio, progress=done)
                except (StoreError, LibraryInUseError) as error:
                    faults.append(f"{error}; trying again every {TRY_AGAIN_S:g} s")
                    pause_s = max(pause_s, TRY_AGAIN_S)
                finally:
                    library.close()
            for fault in faults:
                if fault not in told:
                    _log.warning("%s", fault)
            told = set(faults)  # what comes again after it was gone is told again
            if batch:
                wakeups.wait(pause_s if faults or len(batch) < len(look.ready) else 0, 0)
            else:
                wakeups.wait(pause_s, arrivals.settled_s if look.waits else wakeups.look_every_s)


def _greeting(paths: Sequence[str], wakeups: Wakeups) -> str:
    how = f", looking every {wakeups.look_every_s:g} s ({wakeups.silent})" if wakeups.silent else ""
    return f"watching {', '.join(map(printable, paths))}{how}; Ctrl-C ends it"
