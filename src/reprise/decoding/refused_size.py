"""Telling pictures that are larger than allowed from damaged ones: a decoder refuses both with the same error."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from reprise.decoding.demuxing import demuxed

# By the limit that it was told, or by the 268 million pixels that FFmpeg takes at all.
REFUSED_SIZE = re.compile(r"Picture size (\d+)x(\d+) (?:exceeds specified max pixel count|is invalid)")
PACKETS = 8  # looked at


@contextmanager
def ffmpegs_errors() -> Iterator[list[tuple[int, str, str]]]:
    """What FFmpeg complains of in this thread meanwhile: (level, whose complaint, text)."""
    before = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(local=True) as lines:
            yield lines
    finally:
        av.logging.set_level(before)


def refused_size(container: InputContainer, stream: VideoStream) -> tuple[int, int] | None:
    """Width and height of the first pictures of the newly opened video, if they are refused for their size."""
    stream.codec_context.thread_count = 1  # whose complaints are this thread's
    with ffmpegs_errors() as lines, suppress(av.FFmpegError):
        for packet in itertools.islice(demuxed(container, stream), PACKETS):
            with suppress(av.FFmpegError):
                stream.codec_context.decode(packet)
    found = next(filter(None, (REFUSED_SIZE.search(line) for _, _, line in lines)), None)
    return None if found is None else (int(found[1]), int(found[2]))
