"""Spans in the middle of a video, decoded from the key frame before them: the very pictures of a full decoding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import ffmpeg, write_clip

from reprise.decoding.sampling import Picture, sample, sample_span
from reprise.errors import DecodeError, MissingVideoError, SettingsError

SECONDS = 8.0
KEY_FRAMES = {"g": "40", "keyint_min": "40", "sc_threshold": "0"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spans")


def numbered(path: Path, codec: str = "libx264", **options: str) -> Path:
    return write_clip(path, seconds=SECONDS, codec=codec, options={**KEY_FRAMES, **options})


def late(path: Path) -> Path:
    """A video whose first picture has a time stamp of 5 s."""
    numbered(path.with_suffix(".early.mkv"))
    ffmpeg("-i", path.with_suffix(".early.mkv"), "-c", "copy", "-output_ts_offset", "5", path)
    return path


def same(one: list[Picture], other: list[Picture]) -> bool:
    return [p.time_s for p in one] == [p.time_s for p in other] and all(
        np.array_equal(a.pixels, b.pixels) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("closed.mp4", "libx264", {"bf": "2"}),
        ("open.mkv", "libx264", {"bf": "2", "x264-params": "open-gop=1:keyint=40:min-keyint=40"}),
        ("h265.mp4", "libx265", {"x265-params": "log-level=none:open-gop=1:keyint=40"}),
        ("vp9.webm", "libvpx-vp9", {}),
        ("part2.avi", "mpeg4", {}),
        ("joinable.ts", "libx264", {"bf": "2"}),
        ("raw.264", "libx264", {}),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
@pytest.mark.parametrize(("start_s", "end_s"), [(2.3, 4.1), (5.0, 5.4), (7.5, 20.0), (0.2, 0.9)])
def test_a_span_is_what_a_full_decoding_gives(
    folder: Path, name: str, codec: str, options: dict[str, str], start_s: float, end_s: float
) -> None:
    path = folder / name
    if not path.exists():
        numbered(path, codec, **options)
    expected = list(sample(str(path), fps=10, start_s=start_s, end_s=end_s, size=(64, 48)))
    assert len(expected) > 3
    assert same(sample_span(str(path), fps=10, start_s=start_s, end_s=end_s, size=(64, 48)), expected)


def test_times_count_from_the_first_picture_wherever_decoding_begins(folder: Path) -> None:
    path = str(late(folder / "late.mkv"))
    assert same(sample_span(path, fps=10, start_s=4.0, end_s=5.0), list(sample(path, fps=10, start_s=4.0, end_s=5.0)))


def test_what_cannot_be_a_span_is_an_error(folder: Path) -> None:
    path = str(numbered(folder / "error.mp4"))
    with pytest.raises(DecodeError, match=r"no picture at 9.00 s; the video ends at 8.00 s"):
        sample_span(path, fps=10, start_s=9.0, end_s=10.0)
    with pytest.raises(SettingsError, match="the end must lie after the start"):
        sample_span(path, fps=10, start_s=5.0, end_s=5.0)
    with pytest.raises(MissingVideoError, match="no such file"):
        sample_span(str(folder / "none.mp4"), fps=10, start_s=5.0, end_s=6.0)
