"""`ops.video_decode.ffmpeg`: a video's frames, sampled over time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from towhee import register
from towhee.types import VideoFrame

from reprise.decoding import guarded
from reprise.decoding.limits import DecodeLimits
from reprise.decoding.picture import Size
from reprise.decoding.sampling import Picture, check_fps, check_span, evenly_spaced, every_picture, sample
from reprise.errors import SettingsError

# Sample type to its one argument, as on the Towhee Hub.
SAMPLE_TYPES = {"time_step_sample": "time_step", "uniform_temporal_subsample": "num_samples"}


@register(name="video_decode/ffmpeg")
class Ffmpeg:
    """Frames of a video, decoded by FFmpeg's libraries.

    With the Hub operator's parameters it yields `towhee.types.VideoFrame`s, RGB, with `timestamp` in
    milliseconds from the first picture:

    start_time, end_time   seconds from the first picture, half-open; None for the whole video
    sample_type            "time_step_sample" (args: time_step, seconds), "uniform_temporal_subsample"
                           (args: num_samples, from the first picture to the last), None for every frame
    args                   the sample type's argument

    With `fps` it yields pairs (frame, time_s) instead: [height, width, 3] uint8 RGB and the time in seconds,
    exactly start_time + 0, 1/fps, 2/fps, …. `size` = (width, height), or the length of the shorter side, scales
    while decoding; without it frames have the video's display size.
    `threads` is the number of decoding threads, 0 for FFmpeg's choice. With `limits`, which need `fps`, decoding
    runs in a process of its own, which a video may crash and cannot keep longer, or fill more, than they say.

    Raises reprise.SettingsError for unusable parameters; iterating over the result of a call raises
    reprise.MissingVideoError, NotAVideoError, DecodeError or LimitError: a video never ends in silence with no frame.
    """

    def __init__(
        self,
        start_time: float | None = None,
        end_time: float | None = None,
        sample_type: str | None = None,
        args: dict[str, Any] | None = None,
        *,
        fps: float | None = None,
        size: Size | None = None,
        threads: int = 0,
        limits: DecodeLimits | None = None,
    ) -> None:
        if fps is not None and sample_type is not None:
            raise SettingsError("give either fps or sample_type, not both")
        if fps is not None:
            check_fps(fps)
        elif limits is not None:
            raise SettingsError("limits need fps; leave them out, or give fps in place of sample_type")
        check_span(start_time or 0.0, end_time)
        if size is not None and min(size if isinstance(size, tuple) else (size,)) < 1:
            raise SettingsError(f"size must be (width, height) or the shorter side, in pixels, not {size}")
        self._span: dict[str, float | None] = {"start_s": start_time or 0.0, "end_s": end_time}
        self._sample_type = sample_type.lower() if sample_type else None
        self._amount = None if self._sample_type is None else _argument(self._sample_type, args or {})
        self._fps = fps
        self._size = size
        self._threads = threads
        self._limits = limits

    def __call__(self, video_path: str) -> Iterator[VideoFrame] | Iterator[tuple[NDArray[np.uint8], float]]:
        pictures = self._pictures(str(video_path))
        if self._fps is not None:
            return ((picture.pixels, picture.time_s) for picture in pictures)
        return (_video_frame(picture) for picture in pictures)

    def _pictures(self, path: str) -> Iterator[Picture]:
        settings: dict[str, Any] = {**self._span, "size": self._size, "threads": self._threads}
        if self._fps is not None and self._limits is not None:
            return guarded.sample(path, fps=self._fps, limits=self._limits, **settings)
        if self._fps is not None:
            return sample(path, fps=self._fps, **settings)
        if self._amount is None:
            return every_picture(path, **settings)
        if self._sample_type == "time_step_sample":
            return sample(path, fps=1 / self._amount, **settings)
        return evenly_spaced(path, int(self._amount), **settings)


def _argument(sample_type: str, args: dict[str, Any]) -> Fraction:
    """The number that the sample type takes."""
    if sample_type not in SAMPLE_TYPES:
        raise SettingsError(f"sample_type must be one of {', '.join(SAMPLE_TYPES)}, not {sample_type!r}")
    name = SAMPLE_TYPES[sample_type]
    if name not in args:
        raise SettingsError(f"{sample_type} needs args={{{name!r}: …}}, not {args!r}")
    try:
        amount = Fraction(args[name]).limit_denominator(1_000_000)
    except (TypeError, ValueError, OverflowError) as error:
        raise SettingsError(f"{name} must be a number, not {args[name]!r}") from error
    if amount <= 0 or (name == "num_samples" and amount.denominator != 1):
        raise SettingsError(f"{name} must be a number above 0, not {args[name]!r}")
    if name == "time_step":
        check_fps(1 / amount)
    return amount


def _video_frame(picture: Picture) -> VideoFrame:
    return VideoFrame(picture.pixels, "RGB", round(picture.time_s * 1000), int(picture.is_key_frame))
