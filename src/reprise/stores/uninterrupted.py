"""Putting off an interrupt until a call is over that would not survive it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """What Python does on SIGINT and SIGTERM is done when the block is over; on the second of them at once.

    gRPC's Python client, through which Milvus Lite is asked, was seen to wait for ever in its next call when an
    exception was raised within one. Only in the main thread, where signals are handled.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = {number: handler for number in INTERRUPTS if callable(handler := signal.getsignal(number))}
    came: list[int] = []

    def put_off(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            usual[signal.Signals(number)](number, frame)

    for number in usual:
        signal.signal(number, put_off)
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if len(came) == 1:
            usual[signal.Signals(came[0])](came[0], None)
