"""Draws the frames of the demo's videos and writes them: camera moves, edits, H.264 and sound.

Needs scikit-image's photographs and Pillow, which comes with it.  A frame is an RGB image of Pillow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from reprise.demo.scenes import (
    FADE_S,
    Canvas,
    Copy,
    Crop,
    Edit,
    Flip,
    Inset,
    Query,
    Reference,
    Shot,
    Subtitles,
)
from reprise.errors import ReprisError

SOUND_RATE = 44100  # samples a second
PHOTO_MAX_PX = 1024  # larger photographs are reduced once: views are never shown at their full size


def write_reference(path: Path, reference: Reference, canvas: Canvas) -> None:
    """One video of the library; replaces a file of that name."""
    frames = footage(reference.shots, canvas)
    write_video(path, frames, canvas, crf=23, tone_hz=reference.tone_hz)


def write_query(path: Path, query: Query, library: Path, canvas: Canvas) -> None:
    """One query, its copies taken from `<reference>.mp4` in the folder `library`."""
    write_video(path, query_frames(query, library, canvas), canvas, crf=26)


def query_frames(query: Query, library: Path, canvas: Canvas) -> Iterator[Image.Image]:
    for part in query.parts:
        if isinstance(part, Copy):
            yield from copied_frames(part, library / f"{part.reference}.mp4", canvas)
        else:
            yield from footage(part.shots, canvas)


def copied_frames(copy: Copy, video: Path, canvas: Canvas) -> Iterator[Image.Image]:
    """The copy's stretch of `video` at the copy's speed, edited."""
    count = round(copy.seconds * canvas.fps)
    # the picture on show at that moment; the small addend keeps 24.9999 from becoming 24
    wanted = [int(copy.start_s * canvas.fps + n * copy.speed + 1e-6) for n in range(count)]
    for n, frame in enumerate(read_frames(video, wanted)):
        yield frame if copy.edit is None else edit_frame(frame, copy.edit, n / canvas.fps, canvas)


def edit_frame(frame: Image.Image, edit: Edit, time_s: float, canvas: Canvas) -> Image.Image:
    """The frame as it looks after the edit; `time_s` counts from the start of the copy."""
    width, height = frame.size
    match edit:
        case Crop():
            box = (edit.left * width, edit.top * height, edit.right * width, edit.bottom * height)
            return frame.resize(frame.size, Image.Resampling.BILINEAR, box=box)
        case Flip():
            return ImageOps.mirror(frame)
        case Subtitles():
            line = edit.lines[int(time_s / edit.seconds_per_line) % len(edit.lines)]
            subtitle = subtitle_layer(line, width, height)
            subtitled = frame.copy()
            subtitled.paste(subtitle, mask=subtitle)
            return subtitled
        case Inset():
            inset = frame.resize((round(edit.side * width), round(edit.side * height)), Image.Resampling.BILINEAR)
            background = footage_frame(edit.background, time_s, canvas)
            background.paste(inset, (round(edit.left * width), round(edit.top * height)))
            return background


@lru_cache(maxsize=8)
def subtitle_layer(line: str, width: int, height: int) -> Image.Image:
    """White letters with a black rim near the lower edge, on a transparent picture."""
    layer = Image.new("RGBA", (width, height))
    letter_px = height / 13
    ImageDraw.Draw(layer).text(
        (width / 2, height * 0.93),
        line,
        fill="white",
        font=ImageFont.load_default(letter_px),
        anchor="ms",
        stroke_width=max(1, round(letter_px / 10)),
        stroke_fill="black",
    )
    return layer


def footage(shots: tuple[Shot, ...], canvas: Canvas) -> Iterator[Image.Image]:
    """The shots one after the other, from the first to the last frame."""
    for n in range(round(sum(shot.seconds for shot in shots) * canvas.fps)):
        yield footage_frame(shots, n / canvas.fps, canvas)


def footage_frame(shots: tuple[Shot, ...], time_s: float, canvas: Canvas) -> Image.Image:
    """The picture `time_s` after the start of the first shot; past the end, the last picture stays."""
    current, start_s = 0, 0.0
    while current + 1 < len(shots) and time_s >= start_s + shots[current].seconds:
        start_s += shots[current].seconds
        current += 1
    frame = shot_frame(shots[current], time_s - start_s, canvas)
    faded = (time_s - start_s) / FADE_S
    if current == 0 or faded >= 1.0:
        return frame
    before = shots[current - 1]
    return Image.blend(shot_frame(before, before.seconds, canvas), frame, faded)


def shot_frame(shot: Shot, time_s: float, canvas: Canvas) -> Image.Image:
    """What the camera sees `time_s` into the shot; it stands still past the last view."""
    photo = load_photo(shot.photo)
    stops_s = np.linspace(0.0, shot.seconds, len(shot.views))
    x, y, width = (
        float(np.interp(time_s, stops_s, [getattr(view, name) for view in shot.views]))
        for name in ("x", "y", "width")
    )
    aspect = canvas.width / canvas.height
    window_px = min(width * photo.width, photo.width, photo.height * aspect)
    window = (window_px, window_px / aspect)
    left, top = (
        min(max(centre * side - length / 2, 0.0), side - length)
        for centre, side, length in zip((x, y), photo.size, window, strict=True)
    )
    box = (left, top, left + window[0], top + window[1])
    return photo.resize((canvas.width, canvas.height), Image.Resampling.BILINEAR, box=box)


@lru_cache(maxsize=16)
def load_photo(name: str) -> Image.Image:
    """A photograph of scikit-image's wheel; grey ones as RGB too.  Raises ReprisError where it is missing."""
    file = resources.files("skimage") / "data" / name
    if not file.is_file():
        raise ReprisError(f"the installed scikit-image carries no {name}; install version 0.26")
    with file.open("rb") as stream, Image.open(stream) as photo:
        photo.thumbnail((PHOTO_MAX_PX, PHOTO_MAX_PX))
        return photo.convert("RGB")


def read_frames(video: Path, indices: Iterable[int]) -> Iterator[Image.Image]:
    """The frames of these indices, which must not fall; one wanted twice comes twice."""
    wanted = iter(indices)
    index = next(wanted, None)
    with av.open(str(video)) as container:
        for n, frame in enumerate(container.decode(video=0)):
            if index is None:
                return
            image = Image.fromarray(frame.to_ndarray(format="rgb24")) if n == index else None
            while image is not None and n == index:
                yield image
                index = next(wanted, None)


def write_video(
    path: Path,
    frames: Iterable[Image.Image],
    canvas: Canvas,
    *,
    crf: int,
    tone_hz: float | None = None,
) -> None:
    """The frames as H.264 in an MP4 file, with a quiet tone where one is asked for."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=canvas.fps)
        picture.width, picture.height, picture.pix_fmt = canvas.width, canvas.height, "yuv420p"
        # the same bytes on every run: otherwise x264's choices hang on the cores and on where its memory lies
        repeatable = {"threads": "1", "x264-params": "cpu-independent=1"}
        picture.options = {"crf": str(crf), "preset": "superfast", **repeatable}
        sound = None
        if tone_hz is not None:
            sound = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for n, frame in enumerate(frames):
            if sound is not None and tone_hz is not None and n % canvas.fps == 0:
                container.mux(sound.encode(tone_second(tone_hz, n // canvas.fps)))
            container.mux(picture.encode(av.VideoFrame.from_ndarray(np.asarray(frame), format="rgb24")))
        container.mux(picture.encode(None))
        if sound is not None:
            container.mux(sound.encode(None))


def tone_second(tone_hz: float, second: int) -> av.AudioFrame:
    """One second of a quiet tone that swells and fades every four seconds."""
    time_s = second + np.arange(SOUND_RATE) / SOUND_RATE
    samples = 0.1 * np.sin(2 * np.pi * tone_hz * time_s) * np.sin(np.pi * time_s / 4) ** 2
    frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[np.newaxis], format="fltp", layout="mono")
    frame.sample_rate = SOUND_RATE
    frame.pts = second * SOUND_RATE
    frame.time_base = Fraction(1, SOUND_RATE)
    return frame
