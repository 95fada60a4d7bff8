"""`ops.video_decode.ffmpeg`: called alone, and in a Towhee pipeline, with our parameters and the Hub's."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import number_in, write_clip
from towhee import ops, pipe
from towhee.types import VideoFrame

import reprise  # noqa: F401 - registers the operators
from reprise.errors import InputError, SettingsError
from reprise.operators.video_decode.ffmpeg import Ffmpeg


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> str:
    """150 pictures at 25 a second."""
    return str(write_clip(tmp_path_factory.mktemp("operator") / "six seconds.mp4", seconds=6))


def frames(video: str, *arguments: Any, **settings: Any) -> list[VideoFrame]:
    return list(Ffmpeg(*arguments, **settings)(video))


def numbers(video: str, *arguments: Any, **settings: Any) -> list[int]:
    return [number_in(np.asarray(frame)) for frame in frames(video, *arguments, **settings)]


# --- with fps: frames and times


def test_fps_gives_pairs_of_frame_and_time(video: str) -> None:
    pairs = list(Ffmpeg(fps=1)(video))
    assert [(number_in(frame), time_s) for frame, time_s in pairs] == [(25 * k, float(k)) for k in range(6)]
    assert {(frame.shape, frame.dtype) for frame, _ in pairs} == {((48, 64, 3), np.dtype(np.uint8))}


def test_a_size_scales_while_decoding(video: str) -> None:
    pairs = list(Ffmpeg(fps=0.5, size=(32, 16), threads=1, start_time=1, end_time=4)(video))
    assert [(number_in(frame), time_s, frame.shape) for frame, time_s in pairs] == [
        (25, 1.0, (16, 32, 3)),
        (75, 3.0, (16, 32, 3)),
    ]


def test_a_pipeline_gets_frames_and_times(video: str) -> None:
    chain = (
        pipe.input("video_path")
        .flat_map("video_path", ("frame", "time_s"), ops.video_decode.ffmpeg(fps=1, size=(16, 12)))
        .window_all("time_s", "times_s", np.array)
        .output("times_s")
    )
    assert chain(video).get()[0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert chain(video).get()[0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


# --- with the Hub's parameters: VideoFrames


def test_time_step_sample_gives_a_frame_each_step(video: str) -> None:
    given = frames(video, None, None, "time_step_sample", {"time_step": 2})
    assert [(number_in(np.asarray(frame)), frame.timestamp) for frame in given] == [(0, 0), (50, 2000), (100, 4000)]
    assert {(type(frame), frame.mode, frame.dtype, frame.shape) for frame in given} == {
        (VideoFrame, "RGB", np.dtype(np.uint8), (48, 64, 3))
    }
    assert [frame.key_frame for frame in given] == [1, 0, 0]


def test_a_time_step_may_be_a_fraction_of_a_second(video: str) -> None:
    given = frames(video, sample_type="time_step_sample", args={"time_step": 0.3})
    assert [frame.timestamp for frame in given] == [300 * k for k in range(20)]


def test_the_span_applies_to_every_sample_type(video: str) -> None:
    assert numbers(video, 2, 4.5, "time_step_sample", {"time_step": 1}) == [50, 75, 100]
    assert numbers(video, 2, 4, "uniform_temporal_subsample", {"num_samples": 3}) == [50, 74, 99]
    assert numbers(video, 2, 2.2) == [50, 51, 52, 53, 54]


def test_uniform_temporal_subsample_goes_from_the_first_picture_to_the_last(video: str) -> None:
    uniform = "uniform_temporal_subsample"
    # The Hub's operator: numpy.linspace(0, pictures - 1, num_samples), rounded down.
    for count in (1, 2, 4, 7, 16):
        expected = np.linspace(0, 149, count).astype(int).tolist()
        assert numbers(video, sample_type=uniform, args={"num_samples": count}) == expected


@pytest.mark.parametrize("suffix", ["mkv", "ts", "h264", "gif"])
def test_uniform_temporal_subsample_needs_no_announced_length(tmp_path: Path, suffix: str) -> None:
    gif = {"codec": "gif", "pixel_format": "rgb8"} if suffix == "gif" else {}
    path = write_clip(tmp_path / f"video.{suffix}", fps=25, seconds=2, **gif)
    args = {"num_samples": 3}
    assert numbers(str(path), sample_type="uniform_temporal_subsample", args=args) == [0, 24, 49]


def test_more_samples_than_pictures_give_pictures_again(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "two.mp4", times_s=[0, 1])
    args = {"num_samples": 4}
    assert numbers(str(path), sample_type="uniform_temporal_subsample", args=args) == [0, 0, 0, 1]


def test_without_parameters_every_frame_is_given(video: str) -> None:
    given = frames(video)
    assert [number_in(np.asarray(frame)) for frame in given] == list(range(150))
    assert [frame.timestamp for frame in given] == [40 * k for k in range(150)]


def test_a_hub_pipeline_runs_unchanged(video: str) -> None:
    chain = (
        pipe.input("url")
        .flat_map("url", "frame", ops.video_decode.ffmpeg(sample_type="time_step_sample", args={"time_step": 1}))
        .map("frame", "timestamp", lambda frame: frame.timestamp)
        .output("timestamp")
    )
    result = chain(video)
    assert [result.get()[0] for _ in range(result.size)] == [0, 1000, 2000, 3000, 4000, 5000]


def test_the_hub_takes_sample_types_in_any_case(video: str) -> None:
    assert numbers(video, sample_type="TIME_STEP_SAMPLE", args={"time_step": 3}) == [0, 75]


# --- what goes wrong


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"sample_type": "random"}, "sample_type must be one of"),
        ({"sample_type": "time_step_sample"}, r"needs args=\{'time_step': …\}"),
        ({"sample_type": "time_step_sample", "args": {"time_step": 0}}, "time_step must be a number above 0"),
        (
            {"sample_type": "time_step_sample", "args": {"time_step": "often"}},
            "time_step must be a number, not 'often'",
        ),
        ({"sample_type": "uniform_temporal_subsample", "args": {"num_samples": 2.5}}, "num_samples must be a number"),
        ({"sample_type": "time_step_sample", "args": {"time_step": 1}, "fps": 1}, "either fps or sample_type"),
        ({"fps": 0}, "fps must be above 0"),
        ({"fps": 1, "size": (0, 128)}, "size must be"),
        ({"start_time": 5, "end_time": 5}, "the end must lie after the start"),
        ({"start_time": -1}, "the start must be"),
    ],
)
def test_unusable_parameters_are_refused_when_the_pipeline_is_built(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        Ffmpeg(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"fps": 1},
        {},
        {"sample_type": "time_step_sample", "args": {"time_step": 1}},
        {"sample_type": "uniform_temporal_subsample", "args": {"num_samples": 4}},
    ],
)
def test_a_video_never_ends_in_silence(tmp_path: Path, video: str, settings: dict[str, Any]) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video\n" * 100)
    for path, operator in [
        (str(tmp_path / "missing.mp4"), Ffmpeg(**settings)),
        (str(text), Ffmpeg(**settings)),
        (video, Ffmpeg(start_time=60, **settings)),
    ]:
        with pytest.raises(InputError, match=Path(path).name):
            list(operator(path))


def test_a_pipeline_names_the_video_that_failed(tmp_path: Path) -> None:
    chain = (
        pipe.input("video_path")
        .flat_map("video_path", ("frame", "time_s"), ops.video_decode.ffmpeg(fps=1))
        .output("time_s")
    )
    with pytest.raises(RuntimeError, match=r"missing\.mp4: no such file"):
        chain(str(tmp_path / "missing.mp4"))


def test_the_operator_can_be_copied_as_towhee_does(video: str) -> None:
    operator = copy.deepcopy(Ffmpeg(fps=1, size=(16, 12)))
    assert [time_s for _, time_s in operator(video)] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
