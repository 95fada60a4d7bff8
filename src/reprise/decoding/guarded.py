"""Decoding in a process of its own, under limits: whatever a file does there costs its video and nothing else.

The functions give what those of `reprise.decoding.sampling`, `sound` and `still` give, bit for bit. A process
is started by the first video (0.2 s) and kept for the next; `reprise.decoding.decoding_process` is its side.
"""

from __future__ import annotations

import atexit
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

import reprise.errors
from reprise.child_process import ending_of, give_up_reading_after, start_process
from reprise.decoding.container import REMOTE_PREFIXES, VideoFacts, check_file
from reprise.decoding.limits import DecodeLimits, over_limit
from reprise.decoding.picture import Size
from reprise.decoding.sampling import Picture, check_fps, check_span
from reprise.errors import DecodeError, ProcessLostError, ReprisError, printable

# The package is entered by its path, for only what decodes is wanted of it: importing all takes three times as long.
_START = (
    "import sys, types; sys.path[:] = sys.argv[2:]; "
    f"package = types.ModuleType('reprise'); package.__path__ = [{str(Path(__file__).parents[1])!r}]; "
    "sys.modules['reprise'] = package; "
    "from reprise.decoding.decoding_process import serve; serve(int(sys.argv[1]))"
)
VIDEOS_PER_PROCESS = 200  # then another is started, so that what a library leaks does not add up
Message = dict[str, Any]


def sample(
    path: str,
    *,
    limits: DecodeLimits,
    fps: float = 1.0,
    start_s: float = 0.0,
    end_s: float | None = None,
    size: Size | None = None,
    threads: int = 0,
) -> Iterator[Picture]:
    """As `sampling.sample`; LimitError for a video that goes over one of `limits`, DecodeError if it crashes."""
    check_fps(fps)
    check_span(start_s, end_s)
    settings = {"fps": fps, "start_s": start_s, "end_s": end_s, "size": size, "threads": threads}
    return _pictures("sample", path, settings, limits)


def sample_span(
    path: str,
    *,
    limits: DecodeLimits,
    fps: float,
    start_s: float,
    end_s: float,
    size: Size | None = None,
    threads: int = 0,
) -> list[Picture]:
    """As `sampling.sample_span`; further errors as `sample`."""
    check_fps(fps)
    check_span(start_s, end_s)
    settings = {"fps": fps, "start_s": start_s, "end_s": end_s, "size": size, "threads": threads}
    return list(_pictures("sample_span", path, settings, limits))


def video_facts(path: str, *, limits: DecodeLimits) -> VideoFacts:
    """As `sampling.video_facts`; further errors as `sample`."""
    (message,) = _messages("video_facts", path, {}, limits)
    return VideoFacts(**message["facts"])


def read_picture(path: str, size: Size | None = None, *, limits: DecodeLimits) -> NDArray[np.uint8]:
    """As `still.read_picture`; further errors as `sample`."""
    (picture,) = _pictures("read_picture", path, {"size": size}, limits)
    return picture.pixels


def sound(path: str, *, limits: DecodeLimits) -> Iterator[NDArray[np.int16]]:
    """As `sound.sound`, in longer pieces; further errors as `sample`."""
    for message in _messages("sound", path, {}, limits):
        yield message["heard"]


def _pictures(task: str, path: str, settings: dict[str, Any], limits: DecodeLimits) -> Iterator[Picture]:
    pixels: NDArray[np.uint8] | None = None
    for message in _messages(task, path, settings, limits):
        sent = iter(message.get("pixels", ()))
        for time_s, is_key_frame, is_new in message["pictures"]:
            pixels = next(sent) if is_new else pixels  # else those of the picture before, which stays
            assert pixels is not None
            yield Picture(pixels, time_s, is_key_frame)


def _messages(task: str, path: str, settings: dict[str, Any], limits: DecodeLimits) -> Iterator[Message]:
    """What the process answers, without what it ends with. Raises what it tells of, and for what becomes of it."""
    if not path.startswith(REMOTE_PREFIXES):
        check_file(path)  # what is not there takes no process to tell
    process = _Process.lent()
    is_whole = False
    try:
        yield from process.answers(task, path, settings, limits)
        is_whole = True
    except _ToldError as told:
        is_whole = True
        raise told.error from None
    finally:
        # In the middle of a video it would go on with that.
        process.give_back() if is_whole else process.end()


class _ToldError(Exception):
    """The process told of an error and is ready for the next video."""

    def __init__(self, error: ReprisError) -> None:
        self.error = error


class _Process:
    """A process that decodes one video at a time."""

    def __init__(self) -> None:
        self._videos = 0
        self._has_spoken = False
        self._process: subprocess.Popen[bytes]
        self._connection: Connection[Any, Any]
        self._process, self._connection = start_process(_START)

    @classmethod
    def lent(cls) -> _Process:
        """One that is idle, or a new one. Raises ReprisError if none can be started."""
        while True:
            try:
                process = _idle.get_nowait()
            except Empty:
                return cls()
            if process._process.poll() is None and process._videos < VIDEOS_PER_PROCESS:
                return process
            process.end()

    def give_back(self) -> None:
        """Keeps it for the next video."""
        self._videos += 1
        _idle.put(self)

    def end(self) -> int:
        """Ends it, whatever it does; its exit status."""
        self._process.kill()
        self._connection.close()
        return self._process.wait()

    def answers(self, task: str, path: str, settings: dict[str, Any], limits: DecodeLimits) -> Iterator[Message]:
        """See `_messages`; _ToldError for an error after which the process goes on."""
        waited_s = 0.0
        try:
            # Idle since another video, it may be in a folder that this process has left.
            folder = None if Path(path).is_absolute() else Path.cwd()
            give_up_reading_after(self._connection, limits.stall_s)
            self._connection.send((folder, task, path, settings, limits))
            while True:
                left_s = limits.time_s - waited_s
                began_s = time.monotonic()
                if not self._connection.poll(min(left_s, limits.stall_s)):
                    raise _hung(path, limits, is_stalled=limits.stall_s < left_s)
                waited_s += time.monotonic() - began_s
                message: Message = json.loads(self._connection.recv_bytes())
                self._has_spoken = True
                if "error" in message:
                    kind: type[ReprisError] = getattr(reprise.errors, message["error"])
                    raise _ToldError(kind(message["message"]))
                if message.get("shape"):
                    pixels = np.empty(message["shape"], np.uint8)
                    self._connection.recv_bytes_into(pixels.reshape(-1))
                    message["pixels"] = pixels
                if "samples" in message:
                    message["heard"] = np.empty(message["samples"], np.int16)
                    self._connection.recv_bytes_into(message["heard"])
                if message.get("is_over"):
                    return
                if not message.get("is_alive"):
                    yield message
        except BlockingIOError:
            raise _hung(path, limits, is_stalled=True) from None
        except (EOFError, OSError) as lost:
            status = self._process.wait()
            if not self._has_spoken:
                raise ReprisError(f"a decoding process ended while it started ({ending_of(status)})") from lost
            raise _crashed(path, status, limits) from lost


# Idle processes; the one that was used last comes first.
_idle: LifoQueue[_Process] = LifoQueue()


@atexit.register
def _end_all() -> None:
    while not _idle.empty():
        _idle.get().end()


def _hung(path: str, limits: DecodeLimits, *, is_stalled: bool) -> ReprisError:
    if is_stalled:
        return over_limit(path, "its decoding made no progress", "stall", limits)
    return over_limit(path, "its decoding took too long", "time", limits)


def _crashed(path: str, status: int, limits: DecodeLimits) -> ReprisError:
    shown = printable(path)
    if -status == signal.SIGXCPU:
        return over_limit(path, "its decoding took too long", "time", limits)
    if -status == signal.SIGKILL:
        # Not by itself: the system's answer to a machine without memory, mostly.
        return ProcessLostError(
            f"{shown}: the process that decoded it was killed; the machine may have run out of memory, try again"
        )
    return DecodeError(f"{shown}: the decoder crashed on it ({ending_of(status)}); the file is damaged")
