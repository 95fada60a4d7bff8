"""The fingerprint of a video's sound: Chromaprint's codes, with silence marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.audio.chromaprint import HOP_S, SPAN_S, ChromaprintError, codes_at_speeds
from reprise.decoding.guarded import sound
from reprise.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from reprise.decoding.sound import SAMPLE_RATE
from reprise.errors import DecodeError, ProcessLostError, ReprisError, printable

VOID = np.uint32(0)  # the code of a moment that is silent; what Chromaprint itself codes as 0 becomes 1

# Quieter than this, root mean square over a hop, is silence: -60 dB of full scale.
SILENT_RMS = 32.768
# A code counts where at least this share of what it spans is louder.
LOUD_SHARE = 0.5
LOUDNESS_SAMPLES = round(HOP_S * SAMPLE_RATE)
# However short a video's own limit is: what makes codes of its samples is no part of the file, and may be starting.
LEAST_STALL_S = 30.0

# A query is heard at these paces: what was sped up by up to 5 % together with its pitch (a film from 24 to 25
# pictures a second is sped up by 4.2 %) is within half a per cent of one of them.
SPEEDS = tuple(1 + percent / 100 for percent in range(-5, 6))


@dataclass(frozen=True, slots=True)
class Heard:
    """One sound's codes as if it were played more slowly by `speed`."""

    speed: float
    codes: NDArray[np.uint32]  # [codes]; VOID where it is silent


@dataclass(frozen=True, slots=True)
class Listened:
    """A query's sound at all of SPEEDS, or why there is none to compare."""

    heard: tuple[Heard, ...]  # empty where there is no sound at all, or less than three seconds, or only silence
    warning: str = ""  # one sentence

    @property
    def codes(self) -> NDArray[np.uint32]:
        """The codes [codes] of the sound as it is: its fingerprint."""
        return next((one.codes for one in self.heard if one.speed == 1), np.zeros(0, np.uint32))


def fingerprint(path: str, limits: DecodeLimits = DEFAULT_LIMITS) -> NDArray[np.uint32]:
    """The codes [codes] of the sound of the video at `path`, one every HOP_S; VOID where it is silent.

    Empty where there is no sound at all, or less than three seconds, or nothing but silence. The file is decoded in
    a process of its own, under the limits. Raises an InputError for the video, MissingExtraError.
    """
    return _heard_in(path, (1.0,), limits)[0].codes


def query_fingerprint(path: str, limits: DecodeLimits = DEFAULT_LIMITS) -> list[Heard]:
    """As `fingerprint`, at all of SPEEDS: what a library is asked with. Empty where the video has no sound."""
    return [one for one in _heard_in(path, SPEEDS, limits) if len(one.codes)]


def listened(path: str, limits: DecodeLimits = DEFAULT_LIMITS) -> Listened:
    """As `query_fingerprint`, with a warning in place of an error: the pictures tell all the same."""
    try:
        return Listened(tuple(query_fingerprint(path, limits)))
    except ReprisError as error:
        reason = str(error).removeprefix(f"{printable(path)}: ")  # a warning is told behind the name of its video
        return Listened((), f"its sound was not compared: {reason}")


def _heard_in(path: str, speeds: Sequence[float], limits: DecodeLimits) -> list[Heard]:
    try:
        return heard(sound(path, limits=limits), speeds, stall_s=max(limits.stall_s, LEAST_STALL_S))
    except ChromaprintError as error:
        kind = ProcessLostError if error.is_lost else DecodeError
        raise kind(f"{printable(path)}: {error}") from error


def heard(
    pieces: Iterable[NDArray[np.int16]], speeds: Sequence[float], *, stall_s: float = DEFAULT_LIMITS.stall_s
) -> list[Heard]:
    """The codes of a sound at each of `speeds`. pieces: [samples] int16 each, mono, SAMPLE_RATE.

    Errors as `codes_at_speeds`.
    """
    loudness = _Loudness()
    all_codes = codes_at_speeds(loudness.listen(pieces), speeds, stall_s=stall_s)
    is_loud = loudness.is_loud()
    return [Heard(speed, _voided(codes, is_loud, speed)) for speed, codes in zip(speeds, all_codes, strict=True)]


def _voided(codes: NDArray[np.uint32], is_loud: NDArray[np.bool_], speed: float) -> NDArray[np.uint32]:
    """The codes with VOID where the sound is mostly silent; empty where it is so everywhere."""
    if not len(codes) or not is_loud.any():
        return np.zeros(0, np.uint32)
    # Code i spans these hops of the sound as it is.
    first = np.floor(np.arange(len(codes)) / speed).astype(int)
    past = np.ceil((np.arange(len(codes)) + SPAN_S / HOP_S) / speed).astype(int)
    loud_before = np.concatenate([[0], np.cumsum(is_loud)])
    last = len(loud_before) - 1
    first, past = np.minimum(first, last), np.minimum(past, last)
    share = (loud_before[past] - loud_before[first]) / np.maximum(past - first, 1)
    kept = np.where(share >= LOUD_SHARE, np.maximum(codes, 1), VOID).astype(np.uint32)
    return kept if kept.any() else kept[:0]


class _Loudness:
    """Listens to a sound that passes by."""

    def __init__(self) -> None:
        self._means: list[NDArray[np.float64]] = []
        self._rest = np.zeros(0, np.int16)

    def listen(self, pieces: Iterable[NDArray[np.int16]]) -> Iterator[NDArray[np.int16]]:
        """The pieces, unchanged."""
        for piece in pieces:
            samples = np.concatenate([self._rest, piece])
            whole = len(samples) // LOUDNESS_SAMPLES * LOUDNESS_SAMPLES
            blocks = samples[:whole].reshape(-1, LOUDNESS_SAMPLES).astype(np.float64)
            # Less the mean: a constant is no sound.
            self._means.append(blocks.std(axis=1))
            self._rest = samples[whole:]
            yield piece

    def is_loud(self) -> NDArray[np.bool_]:
        """Of every hop that passed by, whether it is louder than silence."""
        return np.concatenate([*self._means, np.zeros(0)]) > SILENT_RMS
