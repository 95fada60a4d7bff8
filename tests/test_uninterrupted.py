"""Interrupts that come within a call that would not survive them."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from reprise.cli.interrupts import interrupted_by
from reprise.stores.uninterrupted import uninterrupted


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_within_a_call_is_told_when_the_call_is_over() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        interrupt()
        done.append("the call")
    assert done == ["the call"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_who_is_in_earnest_is_heard_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        interrupt()
        interrupt()
        pytest.fail("the second went unheard")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_calls_within_calls_and_in_other_threads_leave_the_handlers_as_they_were() -> None:
    seen = []

    def call() -> None:
        with uninterrupted():
            seen.append(signal.getsignal(signal.SIGINT))

    with uninterrupted(), uninterrupted():
        pass
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_an_object_is_finalised_is_not_lost(number: signal.Signals) -> None:
    class Going:
        def __del__(self) -> None:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number), sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), interrupted_by(number):
        Going()
        threading.Event().wait(60)
        pytest.fail("the interrupt went unheard")
    assert (signal.getsignal(number), sys.unraisablehook) == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupted_by(signal.SIGINT):
            interrupt()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
