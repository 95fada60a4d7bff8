"""Ctrl-C, and where a command wants it SIGTERM too, as an exception that is not lost."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

AGAIN_S = 0.05


@contextmanager
def interrupted_by(number: signal.Signals) -> Iterator[None]:
    """While it lasts the signal raises KeyboardInterrupt; one that is ignored, as in a script's background, stays so.

    No exception leaves a `__del__`, the callback of a weak reference and the like: Python prints and forgets it. A
    KeyboardInterrupt that ends so is raised again a moment later.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(number) is signal.SIG_IGN:
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    def forgotten(what: sys.UnraisableHookArgs) -> None:
        if not issubclass(what.exc_type, KeyboardInterrupt):
            tell(what)
            return
        again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    tell = sys.unraisablehook
    sys.unraisablehook = forgotten
    before = signal.signal(number, interrupt)
    try:
        yield
    finally:
        signal.signal(number, before)
        sys.unraisablehook = tell
