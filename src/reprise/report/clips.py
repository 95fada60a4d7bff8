"""Short clips of copied segments, cut by ffmpeg."""

from __future__ import annotations

from pathlib import Path

import ffmpeg
import imageio_ffmpeg

from reprise.errors import DecodeError, printable
from reprise.segment import Segment

CLIP_HEIGHT = 360
LONGEST_S = 60.0  # of a clip: evidence, not a copy of the film
QUALITY = 28  # x264's constant rate factor


def cut(source: str, start_s: float, end_s: float, clip: Path, *, backwards: bool = False) -> None:
    """Writes the seconds from start to end of the video `source` as an MP4 file that browsers play, without sound.

    Times count from the first picture. At most LONGEST_S are cut. Nothing half-written stays.
    Raises DecodeError if ffmpeg cannot.
    """
    length_s = min(end_s - start_s, LONGEST_S)
    beside = clip.with_name(f".{clip.name}.part")
    # "file:" so that no name is taken for an address or an option.
    stream = ffmpeg.input(f"file:{source}", ss=f"{start_s:.3f}", t=f"{length_s:.3f}", protocol_whitelist="file")
    stream = stream.video.filter("scale", -2, CLIP_HEIGHT)
    if backwards:
        stream = stream.filter("reverse")
    output = ffmpeg.output(
        stream,
        f"file:{beside}",
        format="mp4",
        vcodec="libx264",
        pix_fmt="yuv420p",
        crf=QUALITY,
        preset="veryfast",
        movflags="+faststart",
        loglevel="error",
    )
    try:
        output.run(
            cmd=imageio_ffmpeg.get_ffmpeg_exe(), capture_stdout=True, capture_stderr=True, overwrite_output=True
        )
    except ffmpeg.Error as error:
        beside.unlink(missing_ok=True)
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        raise DecodeError(
            f"{printable(source)}: no clip can be cut ({lines[-1] if lines else 'no reason'})"
        ) from error
    beside.replace(clip)


def cut_pair(query: str, reference: str, segment: Segment, folder: Path, name: str) -> tuple[str, str]:
    """The clips of both sides of a segment, `NAME-query.mp4` and `NAME-reference.mp4` in the folder; their names.

    The reference's clip runs as the query does: backwards where the copy is.
    """
    names = f"{name}-query.mp4", f"{name}-reference.mp4"
    query_length_s = min(segment.query_end_s - segment.query_start_s, LONGEST_S)
    cut(query, segment.query_start_s, segment.query_start_s + query_length_s, folder / names[0])
    length_s = query_length_s * segment.speed
    start_s, end_s = segment.reference_start_s, segment.reference_end_s
    start_s, end_s = (
        (max(start_s, end_s - length_s), end_s) if segment.backwards else (start_s, min(end_s, start_s + length_s))
    )
    cut(reference, start_s, end_s, folder / names[1], backwards=segment.backwards)
    return names
