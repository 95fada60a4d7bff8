"""Chromaprint's fingerprint of a sound, computed by the FFmpeg that the package imageio-ffmpeg brings along.

Chromaprint (L. Lalinsky, https://acoustid.org/chromaprint; its default algorithm) looks at how the energy of the
twelve notes changes over time, and makes 32 bits of about three seconds, eight times a second. Nothing on PyPI
carries it as a library, but imageio-ffmpeg's builds of FFmpeg for Linux have it since 0.8. Only samples that were
decoded here reach that process, never the file.
"""

from __future__ import annotations

import functools
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray

from reprise.child_process import ending_of
from reprise.decoding.limits import DEFAULT_LIMITS
from reprise.decoding.sound import SAMPLE_RATE
from reprise.errors import MissingExtraError, printable
from reprise.temporary import temporary_folder

HOP_S = 1365 / 11_025  # seconds from one code to the next: Chromaprint's steps of 1365 samples at 11 025 Hz
# A code sees 20 spectra, each of 4096 samples, a hop apart: the filters are up to 16 spectra wide and work on what a
# filter of five has smoothed.
SPAN_S = 19 * HOP_S + 4096 / 11_025


class ChromaprintError(Exception):
    """No fingerprint came of a sound; the message does not name its video. `is_lost`: ffmpeg was killed."""

    def __init__(self, reason: str, *, is_lost: bool = False) -> None:
        super().__init__(f"ffmpeg could not make a fingerprint of the sound ({reason})")
        self.is_lost = is_lost


def require_chromaprint() -> None:
    """Raises MissingExtraError where no fingerprint can be made here."""
    ffmpeg()


def ffmpeg() -> str:
    """The ffmpeg program that has Chromaprint. Raises MissingExtraError where the one in use has not."""
    import imageio_ffmpeg

    try:
        program: str = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise MissingExtraError(
            "fingerprints of sound need imageio-ffmpeg's ffmpeg program, and it is not there; "
            "pip install --force-reinstall 'imageio-ffmpeg>=0.8.1'"
        ) from error
    if not _has_chromaprint(program):
        raise MissingExtraError(
            f"{printable(program)}: this ffmpeg was built without Chromaprint, which fingerprints of sound need; "
            "unset IMAGEIO_FFMPEG_EXE and pip install 'imageio-ffmpeg>=0.8.1'"
        )
    return program


def codes_at_speeds(
    pieces: Iterable[NDArray[np.int16]],
    speeds: Sequence[float] = (1.0,),
    *,
    stall_s: float = DEFAULT_LIMITS.stall_s,
) -> list[NDArray[np.uint32]]:
    """The codes of one sound, as it is and as it would be if it were played more slowly by each of `speeds`.

    pieces: [samples] int16 each, mono, SAMPLE_RATE. Played at 1 / speed, pitch and pace: what was sped up by `speed`
    becomes what it was. Returns [codes] uint32 for each speed, code i of the samples from i * HOP_S on for SPAN_S
    (in the slowed sound); empty for less than three seconds. Raises MissingExtraError, and ChromaprintError where
    ffmpeg fails, or takes nothing for `stall_s`.
    """
    program = ffmpeg()
    with temporary_folder("sound") as folder:
        outputs = [folder / str(number) for number in range(len(speeds))]
        command = [program, "-v", "error", "-nostdin", "-y", "-threads", "1", "-filter_complex_threads", "1"]
        # Samples, whatever they are: nothing in them is looked for a format, nor can it open anything.
        command += ["-protocol_whitelist", "pipe", "-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "pipe:0"]
        split = "".join(f"[copy{number}]" for number in range(len(speeds)))
        slowed = ";".join(
            f"[copy{number}]asetrate={round(SAMPLE_RATE / speed)},aresample={SAMPLE_RATE}[out{number}]"
            for number, speed in enumerate(speeds)
        )
        command += ["-filter_complex", f"[0:a]asplit={len(speeds)}{split};{slowed}"]
        for number, output in enumerate(outputs):
            command += ["-map", f"[out{number}]", "-f", "chromaprint", "-fp_format", "raw", f"file:{output}"]
        _fed(command, pieces, stall_s)
        # A sound of no samples at all leaves no file.
        return [np.frombuffer(output.read_bytes() if output.exists() else b"", "<u4") for output in outputs]


def _fed(command: list[str], pieces: Iterable[NDArray[np.int16]], stall_s: float) -> None:
    """Runs ffmpeg on the pieces; it never outlives this call."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, bufsize=0)
        assert process.stdin is not None
        fed = False
        try:
            try:
                for piece in pieces:
                    fed = True
                    _write(process.stdin, piece.astype("<i2", copy=False).tobytes(), stall_s)
                process.stdin.close()
            except BrokenPipeError:
                pass  # it has ended before its time, and its status says how
            status = process.wait(stall_s)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise ChromaprintError(f"it stood still for {stall_s:g} s") from error
        finally:
            process.kill()
            process.stdin.close()
            process.wait()
        if status != 0 and fed:  # of no samples it makes nothing, and complains
            log.seek(0)
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
            raise ChromaprintError(lines[-1] if lines else ending_of(status), is_lost=-status == signal.SIGKILL)


def _write(pipe: IO[bytes], content: bytes, stall_s: float) -> None:
    """Writes all of it. Raises BrokenPipeError, and TimeoutError if the reader takes nothing for `stall_s`."""
    os.set_blocking(pipe.fileno(), False)
    waiting = select.poll()
    waiting.register(pipe, select.POLLOUT)
    left = memoryview(content)
    while left:
        if not waiting.poll(1000 * stall_s):
            raise TimeoutError
        left = left[os.write(pipe.fileno(), left) :]


@functools.cache
def _has_chromaprint(program: str) -> bool:
    try:
        listed = subprocess.run([program, "-v", "quiet", "-muxers"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b" chromaprint " in listed.stdout
