"""Tunes that no two seeds have in common, and videos that have them as their sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

RATE = 24_000  # one that Opus knows
NOTES_A_SECOND = 4
LONGEST_S = 600

Samples = NDArray[np.float64]  # [samples] from -1 to 1, RATE a second


def tune(seed: int, start_s: float = 0, end_s: float = 30) -> Samples:
    """The seconds [start_s, end_s) of a melody over chords, another one for every seed."""
    rng = np.random.default_rng([7, seed])
    count = LONGEST_S * NOTES_A_SECOND  # whatever `end_s`, so that the same seed is the same tune
    melody, bass = rng.integers(60, 84, count), rng.integers(36, 60, count // 2 + 1)
    times = np.arange(round(end_s * RATE)) / RATE
    at = (times * NOTES_A_SECOND).astype(int)
    age = times * NOTES_A_SECOND % 1
    high = _note(melody[at], times) * np.exp(-2 * age)
    low = _note(bass[at // 2], times) * 0.7
    return 0.25 * (high + low)[round(start_s * RATE) :]


def _note(pitch: NDArray[np.int64], times: Samples) -> Samples:
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    return np.asarray(sum(np.sin(2 * np.pi * k * hertz * times) / k for k in (1, 2, 3)), float)


def silence(seconds: float) -> Samples:
    """Nothing to hear."""
    return np.zeros(round(seconds * RATE))


def with_sound(
    path: Path, pictures: Path, samples: Samples, *, codec: str = "aac", delay_s: float = 0.0, bit_rate: int = 64_000
) -> Path:
    """The pictures of a video with these samples as their sound, which begins `delay_s` late; returns `path`."""
    with av.open(str(path), "w") as output, av.open(str(pictures)) as source:
        track = source.streams.video[0]
        video = output.add_stream_from_template(track)
        sound: Any = output.add_stream(codec, rate=RATE, layout="mono")
        sound.bit_rate = bit_rate
        for packet in source.demux(track):
            if packet.dts is not None:
                packet.stream = video
                output.mux(packet)
        step = sound.codec_context.frame_size or 1024
        for start in range(0, len(samples), step):
            piece = samples[start : start + step].astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = start + round(delay_s * RATE)
            output.mux(sound.encode(frame))
        output.mux(sound.encode())
    return path
