"""Simulated features of a pair of videos: content with shots, and copies of it at labelled places.

For who has VCSL's annotation but not its features, which are a download of tens of gigabytes. What is found on
simulated features tells aligners apart; it is no figure of VCSL.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reprise.errors import SettingsError
from reprise.evaluation import Box

Rows = NDArray[np.float32]  # [frames, dim]
Times = NDArray[np.float64]  # [frames], in frames of the reference
PlacedBox = tuple[float, float, float, float]

COMMON_SHOTS = 2  # black pictures and credits, the same in all videos
_COMMON_SEED = 20_220_619


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """What simulated videos are like. Similarities are inner products of unit vectors; lengths are in frames."""

    dimension: int = 64
    background: float = 0.2  # mean similarity of unrelated frames: all videos share that much
    background_spread: float = 0.06  # its standard deviation over videos
    shot_length: float = 6.0  # mean; lengths are geometric
    static_shots: float = 0.05  # share of the shots that are long and still
    static_shot_length: float = 30.0
    shot_share: tuple[float, float] = (0.6, 0.95)  # of its frames' content that a shot keeps; uniform
    static_shot_share: float = 0.96
    returning_shots: float = 0.12  # share of the shots that show again what an earlier one of the video showed
    drift_correlation: float = 0.85  # of the part that a shot does not keep, from one frame to the next: AR(1)
    copy_similarity: tuple[float, float] = (0.45, 0.98)  # least and greatest of a copied segment and its source
    copy_similarity_shape: tuple[float, float] = (1.6, 1.1)  # of the Beta distribution between the two
    similarity_jitter: float = 0.05  # standard deviation of a copied frame's share of the source, about its segment's
    segment_share: float = 0.5  # of what the edit adds to a frame: the part that is the same all through the segment
    dropped_frames: float = 0.04  # share of the copied frames that show something else: a flash, an overlay
    common_frames: float = 0.03  # share of frames that are black or credits, alike in all videos
    common_run: float = 4.0  # mean length of a run of them; geometric
    look_alike_pairs: float = 0.4  # share of the pairs in which shots look alike and are no copy
    look_alike_similarity: tuple[float, float] = (0.4, 0.6)  # of these shots' frames; uniform

    def __post_init__(self) -> None:
        if self.dimension < 8:
            raise SettingsError(f"dimension of the noise model must be at least 8, not {self.dimension}")

    def described(self) -> str:
        """The model in one paragraph."""
        low, high = self.copy_similarity
        alike_low, alike_high = self.look_alike_similarity
        return (
            "Simulation: features are drawn, not measured. A video is a sequence of shots of geometric length "
            f"(mean {self.shot_length:g} frames; {self.static_shots:.0%} are long and still, mean "
            f"{self.static_shot_length:g}; {self.returning_shots:.0%} return). Frames share "
            f"{self.shot_share[0]:g} to {self.shot_share[1]:g} of their content with their shot, the rest drifts "
            f"(AR(1), {self.drift_correlation:g}). Unrelated frames have a similarity of about "
            f"{self.background:g}, varying by video. A labelled segment takes the reference's content at the "
            "linearly mapped time, sampled at a random phase, and is degraded to a similarity drawn for the segment "
            f"between {low:g} and {high:g}, with jitter by frame and {self.dropped_frames:.0%} of its frames "
            f"replaced. {self.common_frames:.0%} of all frames are black or credits, alike in every video; in "
            f"{self.look_alike_pairs:.0%} of the pairs some shots look alike ({alike_low:g} to {alike_high:g}) with "
            "no copy. Each pair is drawn by itself, from its id and the seed."
        )


class _Video(NamedTuple):
    """A video's content: `shots[shot_of[t]]`, of which a frame keeps `share[shot_of[t]]`, and `drift[t]`."""

    shots: Rows  # [shots, dim], unit rows; the first COMMON_SHOTS are in all videos
    share: NDArray[np.float32]  # [shots]
    shot_of: NDArray[np.int64]  # [frames]
    drift: Rows  # [frames, dim], rows of length about 1
    background: float


def simulated_pair(
    query_frames: int,
    reference_frames: int,
    boxes: Sequence[Box],
    *,
    seed: str | int,
    noise: NoiseModel | None = None,
) -> tuple[Rows, Rows]:
    """Features of a query and a reference whose copied segments are `boxes`: [Q, dim] and [R, dim], unit rows.

    boxes: `[q_start, r_start, q_end, r_end]` in frames, half-open. What lies outside the videos is cut off, and what
        is then empty on an axis is left out. Where boxes share query frames, the reference repeats itself.
    The same arguments give the same features. Raises SettingsError where a video has no frames.
    """
    if query_frames < 1 or reference_frames < 1:
        raise SettingsError(f"a simulated video has at least one frame, not {min(query_frames, reference_frames)}")
    noise = noise or NoiseModel()
    rng = np.random.Generator(np.random.SFC64(_number(str(seed))))
    query, reference = _video(rng, query_frames, noise), _video(rng, reference_frames, noise)
    if rng.random() < noise.look_alike_pairs:
        _make_look_alikes(rng, query, reference, noise)
    placed = clipped(boxes, query_frames, reference_frames)
    # Which second of its own content each reference frame shows: not always its own, as a jingle returns.
    shown = _repeated(np.arange(reference_frames, dtype=np.float64), placed)
    content = _content(query, np.arange(query_frames, dtype=np.float64))
    filled = np.zeros(query_frames, bool)
    for box in placed:
        frames = np.arange(math.ceil(box[0]), math.ceil(box[2]))
        frames = frames[~filled[frames]]
        filled[frames] = True
        times = np.clip(_mapped(frames, box) + rng.uniform(-0.5, 0.5), box[1], max(box[1], box[3] - 1))
        whole = times.astype(np.int64)
        source = _content(reference, shown[whole] + (times - whole))
        content[frames] = _degraded(rng, source, math.sqrt(query.background * reference.background), noise)
    return _features(content, query.background), _features(_content(reference, shown), reference.background)


def clipped(boxes: Sequence[Box], query_frames: int, reference_frames: int) -> list[PlacedBox]:
    """The boxes cut at the ends of the videos, without those that hold no whole second on some axis."""
    cut = [
        (max(0.0, q0), max(0.0, r0), min(q1, float(query_frames)), min(r1, float(reference_frames)))
        for q0, r0, q1, r1 in boxes
    ]
    return [box for box in cut if box[2] - box[0] >= 1 and box[3] - box[1] >= 1]


def _number(seed: str) -> int:
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=16).digest())


def _normal(rng: np.random.Generator, rows: int, noise: NoiseModel) -> Rows:
    """Random rows of length about 1. The first dimension is the one that all frames share, so contents leave it."""
    width = noise.dimension - 1
    drawn = rng.standard_normal((rows, width), dtype=np.float32)
    drawn *= np.float32(1 / math.sqrt(width))
    return drawn


def _unit(rows: Rows) -> Rows:
    lengths: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return rows / lengths[:, None]


def _video(rng: np.random.Generator, frames: int, noise: NoiseModel) -> _Video:
    is_static = rng.random(frames) < noise.static_shots
    lengths = rng.geometric(1 / np.where(is_static, noise.static_shot_length, noise.shot_length))
    count = int(np.searchsorted(np.cumsum(lengths), frames)) + 1
    is_static, lengths = is_static[:count], lengths[:count]
    shot_of = COMMON_SHOTS + np.repeat(np.arange(count), lengths)[:frames]

    common = _normal(np.random.default_rng(_COMMON_SEED), COMMON_SHOTS, noise)
    shots = _unit(np.concatenate((common, _normal(rng, count, noise))))
    returning = COMMON_SHOTS + np.flatnonzero(rng.random(count) < noise.returning_shots)
    shots[returning] = shots[rng.integers(COMMON_SHOTS, returning + 1)]
    share = np.where(is_static, noise.static_shot_share, rng.uniform(*noise.shot_share, count))
    share = np.concatenate((np.full(COMMON_SHOTS, noise.static_shot_share), share))

    for _ in range(rng.poisson(noise.common_frames * frames / noise.common_run)):
        start = rng.integers(frames)
        shot_of[start : start + rng.geometric(1 / noise.common_run)] = rng.integers(COMMON_SHOTS)

    background = float(np.clip(rng.normal(noise.background, noise.background_spread), 0.02, 0.6))
    drift = _drift(rng, frames, noise)
    return _Video(shots, share.astype(np.float32), shot_of, drift, background)


def _drift(rng: np.random.Generator, frames: int, noise: NoiseModel) -> Rows:
    """An AR(1) process of rows: the sum of all earlier draws, each with its power of the correlation."""
    drift = _normal(rng, frames, noise)
    step, factor = 1, noise.drift_correlation
    # Doubling: after n rounds a row is the weighted sum of the last 2 ** n draws; what is smaller is left out.
    while step < frames and factor > 1e-3:
        drift[step:] += np.float32(factor) * drift[:-step]
        step, factor = 2 * step, factor * factor
    drift *= np.float32(math.sqrt(1 - noise.drift_correlation**2))
    return drift


def _make_look_alikes(rng: np.random.Generator, query: _Video, reference: _Video, noise: NoiseModel) -> None:
    """Up to three shots of the query are drawn towards shots of the reference."""
    background = math.sqrt(query.background * reference.background)
    for _ in range(rng.integers(1, 4)):
        ours = rng.integers(COMMON_SHOTS, len(query.shots))
        theirs = rng.integers(COMMON_SHOTS, len(reference.shots))
        wanted = (rng.uniform(*noise.look_alike_similarity) - background) / (1 - background)
        kept = math.sqrt(float(query.share[ours] * reference.share[theirs]))
        cosine = min(1.0, max(0.0, wanted / kept))
        query.shots[ours] = cosine * reference.shots[theirs] + math.sqrt(1 - cosine**2) * query.shots[ours]


def _content(video: _Video, times: Times) -> Rows:
    """The video's content at `times`, between frames interpolated: [times, dim - 1], unit rows."""
    times = np.clip(times, 0, len(video.drift) - 1)
    before = times.astype(np.int64)
    after = np.minimum(before + 1, len(video.drift) - 1)
    part = (times - before).astype(np.float32)[:, None]
    drift = video.drift[before]
    if part.any():
        drift += part * (video.drift[after] - drift)
    shot = video.shot_of[before]
    share = video.share[shot][:, None]
    rest: NDArray[np.float32] = np.sqrt(np.float32(1) - share)
    return _unit(np.sqrt(share) * video.shots[shot] + rest * drift)


def _mapped(frames: NDArray[np.int64], box: Box) -> Times:
    """The reference times of query frames; a frame stands for its middle."""
    speed = (box[3] - box[1]) / (box[2] - box[0])
    return np.asarray(box[1] + (frames + 0.5 - box[0]) * speed - 0.5, dtype=np.float64)


def _repeated(shown: Times, boxes: Sequence[Box]) -> Times:
    """`shown`, changed so that stretches of the reference that one stretch of the query is a copy of are alike."""
    for i, box in enumerate(boxes):
        for earlier in boxes[:i]:
            if min(box[2], earlier[2]) <= max(box[0], earlier[0]):
                continue
            frames = np.arange(math.ceil(box[1]), math.ceil(box[3]))
            in_query = _mapped(frames, (box[1], box[0], box[3], box[2]))
            is_shared = (in_query >= earlier[0]) & (in_query <= earlier[2] - 1)
            is_shared &= (frames < earlier[1]) | (frames >= earlier[3])
            speed = (earlier[3] - earlier[1]) / (earlier[2] - earlier[0])
            times = earlier[1] + (in_query[is_shared] + 0.5 - earlier[0]) * speed - 0.5
            times = np.clip(times, earlier[1], max(earlier[1], earlier[3] - 1))
            whole = times.astype(np.int64)
            shown[frames[is_shared]] = shown[whole] + (times - whole)
    return shown


def _degraded(rng: np.random.Generator, source: Rows, background: float, noise: NoiseModel) -> Rows:
    """A copied segment's content: what an edit leaves of `source`."""
    low, high = noise.copy_similarity
    level = low + (high - low) * rng.beta(*noise.copy_similarity_shape)
    share = (level - background) / (1 - background) + rng.normal(0, noise.similarity_jitter, len(source))
    share[rng.random(len(source)) < noise.dropped_frames] = 0
    kept = np.clip(share, 0, 0.999).astype(np.float32)[:, None]
    common = math.sqrt(noise.segment_share) * _normal(rng, 1, noise)
    added = _unit(common + math.sqrt(1 - noise.segment_share) * _normal(rng, len(source), noise))
    rest: NDArray[np.float32] = np.sqrt(1 - kept**2)
    return _unit(kept * source + rest * added)


def _features(content: Rows, background: float) -> Rows:
    features = np.empty((len(content), content.shape[1] + 1), np.float32)
    features[:, 0] = math.sqrt(background)
    np.multiply(content, np.float32(math.sqrt(1 - background)), out=features[:, 1:])
    return features
