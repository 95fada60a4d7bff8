"""Time stamps in, starts of pictures out: what is believed of missing, jumping and damaged stamps."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from reprise.decoding.clock import Clock


def starts(stamps: list[float | None], **settings: Any) -> list[float]:
    """What a clock with a picture a second makes of the stamps."""
    clock = Clock(Fraction(1), **{"may_jump": False, "announced_s": None, **settings})
    exact = [None if stamp is None else Fraction(stamp) for stamp in stamps]
    return [float(clock.start_s(*pair)) for pair in zip(exact, [*exact[1:], None], strict=True)]


def test_the_clock_starts_at_the_first_stamp() -> None:
    assert starts([100, 101, 103]) == [0, 1, 3]


def test_a_missing_stamp_is_one_usual_length_later() -> None:
    assert starts([None, None, 70, 71, None]) == [0, 1, 2, 3, 4]


def test_a_small_step_back_holds_the_clock_and_a_large_one_sets_it_anew() -> None:
    assert starts([0, 1, 0.5, 2]) == [0, 1, 1, 2]
    assert starts([0, 1, 2, 3, 0, 1]) == [0, 1, 2, 3, 4, 5]


def test_a_joinable_format_goes_on_after_a_jump_ahead() -> None:
    assert starts([0, 1, 500, 501], may_jump=True) == [0, 1, 2, 3]
    assert starts([0, 1, 500, 501]) == [0, 1, 500, 501]


def test_a_stamp_that_the_next_one_takes_back_is_damaged() -> None:
    assert starts([0, 1, 500, 3, 4], announced_s=1000) == [0, 1, 2, 3, 4]


def test_after_damaged_stamps_the_old_count_goes_on() -> None:
    assert starts([0, 1, 9000, 9001, 9002, 7, 8], announced_s=10) == [0, 1, 2, 3, 4, 7, 8]


def test_an_announced_length_may_be_too_short_but_not_by_half() -> None:
    assert starts([0, 1, 20], announced_s=10) == [0, 1, 20]
    assert starts([0, 1, 40], announced_s=10) == [0, 1, 2]


def test_the_last_picture_stays_no_longer_than_the_file_announces() -> None:
    for announced_s, length_s, end_s in [(30, 25, 25), (10, 25, 1), (None, 5, 5), (None, 25, 1), (30, None, 1)]:
        clock = Clock(Fraction(1), may_jump=False, announced_s=announced_s)
        clock.start_s(Fraction(0))
        assert clock.end_s(None if length_s is None else Fraction(length_s)) == end_s
