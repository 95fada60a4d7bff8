"""Two videos against each other: decode and embed both, then align."""

from __future__ import annotations

from typing import Any

from towhee import pipe

from reprise.pipelines.embed import decode_and_embed, decode_and_embed_views
from reprise.pipelines.query import align
from reprise.settings import EmbedSettings, QuerySettings


def compare_pipeline(embedding: EmbedSettings, settings: QuerySettings) -> Any:
    """query_path, reference_path -> times and vectors of both, segments in frames."""
    paths = pipe.input("query_path", "reference_path")
    query = decode_and_embed_views(paths, embedding, video_path="query_path", times_s="query_times_s")
    both = decode_and_embed(
        query, embedding, video_path="reference_path", times_s="reference_times_s", matrix="reference"
    )
    aligned = both.map(("views", "reference", "frame_of"), "segments", align(settings, embedding.fps))
    return aligned.output(
        "query_times_s", "matrix", "views", "frame_of", "reference_times_s", "reference", "segments"
    )
