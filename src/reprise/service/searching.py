"""Search by picture or text: the one place in which the service asks the library what looks like something."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import av

from reprise.decoding.picture import PictureMaker
from reprise.errors import LibraryMismatchError
from reprise.library import Library
from reprise.stores.frames import FRAMES, METRIC, search_params
from reprise.stores.library import LibraryStores
from reprise.stores.milvus import connect

FRAMES_A_HIT = 8  # frames of one clip lie beside each other and make one hit
HITS_SHARE = 0.1  # of the frames that are searched, so that not all of a small library is a hit


def searches_text(library: Library) -> bool:  # noqa: ARG001 - what networks can read is not told yet
    """Whether the library's network reads texts."""
    return False


def search(library: Library, *, text: str | None, picture: Path | None, limit: int) -> list[dict[str, Any]]:
    """The stretches whose frames are most like the picture file, or what the text says; best first.

    Each is {video, id, start, end, best, score}, with times in seconds. Runs in the library's thread.
    Raises LibraryMismatchError for a text where the library's network reads none.
    """
    stores, settings = library.opened()
    if picture is None:
        raise LibraryMismatchError(
            f"{text}: the library's network, {settings.model}, reads no text; search with a picture instead"
        )
    with av.open(str(picture)) as container:
        pixels = PictureMaker()(next(container.decode(video=0)), None)
    vectors = settings.embedder()([pixels])
    wanted = min(limit * FRAMES_A_HIT, math.ceil(HITS_SHARE * stores.frames.count()))
    if not wanted:
        return []
    (frames,) = connect(stores.place.milvus_uri).search(
        FRAMES,
        vectors,
        limit=wanted,
        metric=METRIC,
        fields=["video_id", "time_s"],
        params=search_params(stores.frames.index_type(), wanted),
    )
    return _clips(stores, [(video, time_s, score) for _, score, video, time_s in frames], 1 / settings.fps)[:limit]


def _clips(stores: LibraryStores, frames: list[tuple[str, float, float]], step_s: float) -> list[dict[str, Any]]:
    """Frames that follow each other in a video as one stretch each, by their best frame."""
    rows = stores.videos.get(sorted({video for video, _, _ in frames}))
    clips: list[dict[str, Any]] = []
    for video, time_s, score in sorted(frames):
        if video not in rows:
            continue
        end_s = round(time_s + step_s, 3)
        last = clips[-1] if clips else None
        if last is None or last["id"] != video or time_s > last["end"] + step_s / 2:
            here = {"start": round(time_s, 3), "end": end_s, "best": round(time_s, 3), "score": round(score, 4)}
            clips.append({"video": rows[video].path, "id": video, **here})
            continue
        last["end"] = end_s
        if score > last["score"]:
            last.update(best=round(time_s, 3), score=round(score, 4))
    return sorted(clips, key=lambda clip: -float(clip["score"]))
