"""Reading still pictures with FFmpeg's libraries (PyAV), as the frames of videos are read."""

from __future__ import annotations

import itertools
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from reprise.decoding.allowed import PICTURE_CODECS, PICTURE_FORMATS, STILL_FORMATS
from reprise.decoding.container import STILL_BRANDS, check_file
from reprise.decoding.limits import Meter
from reprise.decoding.picture import PictureMaker, Size
from reprise.decoding.refused_size import refused_size
from reprise.errors import DecodeError, NotAPictureError, NotAVideoError, printable

LOOPING_FORMATS = frozenset({"gif", "apng"})  # which hold one picture, or a short film
MAX_TRACKS = 2  # the picture and its transparency; photographs in many are made of tiles


def read_picture(path: str, size: Size | None = None, *, meter: Meter | None = None) -> NDArray[np.uint8]:
    """The picture in an image file as a viewer shows it: [height, width, 3] uint8 RGB, turned as its camera says.

    `size` is (width, height) or the length of the shorter side, None for the picture's own. Raises MissingVideoError
    if there is no such file, NotAPictureError for a video or a file of another kind, DecodeError for a broken one,
    LimitError for one of more pixels than `meter` lets pass.
    """
    shown = printable(path)
    check_picture(path)
    meter = meter or Meter(path)
    options = {
        "format_whitelist": ",".join(PICTURE_FORMATS),
        "codec_whitelist": ",".join(PICTURE_CODECS),
        "max_pixels": meter.limits.max_pixels,
    }
    try:
        # As an open file: by its name FFmpeg would take "a%03d.png" for a row of files.
        with (
            Path(path).open("rb") as file,
            av.open(file, "r", options=options, metadata_errors="replace") as container,
        ):
            _check_format(container, shown)
            stream = container.streams.video[0]
            meter.opened(stream.codec_context.width, stream.codec_context.height, 0, None)
            # Else half a JPEG is decoded, and the rest is grey.
            stream.codec_context.options = {**options, "err_detect": "explode"}
            pictures = list(itertools.islice(container.decode(stream), 2))
    except (av.InvalidDataError, av.EOFError) as error:
        with Path(path).open("rb") as file, suppress(av.FFmpegError), av.open(file, "r", options=options) as again:
            size = refused_size(again, again.streams.video[0])
            meter.met_size(size)
        raise NotAPictureError(f"{shown}: is broken, incomplete or not a picture; try a PNG or JPEG") from error
    except MemoryError:
        raise  # FFmpeg's is one of its errors, too
    except av.ArgumentError as error:  # its answer to a format or codec that is not on the list
        raise NotAPictureError(f"{shown}: is not a picture; give e.g. a PNG or JPEG") from error
    except av.FFmpegError as error:
        raise DecodeError(f"{shown}: cannot be decoded ({error.strerror}); try a PNG or JPEG") from error
    if len(pictures) != 1:
        reason = "holds more than one picture" if pictures else "no picture can be decoded"
        raise NotAPictureError(f"{shown}: {reason}; give one, e.g. a PNG or JPEG")
    return PictureMaker(size)(pictures[0], stream.sample_aspect_ratio)


def check_picture(path: str) -> None:
    """Raises MissingVideoError or NotAPictureError if there is no file that could be a picture at all."""
    try:
        check_file(path, "a picture")
    except NotAVideoError as error:
        raise NotAPictureError(str(error)) from error


def _check_format(container: InputContainer, shown: str) -> None:
    name, brand = container.format.name, container.metadata.get("major_brand")
    if not container.streams.video:
        raise NotAPictureError(f"{shown}: is not a picture; give e.g. a PNG or JPEG")
    is_photograph = brand in STILL_BRANDS
    if not (is_photograph or name.endswith(STILL_FORMATS) or name in LOOPING_FORMATS):
        raise NotAPictureError(f"{shown}: is a video, not a picture; `reprise query` finds what is copied in videos")
    if is_photograph and len(container.streams.video) > MAX_TRACKS:
        raise NotAPictureError(f"{shown}: is a photograph in tiles, which cannot be read; convert it to PNG or JPEG")
