"""Edits of sound, as filters and encoders of ffmpeg, and clips that hold an edited copy between other sound."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

BEFORE_S, AFTER_S = 6.0, 4.0  # of other sound around a copy
AAC = ("-c:a", "aac", "-b:a", "128k")


@dataclass(frozen=True, slots=True)
class Edit:
    """What is done to a copy: a filter, an encoder, how much faster it plays, how loud other sound lies over it."""

    name: str
    filter: str = "anull"
    encoder: tuple[str, ...] = AAC
    speed: float = 1.0
    mixed_db: float | None = None  # other sound over the copy, relative to it


def _faster(speed: float) -> str:
    return f"asetrate={round(44_100 * speed)},aresample=44100"


EDITS = (
    Edit("plain copy, AAC 128 kbit/s"),
    Edit("MP3 64 kbit/s", encoder=("-c:a", "libmp3lame", "-b:a", "64k")),
    Edit("MP3 32 kbit/s", encoder=("-c:a", "libmp3lame", "-b:a", "32k")),
    Edit("AAC 32 kbit/s", encoder=("-c:a", "aac", "-b:a", "32k")),
    Edit("Opus 16 kbit/s", encoder=("-c:a", "libopus", "-b:a", "16k")),
    Edit("8 kHz, mono, mu-law", encoder=("-ac", "1", "-ar", "8000", "-c:a", "pcm_mulaw")),
    Edit("volume -20 dB", "volume=-20dB"),
    Edit("volume +15 dB, clipped", "volume=15dB,aformat=s16,volume=-6dB"),
    Edit("compressed dynamics", "acompressor=threshold=0.05:ratio=8:makeup=4"),
    Edit("hiss, light", "aeval=val(ch)+0.02*(2*random(ch)-1):c=same"),
    Edit("hiss, heavy", "aeval=val(ch)+0.1*(2*random(ch)-1):c=same"),
    Edit("bass and treble turned", "equalizer=f=200:t=o:w=1:g=9,equalizer=f=1500:t=o:w=1:g=-9"),
    Edit("low pass 2 kHz", "lowpass=f=2000"),
    Edit("high pass 400 Hz", "highpass=f=400"),
    Edit("echo", "aecho=0.8:0.7:60:0.4"),
    Edit("a room", "aecho=0.8:0.8:31|47|83|127:0.5|0.4|0.35|0.3"),
    Edit("other sound over it, -12 dB", mixed_db=-12),
    Edit("other sound over it, -6 dB", mixed_db=-6),
    Edit("other sound over it, 0 dB", mixed_db=0),
    Edit("tempo x0.96, same pitch", "atempo=0.96", speed=0.96),
    Edit("tempo x1.04, same pitch", "atempo=1.04", speed=1.04),
    Edit("tempo x1.10, same pitch", "atempo=1.10", speed=1.10),
    Edit("tempo x1.25, same pitch", "atempo=1.25", speed=1.25),
    Edit("speed x0.98", _faster(0.98), speed=0.98),
    Edit("speed x1.02", _faster(1.02), speed=1.02),
    Edit("speed x1.0427 (24 to 25 fps)", _faster(1.0427), speed=1.0427),
    Edit("speed x0.95", _faster(0.95), speed=0.95),
    Edit("speed x1.08", _faster(1.08), speed=1.08),
    Edit("pitch +2 %, same tempo", f"{_faster(1.02)},atempo={1 / 1.02:.5f}"),
    Edit("pitch +6 % (a semitone), same tempo", f"{_faster(1.0595)},atempo={1 / 1.0595:.5f}"),
)


def ffmpeg(*arguments: str | Path) -> None:
    """Runs ffmpeg. Raises RuntimeError with its words."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")


def as_video(source: Path, target: Path, seconds: float, *, looped: bool = False) -> None:
    """The first seconds of a sound file as a video of one black picture a second, stereo AAC at 44.1 kHz.

    `looped`: over and over, if it is shorter.
    """
    picture = ("-f", "lavfi", "-i", "color=size=16x16:rate=1")
    ends = ("-t", f"{seconds}", "-shortest")
    sound = ("-map", "0:v", "-map", "1:a:0", "-c:v", "mpeg4", *AAC, "-ac", "2", "-ar", "44100")
    ffmpeg(*picture, *(("-stream_loop", "-1") if looped else ()), "-i", source, *sound, *ends, target)


def edited_copy(
    reference: Path, other: Path, target: Path, edit: Edit, *, start_s: float, length_s: float, other_s: float
) -> None:
    """A video whose sound is BEFORE_S of `other`, an edited copy of `reference`, and AFTER_S of `other`.

    The copy is of [start_s, start_s + length_s) of the reference; `other_s` is where the other sound begins.
    """
    stereo = "aresample=44100,aformat=sample_fmts=fltp:channel_layouts=stereo"
    around = BEFORE_S + AFTER_S
    graph = [
        f"[1:a]atrim={start_s}:{start_s + length_s},asetpts=N/SR/TB,{stereo},{edit.filter},{stereo}[copy]",
        f"[2:a]atrim={other_s}:{other_s + BEFORE_S},asetpts=N/SR/TB,{stereo}[before]",
        f"[2:a]atrim={other_s + BEFORE_S}:{other_s + around},asetpts=N/SR/TB,{stereo}[after]",
    ]
    copy = "[copy]"
    if edit.mixed_db is not None:
        over = f"{other_s + around}:{other_s + around + length_s}"
        graph += [
            f"[2:a]atrim={over},asetpts=N/SR/TB,{stereo},volume={edit.mixed_db}dB[over]",
            "[copy][over]amix=inputs=2:duration=first:normalize=0[mixed]",
        ]
        copy = "[mixed]"
    graph.append(f"[before]{copy}[after]concat=n=3:v=0:a=1[sound]")
    picture = ("-f", "lavfi", "-i", "color=size=16x16:rate=1")
    sources = ("-i", reference, "-i", other, "-filter_complex", ";".join(graph), "-map", "0:v", "-map", "[sound]")
    ffmpeg(*picture, *sources, "-c:v", "mpeg4", *edit.encoder, "-shortest", target)
