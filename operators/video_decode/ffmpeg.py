"""`ops.video_decode.ffmpeg`: a video's frames, sampled over time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from towhee import register
from towhee.types import VideoFrame

from reprise.decoding.sampling import Picture, every_picture, pictures_at, sample, video_facts
from reprise.errors import SettingsError

SAMPLE_TYPES = ("time_step_sample", "uniform_temporal_subsample")


@register(name="video_decode/ffmpeg")
class Ffmpeg:
    """Frames of a video, decoded by FFmpeg's libraries.

    With the Hub operator's parameters it yields `towhee.types.VideoFrame`s, RGB, at the video's own size,
    with `timestamp` in milliseconds from the first picture:

    start_time, end_time   seconds; None for the whole video
    sample_type            "time_step_sample" (args: time_step, seconds), "uniform_temporal_subsample"
                           (args: num_samples), None for every frame
    args                   the sample type's arguments

    With `fps` it yields pairs (frame, time_s) instead: [height, width, 3] uint8 RGB and the time in seconds,
    exactly 0, 1/fps, 2/fps, …; `size` = (width, height) then scales while decoding. `threads` is the number
    of decoding threads, 0 for FFmpeg's choice.

    Calling it raises reprise.MissingVideoError, NotAVideoError or DecodeError: a video never ends in silence
    with no frame.
    """

    def __init__(
        self,
        start_time: float | None = None,
        end_time: float | None = None,
        sample_type: str | None = None,
        args: dict[str, Any] | None = None,
        *,
        fps: float | None = None,
        size: tuple[int, int] | None = None,
        threads: int = 0,
    ) -> None:
        if sample_type is not None and sample_type not in SAMPLE_TYPES:
            raise SettingsError(f"sample_type must be one of {', '.join(SAMPLE_TYPES)}, not {sample_type!r}")
        if fps is not None and sample_type is not None:
            raise SettingsError("give either fps or sample_type, not both")
        self._start_s = start_time or 0.0
        self._end_s = end_time
        self._sample_type = sample_type
        self._args = args or {}
        self._fps = fps
        self._size = size
        self._threads = threads

    def __call__(self, video_path: str) -> Iterator[VideoFrame] | Iterator[tuple[NDArray[np.uint8], float]]:
        path = str(video_path)
        if self._fps is not None:
            return self._timed_frames(path, self._fps)
        return (_video_frame(picture) for picture in self._pictures(path))

    def _timed_frames(self, path: str, fps: float) -> Iterator[tuple[NDArray[np.uint8], float]]:
        pictures = sample(
            path, fps=fps, start_s=self._start_s, end_s=self._end_s, size=self._size, threads=self._threads
        )
        for picture in pictures:
            yield picture.pixels, picture.time_s

    def _pictures(self, path: str) -> Iterator[Picture]:
        span: dict[str, Any] = {"end_s": self._end_s, "threads": self._threads}
        if self._sample_type == "time_step_sample":
            step_s = self._args.get("time_step", 1)
            return sample(path, fps=1 / step_s, start_s=self._start_s, size=self._size, **span)
        if self._sample_type == "uniform_temporal_subsample":
            return pictures_at(path, self._even_times(path), size=self._size, **span)
        return every_picture(path, start_s=self._start_s, **span)

    def _even_times(self, path: str) -> list[Fraction]:
        count = int(self._args.get("num_samples", 1))
        end_s = self._end_s
        duration_s = video_facts(path).duration_s
        if duration_s is not None:
            end_s = duration_s if end_s is None else min(end_s, duration_s)
        if end_s is None:
            raise SettingsError(
                f"{path}: the file does not say how long it is; give end_time, or use time_step_sample"
            )
        start, length = Fraction(self._start_s), Fraction(end_s) - Fraction(self._start_s)
        return [start + length * k / count for k in range(count)]


def _video_frame(picture: Picture) -> VideoFrame:
    return VideoFrame(picture.pixels, "RGB", round(picture.time_s * 1000), int(picture.is_key_frame))
