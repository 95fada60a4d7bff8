"""Which of several copies to keep: the longest, with the largest picture, the least edited; and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reprise.stores.videos import VideoRow
from reprise.times import clock

AS_LONG_S, AS_LONG_SHARE = 2.0, 0.03  # by which one of two copies may be shorter and is as long
AS_LARGE = 0.95  # of the pixels
LESS_EDITED = 0.02  # of similarity to the other copies
MORE_BITS = 1.05

# How alike two copies are where they show the same, -1 to 1; None where they were not aligned.
SimilarityOf = Callable[[VideoRow, VideoRow], float | None]


def as_long(video: VideoRow, longest: VideoRow) -> bool:
    """Whether a copy is no shorter than trimming and time stamps make it."""
    return video.duration_s >= longest.duration_s - max(AS_LONG_S, AS_LONG_SHARE * longest.duration_s)


def best_copy(
    rivals: Sequence[VideoRow], others: Sequence[VideoRow], similarity_of: SimilarityOf
) -> tuple[VideoRow, str]:
    """(the one to keep, why). `rivals`: those that hold most, about equally long; `others`: all further copies."""
    reasons = []
    everything = [*rivals, *others]
    longest = max(rivals, key=lambda video: video.duration_s)
    if others and not any(as_long(video, longest) for video in others):
        reasons.append(f"the longest, {clock(round(longest.duration_s))}")
    left = list(rivals)
    if len(left) > 1 and all(video.width and video.height for video in left):
        left, told = _largest(left)
        reasons += told
    if len(left) > 1:
        left, told = _least_edited(left, everything, similarity_of)
        reasons += told
    if len(left) > 1 and len({video.codec for video in left}) == 1:
        left, told = _most_bits(left)
        reasons += told
    if len(left) > 1:
        first = min(video.ingested_at for video in left)
        earliest = [video for video in left if video.ingested_at == first]
        if len(earliest) < len(left):
            reasons.append("ingested first")
        left = earliest
    kept = min(left, key=lambda video: (video.path, video.id))
    if len(left) > 1:
        reasons.append("first by name, else as good as the others")
    return kept, "; ".join(reasons)


def _largest(videos: list[VideoRow]) -> tuple[list[VideoRow], list[str]]:
    most = max(videos, key=lambda video: video.width * video.height)
    left = [v for v in videos if v.width * v.height >= AS_LARGE * most.width * most.height]
    return left, [f"the largest picture, {most.width}x{most.height}"] if len(left) < len(videos) else []


def _least_edited(
    videos: list[VideoRow], everything: Sequence[VideoRow], similarity_of: SimilarityOf
) -> tuple[list[VideoRow], list[str]]:
    """Edits are each in their own direction, so that what was edited least lies in the middle of its copies."""
    means: list[float] = []
    for video in videos:
        found = [similarity_of(video, other) for other in everything if other.id != video.id]
        known = [similarity for similarity in found if similarity is not None]
        if len(known) < 2:  # with one copy the two are as far from each other
            return videos, []
        means.append(sum(known) / len(known))
    left = [v for v, mean in zip(videos, means, strict=True) if mean >= max(means) - LESS_EDITED]
    return left, ["the least edited (closest to all other copies)"] if len(left) < len(videos) else []


def _most_bits(videos: list[VideoRow]) -> tuple[list[VideoRow], list[str]]:
    rates = [video.file_size / max(video.duration_s, 0.1) for video in videos]
    left = [v for v, rate in zip(videos, rates, strict=True) if rate * MORE_BITS >= max(rates)]
    return left, ["the most bits a second"] if len(left) < len(videos) else []
