"""Chromaprint's fingerprint of a sound, computed by the FFmpeg that the package imageio-ffmpeg brings along.

Chromaprint (L. Lalinsky, https://acoustid.org/chromaprint; its default algorithm) looks at how the energy of the
twelve notes changes over time, and makes 32 bits of about three seconds, eight times a second. Nothing on PyPI
carries it as a library, but imageio-ffmpeg's builds of FFmpeg for Linux have it since 0.8. Only samples that were
decoded here reach that process, never the file.
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reprise.decoding.sound import SAMPLE_RATE
from reprise.errors import MissingExtraError, ReprisError, printable

HOP_S = 1365 / 11_025  # seconds from one code to the next: Chromaprint's steps of 1365 samples at 11 025 Hz
# A code sees 20 spectra, each of 4096 samples, a hop apart: the filters are up to 16 spectra wide and work on what a
# filter of five has smoothed.
SPAN_S = 19 * HOP_S + 4096 / 11_025


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
    pieces: Iterable[NDArray[np.int16]], speeds: Sequence[float] = (1.0,)
) -> list[NDArray[np.uint32]]:
    """The codes of one sound, as it is and as it would be if it were played more slowly by each of `speeds`.

    pieces: [samples] int16 each, mono, SAMPLE_RATE. Played at 1 / speed, pitch and pace: what was sped up by `speed`
    becomes what it was. Returns [codes] uint32 for each speed, code i of the samples from i * HOP_S on for SPAN_S
    (in the slowed sound); empty for less than three seconds. Raises MissingExtraError, ReprisError.
    """
    program = ffmpeg()
    with tempfile.TemporaryDirectory(prefix="reprise-sound-") as folder:
        outputs = [Path(folder) / str(number) for number in range(len(speeds))]
        command = [program, "-v", "error", "-nostdin", "-y", "-threads", "1", "-filter_complex_threads", "1"]
        command += ["-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "pipe:0"]
        split = "".join(f"[copy{number}]" for number in range(len(speeds)))
        slowed = ";".join(
            f"[copy{number}]asetrate={round(SAMPLE_RATE / speed)},aresample={SAMPLE_RATE}[out{number}]"
            for number, speed in enumerate(speeds)
        )
        command += ["-filter_complex", f"[0:a]asplit={len(speeds)}{split};{slowed}"]
        for number, output in enumerate(outputs):
            command += ["-map", f"[out{number}]", "-f", "chromaprint", "-fp_format", "raw", f"file:{output}"]
        _fed(command, pieces)
        # A sound of no samples at all leaves no file.
        return [np.frombuffer(output.read_bytes() if output.exists() else b"", "<u4") for output in outputs]


def _fed(command: list[str], pieces: Iterable[NDArray[np.int16]]) -> None:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log)
        assert process.stdin is not None
        try:
            fed = False
            for piece in pieces:
                process.stdin.write(piece.astype("<i2", copy=False).tobytes())
                fed = True
            process.stdin.close()
            status = process.wait()
        except BrokenPipeError:
            status = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if status != 0 and fed:
            log.seek(0)
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
            reason = lines[-1] if lines else f"exit status {status}"
            raise ReprisError(f"ffmpeg could not make a fingerprint of the sound ({reason})")


@functools.cache
def _has_chromaprint(program: str) -> bool:
    try:
        listed = subprocess.run([program, "-v", "quiet", "-muxers"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b" chromaprint " in listed.stdout
