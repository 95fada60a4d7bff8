"""Which videos a filter fits."""

from __future__ import annotations

from typing import Any

import pytest

from reprise.errors import SettingsError
from reprise.filters import Condition, VideoFilter
from reprise.stores.videos import VideoRow


def row(**changes: Any) -> VideoRow:
    facts: dict[str, Any] = {
        "id": "a" * 32,
        "path": "films/a.mp4",
        "content_hash": "0" * 64,
        "file_size": 3 << 20,
        "modified_ns": 1,
        "duration_s": 90.5,
        "frame_count": 91,
        "fps": 1.0,
        "model": "isc@0123456789ab",
        "ingested_at": "2026-11-21T09:30:00+00:00",
        "warning": "",
        "tags": ["news", 'say "x"'],
        "width": 1280,
        "height": 720,
        "codec": "h264",
    }
    return VideoRow(**{**facts, **changes})


@pytest.mark.parametrize(
    ("expressions", "fits"),
    [
        (["tag=news"], True),
        (["tag=sport"], False),
        (["tag=sport", "tag=news"], True),
        (["tag!=sport"], True),
        (["tag!=news"], False),
        (["tag=n*s"], True),
        (['tag=say "x"'], True),
        (["duration>90"], True),
        (["duration>1:30"], True),
        (["duration > 1:30.5"], False),
        (["duration<=90.5", "duration>=0:01:30.5"], True),
        (["duration=90.5"], True),
        (["height>=720"], True),
        (["height>720"], False),
        (["width!=1280"], False),
        (["height=1080", "height=720"], True),
        (["frames<91"], False),
        (["fps=1"], True),
        (["size>=3MB"], True),
        (["size>3MiB"], False),
        (["size<1G"], True),
        (["model=isc"], True),
        (["model=isc@0123456789ab"], True),
        (["model=reprise"], False),
        (["codec=h264", "codec=hevc"], True),
        (["codec!=h26?"], False),
        (["date=2026-11-21"], True),
        (["date=2026-11"], True),
        (["date>2026-11-21"], False),
        (["date>2026-11-20"], True),
        (["date>=2026-11-21 09:30"], True),
        (["date<2026-11-21T09:30"], False),
        (["date>2025", "tag=sport"], False),
        (["video!=*.mkv"], True),
        (["video!=a.mp4"], False),
        ([], True),
    ],
)
def test_a_video_fits_a_filter(expressions: list[str], fits: bool) -> None:
    assert VideoFilter.parse(expressions).fits(row()) is fits


def test_signs_that_mean_several_are_meant_themselves_where_they_stand_so() -> None:
    assert VideoFilter(tags=("a[1]*",)).fits(row(tags=["a[1]*"]))
    assert VideoFilter.parse(["tag=a[[]1]?"]).fits(row(tags=["a[1]x"]))
    assert not VideoFilter.parse(["tag=a[[]1]?"]).fits(row(tags=["a1x"]))


def test_all_behind_the_sign_is_the_value() -> None:
    assert VideoFilter.parse(["tag = a=b<c "]) == VideoFilter(("a=b<c",))
    assert VideoFilter.parse(["codec = =x"]).conditions == (Condition("codec", "=", "=x"),)


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("colour=red", "where must be tag=TEXT, .*, not 'colour=red'"),
        ("duration", "not 'duration'"),
        ("tag=", "not 'tag='"),
        ("tag<news", "where tag<news: a tag is only = or !="),
        ("duration>long", "where duration: 'long' is no number; give e.g. 90 or 1:30"),
        ("size>5 apples", "where size: '5 apples' is no number; give e.g. 500MB"),
        ("date>yesterday", "where date: 'yesterday' is no date; give e.g. 2026-11-21"),
    ],
)
def test_what_is_no_filter_is_refused(expression: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        VideoFilter.parse([expression])
