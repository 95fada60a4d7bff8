"""Importing this module makes every operator known to Towhee under its Hub name."""

from __future__ import annotations

import importlib
import warnings

with warnings.catch_warnings():
    # Towhee imports pkg_resources, which announces its end at every import.
    warnings.filterwarnings("ignore", message=".*pkg_resources.*")
    import towhee  # noqa: F401

OPERATORS = (
    "video_decode.ffmpeg",
    "image_embedding.reprise",
    "video_embedding.visil",
    "video_embedding.regions",
    "video_embedding.keyframe_max",
    "image_text_embedding.clip",
    "image_decode.cv2_rgb",
    "image_embedding.isc",
    "image_embedding.sscd",
    "image_embedding.resnet50",
    "image_embedding.timm",
    "ann_insert.milvus_client",
    "ann_search.milvus_client",
    "kvstorage.insert_leveldb",
    "kvstorage.from_leveldb",
    "kvstorage.fill_from_milvus",
    "kvstorage.match_rows",
    "video_copy_detection.select_video",
    "video_copy_detection.align",
    "video_copy_detection.temporal_network",
    "video_copy_detection.dp",
    "video_copy_detection.dtw",
    "video_copy_detection.hough_voting",
    "towhee.np_normalize",
)


def register_all() -> None:
    """Registers all operators; doing it again changes nothing."""
    for name in OPERATORS:
        importlib.import_module(f"reprise.operators.{name}")
