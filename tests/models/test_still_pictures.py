"""Still pictures: any format that FFmpeg reads, as a viewer shows them; everything else is told in a line."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from footage import footage, silence
from numpy.typing import NDArray

from reprise.decoding.sampling import sample
from reprise.decoding.still import read_picture
from reprise.errors import MissingVideoError, NotAPictureError

Image = pytest.importorskip("PIL.Image", reason="the pictures are written with Pillow, of the extras demo and models")
FORMATS = ("png", "jpg", "webp", "bmp", "tiff", "gif", "ppm", "tga")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return footage(tmp_path_factory.mktemp("video") / "video.mp4", range(3))


@pytest.fixture(scope="module")
def shown(video: Path) -> NDArray[np.uint8]:
    """What is on the screen at 2 s."""
    return list(sample(str(video), fps=1))[2].pixels


@pytest.mark.parametrize("ending", FORMATS)
def test_every_usual_format_is_read_as_the_same_picture(
    ending: str, shown: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / f"picture.{ending}"
    Image.fromarray(shown).save(path)
    picture = read_picture(str(path))
    assert picture.shape == shown.shape
    assert picture.dtype == np.uint8
    # GIF has 256 colours, JPEG and WebP have less of colour than of light.
    assert np.abs(picture.astype(int) - shown).mean() < (8 if ending in {"gif", "jpg", "webp"} else 0.1)


@pytest.mark.parametrize(("size", "shape"), [((60, 50), (50, 60, 3)), (30, (30, 40, 3)), (None, (120, 160, 3))])
def test_a_picture_is_scaled_as_frames_are(
    size: tuple[int, int] | int | None, shape: tuple[int, ...], shown: NDArray[np.uint8], tmp_path: Path
) -> None:
    Image.fromarray(shown).save(tmp_path / "picture.png")
    assert read_picture(str(tmp_path / "picture.png"), size).shape == shape


@pytest.mark.parametrize(("orientation", "quarter_turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_a_photograph_is_turned_as_its_camera_says(
    orientation: int, quarter_turns: int, shown: NDArray[np.uint8], tmp_path: Path
) -> None:
    photograph = Image.fromarray(shown)
    exif = photograph.getexif()
    exif[0x112] = orientation
    photograph.save(tmp_path / "photograph.jpg", quality=95, exif=exif)
    picture = read_picture(str(tmp_path / "photograph.jpg"))
    expected = np.rot90(shown, quarter_turns)
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(int) - expected).mean() < 8


def test_transparency_lies_over_black(tmp_path: Path) -> None:
    layered = np.zeros((4, 6, 4), np.uint8)
    layered[:, :3] = (200, 100, 50, 255)
    layered[:, 3:] = (200, 100, 50, 0)
    Image.fromarray(layered).save(tmp_path / "layered.png")
    picture = read_picture(str(tmp_path / "layered.png"))
    assert picture[0].tolist() == [[200, 100, 50]] * 3 + [[0, 0, 0]] * 3


def test_a_name_that_looks_like_a_row_of_files_is_one_file(shown: NDArray[np.uint8], tmp_path: Path) -> None:
    Image.fromarray(shown).save(tmp_path / "a%03d:?.png")
    assert np.array_equal(read_picture(str(tmp_path / "a%03d:?.png")), shown)


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_half_a_picture_is_refused(ending: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"whole.{ending}")
    content = (tmp_path / f"whole.{ending}").read_bytes()
    (tmp_path / f"half.{ending}").write_bytes(content[: len(content) // 2])
    assert read_picture(str(tmp_path / f"whole.{ending}")).shape == (200, 300, 3)
    with pytest.raises(NotAPictureError, match=rf"half\.{ending}: is broken, incomplete or not a picture"):
        read_picture(str(tmp_path / f"half.{ending}"))


def test_what_is_no_picture_is_told_in_a_line(video: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello, this is no picture at all\n" * 50)
    (tmp_path / "empty.png").write_bytes(b"")
    silence(tmp_path / "sound.wav")
    scenes = [Image.fromarray(picture.pixels) for picture in sample(str(video), fps=1)]
    scenes[0].save(tmp_path / "moving.gif", save_all=True, append_images=scenes[1:])
    told = {
        str(video): "is a video, not a picture",
        str(tmp_path / "moving.gif"): "holds more than one picture",
        str(tmp_path / "sound.wav"): "is not a picture",
        str(tmp_path / "text.png"): "is broken, incomplete or not a picture",
        str(tmp_path / "empty.png"): "the file is empty (0 bytes)",
        str(tmp_path): "is a folder, not a picture",
    }
    for path, reason in told.items():
        with pytest.raises(NotAPictureError) as error:
            read_picture(path)
        assert str(error.value).startswith(f"{path}: {reason}")
        assert "\n" not in str(error.value)
    with pytest.raises(MissingVideoError, match="no such file"):
        read_picture(str(tmp_path / "none.png"))


def test_pictures_of_more_than_eight_bits_are_read(tmp_path: Path) -> None:
    deep = np.full((8, 8), 0x8000, np.uint16)
    with av.open(str(tmp_path / "deep.png"), "w", format="image2") as output:
        stream = output.add_stream("png", rate=1, width=8, height=8, pix_fmt="gray16be")
        output.mux(stream.encode(av.VideoFrame.from_ndarray(deep, format="gray16le").reformat(format="gray16be")))
        output.mux(stream.encode(None))
    assert np.abs(read_picture(str(tmp_path / "deep.png")).astype(int) - 128).max() <= 1
