"""What a decoded picture looks like: as a player shows it, whatever the file keeps it as."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import Picture, ffmpeg, ffmpeg_pictures, number_in, numbered_picture, write_clip

from reprise.decoding.picture import resized
from reprise.decoding.sampling import sample

RED, GREEN, BLUE, GREY = (220, 30, 30), (30, 200, 30), (30, 30, 220), (120, 120, 120)


def first_picture(path: Path, **settings: Any) -> Picture:
    return next(sample(str(path), **settings)).pixels


def difference(first: Picture, second: Picture) -> float:
    """Mean over all pixels, 0 to 255; shapes must agree."""
    assert first.shape == second.shape
    return float(np.abs(first.astype(int) - second).mean())


def four_colours(_number: int, size: tuple[int, int]) -> Picture:
    """Red and green above blue and grey: no turn and no mirror image of it is like it."""
    width, height = size
    corners = np.array([[RED, GREEN], [BLUE, GREY]], np.uint8)
    return corners[np.arange(height) * 2 // height][:, np.arange(width) * 2 // width]


def gradient(_number: int, size: tuple[int, int]) -> Picture:
    width, height = size
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], -1).astype(np.uint8)


def half_transparent(_number: int, size: tuple[int, int]) -> Picture:
    """Left transparent with white hidden under it, right opaque orange."""
    width, height = size
    picture = np.full((height, width, 4), (200, 100, 50, 255), np.uint8)
    picture[:, : width // 2] = (255, 255, 255, 0)
    return picture


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="session")
def lossless_gradient(folder: Path) -> Path:
    return write_clip(folder / "gradient.mkv", seconds=0.2, codec="ffv1", pixel_format="bgr0", picture=gradient)


# --- turned, mirrored, stretched


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_picture_is_turned_as_ffmpeg_turns_it(folder: Path, degrees: int, is_mirrored: bool) -> None:
    path = write_clip(
        folder / f"turned_{degrees}_{is_mirrored}.mp4",
        seconds=0.2,
        picture=four_colours,
        prepare=lambda stream: stream.set_display_rotation(degrees, hflip=is_mirrored),
    )
    ours = first_picture(path)
    assert ours.shape == ((64, 48, 3) if degrees % 180 else (48, 64, 3))
    theirs = ffmpeg_pictures(path, (ours.shape[1], ours.shape[0]), "-frames:v", "1")[0]
    assert difference(ours, theirs) < 4
    unturned = four_colours(0, (ours.shape[1], ours.shape[0]))
    assert (difference(ours, unturned) < 10) == (degrees == 0 and not is_mirrored)


def test_a_picture_that_is_only_upside_down_is_set_upright(folder: Path) -> None:
    path = write_clip(
        folder / "upside_down.mp4",
        seconds=0.2,
        picture=four_colours,
        prepare=lambda stream: stream.set_display_rotation(0, vflip=True),
    )
    assert difference(first_picture(path), four_colours(0, (64, 48))[::-1]) < 5


def test_the_size_asked_for_is_that_after_the_turn(folder: Path) -> None:
    path = write_clip(
        folder / "turned_small.mkv",
        seconds=0.2,
        picture=four_colours,
        prepare=lambda stream: stream.set_display_rotation(90),
    )
    picture = first_picture(path, size=(20, 30))
    assert picture.shape == (30, 20, 3)
    assert difference(picture, np.rot90(four_colours(0, (30, 20)))) < 10


@pytest.mark.parametrize(
    ("pixel_aspect", "width"), [(Fraction(2), 128), (Fraction(8, 9), 57), (Fraction(1), 64), (Fraction(50), 64)]
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_pixels_become_square_unless_their_shape_is_absurd(
    folder: Path, suffix: str, pixel_aspect: Fraction, width: int
) -> None:
    def with_aspect(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = pixel_aspect
        stream.sample_aspect_ratio = pixel_aspect

    path = write_clip(folder / f"aspect_{width}.{suffix}", seconds=0.2, prepare=with_aspect)
    assert first_picture(path).shape == (48, width, 3)


def test_wide_pixels_of_a_turned_picture_make_it_high(folder: Path) -> None:
    def turned_and_wide(stream: Any) -> None:
        stream.sample_aspect_ratio = stream.codec_context.sample_aspect_ratio = Fraction(2)
        stream.set_display_rotation(90)

    path = write_clip(folder / "turned_wide.mp4", seconds=0.2, prepare=turned_and_wide)
    assert first_picture(path).shape == (128, 48, 3)


# --- colours


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc", None])
@pytest.mark.parametrize(
    ("pixels", "colour_range"),
    [("yuv420p", "tv"), ("yuv420p", "pc"), ("yuv422p", "tv"), ("yuv420p10le", "tv"), ("yuv444p", "pc")],
)
def test_colours_are_those_that_went_in(
    folder: Path, lossless_gradient: Path, pixels: str, colour_range: str, matrix: str | None
) -> None:
    scale = f"scale=out_range={colour_range}"
    if matrix is not None:
        scale += f":out_color_matrix={ {'smpte170m': 'bt601', 'bt2020nc': 'bt2020'}.get(matrix, matrix) }"
    path = folder / f"{pixels}_{colour_range}_{matrix}.mp4"
    tags = ("-color_range", colour_range, *(("-colorspace", matrix) if matrix else ()))
    ffmpeg("-i", lossless_gradient, "-vf", f"{scale},format={pixels}", "-c:v", "libx264", "-qp", "1", *tags, path)
    ours = first_picture(path)
    theirs = ffmpeg_pictures(path, (64, 48), "-vf", "scale=flags=area+accurate_rnd", "-frames:v", "1")[0]
    assert np.abs(ours.astype(int) - theirs).max() <= 4
    assert np.abs(ours.astype(int) - gradient(0, (64, 48))).max() <= 8


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "options"),
    [
        ("qtrle.mov", "qtrle", "argb", {}),
        ("png.mov", "png", "rgba", {}),
        ("prores.mov", "prores_ks", "yuva444p10le", {"profile": "4444"}),
        ("ffv1.mkv", "ffv1", "bgra", {}),
        ("vp9.webm", "libvpx-vp9", "yuva420p", {}),
        ("vp8.webm", "libvpx", "yuva420p", {"auto-alt-ref": "0"}),
    ],
)
def test_what_is_transparent_is_black(
    folder: Path, name: str, codec: str, pixels: str, options: dict[str, str]
) -> None:
    path = write_clip(
        folder / name,
        seconds=0.2,
        codec=codec,
        pixel_format=pixels,
        options=options,
        picture=half_transparent,
    )
    picture = first_picture(path).astype(int)
    assert picture[:, :30].max() <= 3
    assert np.abs(picture[:, 34:] - (200, 100, 50)).max() <= 8


@pytest.mark.parametrize("name", ["palette.gif", "palette.mov"])
def test_what_is_transparent_in_a_palette_is_black(folder: Path, name: str) -> None:
    opaque = write_clip(folder / "full.mov", times_s=[0], codec="png", pixel_format="rgba", picture=half_transparent)
    palette = "split[a][b];[a]palettegen=reserve_transparent=1[p];[b][p]paletteuse"
    ffmpeg("-i", opaque, "-vf", palette, *(("-c:v", "png") if name.endswith("mov") else ()), folder / name)
    picture = first_picture(folder / name).astype(int)
    assert picture[:, :32].max() == 0
    assert np.abs(picture[:, 32:] - (200, 100, 50)).max() <= 8


def test_colours_hidden_under_transparency_do_not_show_when_scaled(folder: Path) -> None:
    path = write_clip(folder / "hidden.mov", seconds=0.2, codec="png", pixel_format="rgba", picture=half_transparent)
    middle = first_picture(path, size=(3, 3))[1, 1].astype(int)
    assert np.abs(middle - (100, 50, 25)).max() <= 2  # half orange, half black, no white


# --- interlacing


@pytest.mark.parametrize(
    ("name", "codec", "size"),
    [
        ("h264.mp4", "libx264", "64x48"),
        ("mpeg2.ts", "mpeg2video", "66x50"),
        ("prores.mov", "prores_ks", "64x48"),
        ("ffv1.mkv", "ffv1", "66x50"),
    ],
)
def test_interlaced_pictures_do_not_comb(folder: Path, name: str, codec: str, size: str) -> None:
    path = folder / f"interlaced_{name}"
    # Upright bars that move on by half their width from field to field: a frame of both is a grid.
    bars = f"color=black:s={size}:r=50,geq=lum='if(lt(mod(X+N*8,32),16),235,16)':cb=128:cr=128"
    interlace = ("-t", "1", "-vf", "interlace=lowpass=0,setfield=tff", "-flags", "+ildct+ilme")
    ffmpeg("-f", "lavfi", "-i", bars, *interlace, "-c:v", codec, path)
    width, height = map(int, size.split("x"))
    woven = ffmpeg_pictures(path, (width, height), "-frames:v", "1")[0].astype(int)
    ours = first_picture(path).astype(int)
    assert np.abs(np.diff(woven, axis=0)).mean() > 100
    assert ours.shape == (height, width, 3)
    assert np.abs(np.diff(ours, axis=0)).mean() < 2
    assert ours.max() - ours.min() > 200


def test_interlaced_pictures_keep_their_colours(folder: Path, lossless_gradient: Path) -> None:
    path = folder / "interlaced_colours.mp4"
    bt709 = "scale=out_color_matrix=bt709:out_range=tv,format=yuv422p,setfield=tff"
    tags = ("-colorspace", "bt709", "-color_range", "tv", "-flags", "+ildct+ilme")
    ffmpeg("-i", lossless_gradient, "-vf", bt709, "-c:v", "libx264", "-qp", "1", *tags, path)
    assert np.abs(first_picture(path).astype(int) - gradient(0, (64, 48))).max() <= 12  # of 5 a line


# --- sizes


@pytest.mark.parametrize("size", [(65, 49), (17, 11), (1, 1), (3, 200)])
@pytest.mark.parametrize(
    ("suffix", "codec", "pixels"),
    [("mp4", "libx264", "yuv444p"), ("webm", "libvpx-vp9", "yuv420p"), ("avi", "mjpeg", "yuvj420p")],
)
def test_odd_sizes_keep_every_line_and_column(
    folder: Path, suffix: str, codec: str, pixels: str, size: tuple[int, int]
) -> None:
    path = write_clip(folder / f"odd_{size[0]}.{suffix}", seconds=2, size=size, codec=codec, pixel_format=pixels)
    shown = list(sample(str(path)))
    assert [picture.pixels.shape for picture in shown] == [(size[1], size[0], 3)] * 2
    if min(size) > 10:
        assert [number_in(picture.pixels) for picture in shown] == [0, 25]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "webm"])
def test_a_video_of_one_picture_gives_it(folder: Path, suffix: str) -> None:
    codec = "libvpx" if suffix == "webm" else "libx264"
    path = write_clip(folder / f"one.{suffix}", times_s=[0], codec=codec)
    assert [(number_in(picture.pixels), picture.time_s) for picture in sample(str(path))] == [(0, 0.0)]


def test_a_size_that_changes_on_the_way_is_followed(folder: Path) -> None:
    small, large = write_clip(folder / "small.ts"), write_clip(folder / "large.ts", size=(128, 96))
    path = folder / "grows.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    shapes = [picture.pixels.shape for picture in sample(str(path))]
    assert shapes == [(48, 64, 3)] * 3 + [(96, 128, 3)] * 3
    assert {picture.pixels.shape for picture in sample(str(path), size=(32, 24))} == {(24, 32, 3)}


def test_scaling_averages_over_what_it_covers(folder: Path) -> None:
    def fine_stripes(_number: int, size: tuple[int, int]) -> Picture:
        stripes = np.zeros((size[1], size[0], 3), np.uint8)
        stripes[:, ::2] = 200
        return stripes

    path = write_clip(folder / "stripes.mkv", times_s=[0], codec="ffv1", pixel_format="bgr0", picture=fine_stripes)
    scaled = first_picture(path, size=(8, 6)).astype(int)
    assert np.abs(scaled - 100).max() <= 2
    assert np.array_equal(resized(fine_stripes(0, (64, 48)), (8, 6)), scaled)


# --- which track


def test_the_cover_of_a_video_is_not_the_video(folder: Path) -> None:
    video = write_clip(folder / "uncovered.mp4")
    cover = write_clip(folder / "cover.mp4", times_s=[0], size=(320, 240), picture=four_colours)
    ffmpeg("-i", cover, "-frames:v", "1", "-update", "1", folder / "cover.png")
    path = folder / "covered.mp4"
    both = ("-map", "1", "-map", "0", "-c", "copy", "-disposition:v:0", "attached_pic")
    ffmpeg("-i", video, "-i", folder / "cover.png", *both, path)
    assert [number_in(picture.pixels) for picture in sample(str(path))] == [0, 25, 50]


def test_of_two_tracks_the_default_one_is_shown_and_else_the_largest(folder: Path) -> None:
    small = write_clip(folder / "track_small.mp4")
    large = write_clip(folder / "track_large.mp4", size=(128, 96))
    both = ("-i", small, "-i", large, "-map", "0", "-map", "1", "-c", "copy")
    for name, dispositions, height in [("default", ("default", "0"), 48), ("largest", ("0", "0"), 96)]:
        path = folder / f"{name}.mkv"
        ffmpeg(*both, "-disposition:v:0", dispositions[0], "-disposition:v:1", dispositions[1], path)
        assert first_picture(path).shape[0] == height


def test_a_numbered_picture_reads_as_its_number() -> None:
    for number in (0, 1, 25, 1000, 4095):
        for size in ((64, 48), (65, 49), (17, 11), (320, 240)):
            assert number_in(numbered_picture(number, size)) == number


def test_the_ending_of_the_name_decides_nothing(folder: Path) -> None:
    video = write_clip(folder / "real.mkv")
    for name in ("misnamed.avi", "misnamed.txt", "no_ending"):
        shutil.copy(video, folder / name)
        assert [number_in(picture.pixels) for picture in sample(str(folder / name))] == [0, 25, 50]


@pytest.mark.parametrize(("size", "scaled"), [((96, 48), (64, 32)), ((48, 96), (32, 64)), ((4, 96), (32, 320))])
def test_a_picture_scaled_by_its_shorter_side_keeps_its_proportions_within_reason(
    folder: Path, size: tuple[int, int], scaled: tuple[int, int]
) -> None:
    clip = write_clip(folder / f"short-side-{size[0]}.mkv", seconds=0.2, size=size, codec="ffv1", pixel_format="bgr0")
    height, width = first_picture(clip, size=32).shape[:2]
    assert (width, height) == scaled
