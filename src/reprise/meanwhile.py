"""Something that is waited for by its own thread, while this one goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def meanwhile(work: Callable[[], T]) -> Callable[[], T]:
    """Begins `work`; gives what waits for it, and returns or raises what it does."""
    outcome: Future[T] = Future()

    def done() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the outcome is asked for
            outcome.set_exception(error)

    # A daemon: a process that is interrupted does not wait for a server that is away.
    threading.Thread(target=done, name="meanwhile", daemon=True).start()
    return outcome.result
