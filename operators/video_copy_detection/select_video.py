"""`ops.video_copy_detection.select_video`: candidates from frame hits."""

from __future__ import annotations

from collections.abc import Sequence

from towhee import register

from reprise.voting import select_videos


@register(name="video_copy_detection/select_video")
class SelectVideo:
    """(videos, scores) of frame hits to the `top_k` videos by pooled score; parameters as Towhee's Hub operator.

    reduce_function   "sum", "mean", "max" or "min" over a video's hits
    reverse           True: the highest first
    """

    def __init__(self, top_k: int, reduce_function: str, reverse: bool) -> None:
        self._top_k = top_k
        self._reduce_function = reduce_function
        self._reverse = reverse

    def __call__(self, video_urls: Sequence[str], scores: Sequence[float]) -> list[str]:
        return select_videos(
            video_urls,
            scores,
            top_k=self._top_k,
            reduce_function=self._reduce_function,
            reverse=self._reverse,
        )
