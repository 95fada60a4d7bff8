"""The packets of a container's tracks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from reprise.decoding.limits import Meter


def demuxed(container: InputContainer, *tracks: Stream, meter: Meter | None = None) -> Iterator[Packet[Any]]:
    """The packets of the tracks, in the file's order, and PyAV's empty ones at its end.

    A track that turns up on the way, as a damaged MPEG transport stream may announce one, is passed over: PyAV knows
    the tracks that there were when the file was opened, and fails with an IndexError at the packet of another.
    Raises FFmpegError for damage.
    """
    while True:
        try:
            yield from container.demux(*tracks)
        except IndexError:
            if meter is not None:
                meter.passed()
        else:
            return
