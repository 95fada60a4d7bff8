"""Ctrl-C, and where a command wants it SIGTERM too, as an exception that is not lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN_S = 0.05


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raises KeyboardInterrupt, as Python does on SIGINT, but not where Python would print and forget it.

    That is while an object is finalised: no exception leaves a `__del__`. The signal comes again a moment later.
    """
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
            return
        frame = frame.f_back
    raise KeyboardInterrupt


@contextmanager
def interrupted_by(number: signal.Signals) -> Iterator[None]:
    """While it lasts the signal interrupts the command; one that is ignored, as below `nohup`, stays so."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(number) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(number, interrupt)
    try:
        yield
    finally:
        signal.signal(number, before)
