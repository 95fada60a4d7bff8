"""The sound of a file on the clock of its pictures, its fingerprint, and stretches that are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from footage import footage
from numpy.typing import NDArray
from sounds import RATE, silence, tune, with_sound

from reprise.audio.chromaprint import HOP_S
from reprise.audio.fingerprint import SPEEDS, Heard, fingerprint, heard
from reprise.audio.matching import same_sound
from reprise.audio.votes import Shelf
from reprise.decoding.sound import SAMPLE_RATE, sound
from reprise.segment import Segment


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds of pictures, without sound."""
    return footage(tmp_path_factory.mktemp("pictures") / "pictures.mp4", range(20))


def samples_of(path: Path) -> NDArray[np.int16]:
    return np.concatenate([*sound(str(path)), np.zeros(0, np.int16)])


def pcm(*parts: NDArray[np.float64], played_at: float = 1.0) -> list[NDArray[np.int16]]:
    """What `heard` takes, of `tune`'s samples played faster by `played_at`."""
    joined = np.concatenate(parts)
    at_s = np.arange(int(len(joined) / RATE / played_at * SAMPLE_RATE)) / SAMPLE_RATE * played_at
    played = np.interp(at_s, np.arange(len(joined)) / RATE, joined)
    return [(played * 20_000).astype(np.int16)]


def codes(*parts: NDArray[np.float64]) -> NDArray[np.uint32]:
    return heard(pcm(*parts), (1.0,))[0].codes


def found(shelf: Shelf, *parts: NDArray[np.float64], played_at: float = 1.0) -> dict[int, list[Segment]]:
    return same_sound(shelf, heard(pcm(*parts, played_at=played_at), SPEEDS))


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    """The tunes 1 to 4, of half a minute each."""
    return Shelf.of([codes(tune(seed)) for seed in range(1, 5)])


@pytest.mark.parametrize(
    "name, codec", [("a.mp4", "aac"), ("b.mkv", "libopus"), ("c.avi", "mp3"), ("d.mov", "pcm_s16le")]
)
def test_sound_is_decoded_to_mono_at_one_rate(name: str, codec: str, pictures: Path, tmp_path: Path) -> None:
    heard_s = len(samples_of(with_sound(tmp_path / name, pictures, tune(1, 0, 10), codec=codec))) / SAMPLE_RATE
    assert heard_s == pytest.approx(10, abs=0.2)


def test_sound_that_begins_after_the_pictures_has_silence_before_it(pictures: Path, tmp_path: Path) -> None:
    late = samples_of(with_sound(tmp_path / "late.mkv", pictures, tune(1, 0, 5), codec="pcm_s16le", delay_s=3))
    first_s = np.flatnonzero(np.abs(late) > 500)[0] / SAMPLE_RATE
    assert (first_s, len(late) / SAMPLE_RATE) == (pytest.approx(3, abs=0.05), pytest.approx(8, abs=0.1))


def test_a_video_without_sound_yields_none(pictures: Path) -> None:
    assert len(samples_of(pictures)) == 0
    assert len(fingerprint(str(pictures))) == 0


def test_silence_has_no_fingerprint(pictures: Path, tmp_path: Path) -> None:
    assert len(fingerprint(str(with_sound(tmp_path / "silent.mp4", pictures, silence(10))))) == 0


def test_a_fingerprint_has_eight_codes_a_second_and_marks_silence() -> None:
    made = codes(tune(1, 0, 10), silence(8), tune(1, 10, 20))
    assert len(made) * HOP_S == pytest.approx(28 - 2.6, abs=0.3)
    middle = made[round(12 / HOP_S) : round(15 / HOP_S)]
    assert not middle.any()
    assert np.all(made[: round(6 / HOP_S)])


def test_less_than_three_seconds_have_no_fingerprint() -> None:
    assert len(codes(tune(1, 0, 2))) == 0


def test_a_damaged_sound_track_costs_what_is_damaged(pictures: Path, tmp_path: Path) -> None:
    whole = with_sound(tmp_path / "whole.mkv", pictures, tune(1, 0, 20), codec="mp3")
    content = bytearray(whole.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.integers(2000, len(content), 400):
        content[place] = rng.integers(256)
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(content)
    assert 10 * SAMPLE_RATE < len(samples_of(damaged)) <= 60 * SAMPLE_RATE  # its times are damaged, too


def test_a_stretch_is_found_where_it_comes_from(shelf: Shelf) -> None:
    by_video = found(shelf, tune(9, 0, 8), tune(2, 10, 22), tune(9, 8, 14))
    assert list(by_video) == [1]
    (segment,) = by_video[1]
    assert segment.box == pytest.approx([8, 10, 20, 22], abs=1)
    assert segment.reference_start_s - segment.query_start_s == pytest.approx(2, abs=0.2)
    assert segment.score > 0.8


def test_two_stretches_of_two_videos_are_both_found(shelf: Shelf) -> None:
    by_video = found(shelf, tune(1, 0, 10), tune(4, 15, 25))
    assert sorted(by_video) == [0, 3]
    assert by_video[0][0].box == pytest.approx([0, 0, 10, 10], abs=1)
    assert by_video[3][0].box == pytest.approx([10, 15, 20, 25], abs=1)


def test_other_sound_matches_nothing(shelf: Shelf) -> None:
    assert found(shelf, tune(11), tune(12)) == {}


def test_silence_and_a_steady_tone_match_nothing_not_even_themselves() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(20 * RATE) / RATE)
    held = Shelf.of([codes(tone), codes(silence(20)), codes(tone, silence(10))])
    assert found(held, tone) == {}
    assert found(held, silence(20)) == {}


@pytest.mark.parametrize("speed", [0.95, 0.98, 1.02, 25 / 24])
def test_a_copy_that_is_played_faster_or_slower_is_found_with_its_speed(speed: float, shelf: Shelf) -> None:
    by_video = found(shelf, tune(3, 5, 25), played_at=speed)
    assert list(by_video) == [2]
    segment = max(by_video[2], key=lambda one: one.query_end_s - one.query_start_s)
    assert segment.speed == pytest.approx(speed, abs=0.006)
    assert segment.box == pytest.approx([0, 5, 20 / speed, 25], abs=1.5)


def test_noise_and_volume_leave_a_copy_what_it_is(shelf: Shelf) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 15 * RATE)
    by_video = found(shelf, 0.1 * tune(2, 5, 20) + noise * 0.3)
    assert list(by_video) == [1]


def test_a_query_without_sound_and_a_library_without_sound_match_nothing(shelf: Shelf) -> None:
    assert same_sound(shelf, []) == {}
    assert same_sound(shelf, [Heard(1.0, np.zeros(0, np.uint32))]) == {}
    assert same_sound(Shelf.of([]), [Heard(1.0, codes(tune(1)))]) == {}
