"""How times are told."""

from __future__ import annotations


def clock(time_s: float) -> str:
    """A time as m:ss or h:mm:ss, with tenths where it is between seconds."""
    tenths = round(abs(time_s) * 10)
    whole, tenth = divmod(tenths, 10)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if time_s < 0 and tenths else ""
    fraction = f".{tenth}" if tenth else ""
    if hours:
        return f"{sign}{hours}:{minutes:02d}:{seconds:02d}{fraction}"
    return f"{sign}{minutes}:{seconds:02d}{fraction}"
