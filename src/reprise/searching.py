"""A text or a picture against an opened library."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass

import numpy as np

from reprise.decoding.still import check_picture
from reprise.errors import LibraryMismatchError, MissingVideoError, SettingsError, printable
from reprise.hits import Curve, SearchHit, SearchResult
from reprise.models.catalogue import NETWORKS
from reprise.running import run
from reprise.selection import filtered
from reprise.semantic import Clip, Scores
from reprise.settings import EmbedSettings, SearchSettings
from reprise.stores.frames import search_params
from reprise.stores.library import LibraryStores
from reprise.stores.videos import VideoRow

# Of the frames that are searched, so that not all of a small library is a hit.
HITS_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Sought:
    """What is searched for: a text, or the path of a picture."""

    query: str
    is_text: bool

    @classmethod
    def of(cls, text: str | None, image: str | os.PathLike[str] | None) -> Sought:
        """The one of the two that is given. Raises SettingsError for none, both, and a text of no words."""
        if (text is None) == (image is None):
            raise SettingsError("search for either a text or an image")
        if text is None:
            assert image is not None
            return cls(os.fspath(image), False)
        if not text.strip():
            raise SettingsError("the text to search for is empty")
        return cls(text, True)

    def check(self, embedding: EmbedSettings, shown: str) -> None:
        """Tells at once what needs no network: raises LibraryMismatchError for a text where the library's network,
        `embedding`'s, cannot read, MissingVideoError or NotAPictureError for a path of no picture.
        """
        if not self.is_text:
            check_picture(self.query)
        elif not embedding.network.reads_text:
            readers = " or ".join(name for name, network in NETWORKS.items() if network.reads_text)
            raise LibraryMismatchError(
                f"{shown}: text search needs a network that reads text, and this library was made with "
                f"{embedding.model}; ingest into a new library with --model {readers}, or search with --image"
            )


def search_library(
    stores: LibraryStores, embedding: EmbedSettings, sought: Sought, settings: SearchSettings
) -> SearchResult:
    """The clips that show what is sought. Raises as `Library.search`."""
    from reprise.pipelines.search import search_pipeline

    query = sought.query if sought.is_text else printable(sought.query)
    where, frames = _searched(stores, settings)
    if not frames:
        return SearchResult(query, sought.is_text, ())
    embedding.embedder()  # here, where what is wrong with it is told best
    nearest = min(settings.nearest, math.ceil(HITS_SHARE * frames))
    chain = search_pipeline(
        embedding,
        settings,
        is_text=sought.is_text,
        nearest=nearest,
        where=where,
        milvus_uri=stores.place.milvus_uri,
        matrices_path=str(stores.place.matrices),
        search_params=search_params(stores.frames.index_type(), nearest, widely=True),
    )
    videos, scores, clips, rows = run(chain, sought.query)
    # A video with no row is being written or removed at this moment.
    shown = [clip for clip in clips if videos[clip.video] in rows][: settings.limit]
    hits = tuple(_hit(clip, rows[videos[clip.video]], embedding.fps) for clip in shown)
    best = dict.fromkeys(clip.video for clip in shown)
    curves = tuple(_curve(rows[videos[video]].path, scores[video], embedding.fps) for video in best)
    return SearchResult(query, sought.is_text, hits, curves)


def _searched(stores: LibraryStores, settings: SearchSettings) -> tuple[str, int]:
    """The Milvus expression that names the frames to be searched, empty for all, and how many they are."""
    if not settings.where:
        return "", stores.frames.count()
    rows = _filtered(stores, settings)
    return f"video_id in {json.dumps([row.id for row in rows])}", sum(row.frame_count for row in rows)


def _filtered(stores: LibraryStores, settings: SearchSettings) -> list[VideoRow]:
    where = settings.where
    rows = filtered(stores, where)
    if rows:
        return rows
    if where.conditions:
        raise MissingVideoError(f"{stores.place.shown}: no video is as --where says; `reprise list` shows what is")
    if where.videos and where.tags:
        raise MissingVideoError(f"{stores.place.shown}: none of the videos that are named has a tag that is named")
    words = " or ".join(printable(word) for word in where.tags or where.videos)
    what = (
        f"no video has the tag {words}; `reprise list` shows the tags" if where.tags else f"no video is like {words}"
    )
    raise MissingVideoError(f"{stores.place.shown}: {what}")


def _hit(clip: Clip, row: VideoRow, fps: float) -> SearchHit:
    # Frame i is the picture on the screen at i / fps, and stays until the next.
    end_s = (clip.last_frame + 1) / fps
    return SearchHit(
        video=row.path,
        start_s=clip.first_frame / fps,
        end_s=min(end_s, row.duration_s) if row.duration_s > clip.last_frame / fps else end_s,
        best_s=clip.best_frame / fps,
        score=clip.score,
    )


def _curve(video: str, scores: Scores, fps: float) -> Curve:
    return Curve(video, np.arange(len(scores.plain)) / fps, scores.plain, scores.smooth)
