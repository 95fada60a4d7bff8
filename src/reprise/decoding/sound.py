"""The sound of a video file: one channel at a low rate, on the clock of its pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from reprise.decoding.container import facts, may_jump, open_video
from reprise.decoding.demuxing import demuxed
from reprise.decoding.limits import Meter

SAMPLE_RATE = 11_025  # samples a second: all that a fingerprint hears lies below 4 kHz

# Decoders that are used, as a video may come from anybody: what cameras, phones, stations, sites and archives make.
# FFmpeg has many more, of single games and of formats that nobody looks after; and all of PCM.
DECODERS = frozenset(
    [
        *("aac", "aac_latm", "mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float"),
        *("opus", "libopus", "vorbis", "libvorbis", "flac", "alac", "wavpack", "tta"),
        *("ac3", "ac3_fixed", "eac3", "dca", "mlp", "truehd", "s302m", "wmav1"),
        *("wmav2", "wmapro", "wmalossless", "wmavoice", "amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb"),
        *("gsm", "gsm_ms", "speex", "libspeex", "g722", "g726", "nellymoser", "adpcm_ms"),
        *("adpcm_ima_wav", "adpcm_ima_qt", "adpcm_swf", "adpcm_yamaha", "adpcm_g722", "adpcm_g726", "cook", "ra_144"),
        *("ra_288", "sipr", "atrac3", "qdm2", "qdmc", "mace3", "mace6"),
    ]
)
PCM = "pcm_"

# Frames seldom begin exactly where the one before ended: stamps are rounded. A longer step is a gap.
STEP_S = 0.25
# Sound that is said to begin earlier than this before the pictures, or to go on for longer than this after the
# length that the file announces, has a damaged time stamp.
EARLIEST_S = 3600.0
BEYOND_S = 10.0
# No more than this is heard of a video, whatever its time stamps say.
LONGEST_S = 24 * 3600.0
# Less than any sound has: a damaged header, by which a moment would last for hours.
LOWEST_RATE = 4000
# So many faulty packets in a row, and the rest of a track is given up.
FAULTY_PACKETS = 1000


def sound(path: str, *, meter: Meter | None = None) -> Iterator[NDArray[np.int16]]:
    """The sound of the video at `path`, piece by piece: [samples] int16, mono, SAMPLE_RATE.

    The first sample is at the moment of the first picture; gaps in the track are silence. Of several tracks it is
    the one marked default, else the first. Nothing comes of a video without a track that FFmpeg can decode; faulty
    packets are left out. `meter` knows the limits of the video, None for none. Raises what `open_video` does,
    LimitError for a sound that is larger or goes on for longer than is allowed.
    """
    meter = meter or Meter(path)
    with open_video(path, threads=1, meter=meter) as (container, pictures):
        track = _track(container)
        if track is None:
            return
        zero_s = 0.0
        if pictures.start_time is not None and pictures.time_base:
            zero_s = float(pictures.start_time * pictures.time_base)
        announced_s = facts(container, pictures).container_duration_s
        latest_s = LONGEST_S if announced_s is None else min(announced_s + BEYOND_S, LONGEST_S)
        if may_jump(container):  # joined recordings; but a track may well begin a little late
            latest_s = min(latest_s, BEYOND_S)
        heard_samples = 0
        frames = _frames(container, track, pictures, meter)
        for samples in _on_the_clock(frames, zero_s, fills_up_to_s=latest_s):
            heard_samples += len(samples)
            meter.heard(heard_samples / SAMPLE_RATE)
            yield samples


def _track(container: InputContainer) -> AudioStream | None:
    tracks = [
        track
        for track in container.streams.audio
        if track.codec_context is not None
        and (track.codec_context.name in DECODERS or track.codec_context.name.startswith(PCM))
    ]
    default = [track for track in tracks if track.disposition & av.stream.Disposition.default]
    return next(iter(default or tracks), None)


def _frames(
    container: InputContainer, track: AudioStream, pictures: VideoStream, meter: Meter
) -> Iterator[AudioFrame]:
    faulty = 0
    # The pictures' packets too, undecoded: hours of them without any sound must not look like a hang.
    packets: Iterator[Packet[AudioStream | VideoStream]] = demuxed(container, track, pictures, meter=meter)
    while faulty < FAULTY_PACKETS:
        try:
            packet = next(packets)
            if packet.stream.index != track.index:
                meter.passed()
                continue
            meter.sound_packet(packet.size)
            frames = packet.decode()
        except StopIteration:
            return
        except (av.FFmpegError, ValueError):  # damage in the file
            faulty += 1
            continue
        if frames:
            faulty = 0
        yield from (frame for frame in frames if isinstance(frame, AudioFrame) and frame.sample_rate >= LOWEST_RATE)


def _on_the_clock(
    frames: Iterable[AudioFrame], zero_s: float, *, fills_up_to_s: float
) -> Iterator[NDArray[np.int16]]:
    """The samples of `frames`, so that the sample at second s from `zero_s` is number s * SAMPLE_RATE.

    A stamp that leaves a gap up to a later second than `fills_up_to_s` is not believed.
    """
    resampler, made_for = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE), None
    written = surplus = shift = 0  # samples given; to be left out, as they lie before zero; that stamps are off by
    most = round(LONGEST_S * SAMPLE_RATE)
    for frame in frames:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if made_for not in (None, kind):  # the track changes in the middle
            resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        made_for = kind
        if frame.pts is not None and frame.time_base:
            ahead = round((float(frame.pts * frame.time_base) - zero_s) * SAMPLE_RATE) + shift - written + surplus
            if written == 0 and surplus == 0 and ahead < 0 and -ahead <= EARLIEST_S * SAMPLE_RATE:
                surplus = -ahead
            elif ahead > STEP_S * SAMPLE_RATE and written + ahead <= fills_up_to_s * SAMPLE_RATE:
                yield from _silence(ahead)
                written += ahead
            elif abs(ahead) > STEP_S * SAMPLE_RATE:
                shift -= ahead  # a stamp that is not believed: the sound goes on from where it was
        for resampled in _resampled(resampler, frame):
            samples = resampled.to_ndarray().reshape(-1).astype(np.int16)[: most - written + surplus]
            left_out = min(surplus, len(samples))
            surplus -= left_out
            if len(samples) > left_out:
                yield samples[left_out:]
            written += len(samples) - left_out
        if written >= most:
            return


def _silence(samples: int) -> Iterator[NDArray[np.int16]]:
    piece = np.zeros(60 * SAMPLE_RATE, np.int16)
    for start in range(0, samples, len(piece)):
        yield piece[: samples - start]


def _resampled(resampler: AudioResampler, frame: AudioFrame) -> list[AudioFrame]:
    # Its own clock begins with the first frame; where samples belong is reckoned above.
    frame.pts = None
    try:
        return resampler.resample(frame)
    except (av.FFmpegError, ValueError):
        return []
