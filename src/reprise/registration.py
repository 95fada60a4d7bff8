"""Makes every operator known to Towhee under its Hub name, when Towhee is first imported or at once if it was."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:  # importlib.abc imports all that reads resources
    from collections.abc import Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType

TOWHEE = "towhee"
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
    "video_copy_detection.select_video",
    "video_copy_detection.align",
    "video_copy_detection.temporal_network",
    "video_copy_detection.dp",
    "video_copy_detection.dtw",
    "video_copy_detection.hough_voting",
    "towhee.np_normalize",
)


def register_all() -> None:
    """Registers all operators; doing it again changes nothing. No operator may need a pipeline, which needs them."""
    for name in OPERATORS:
        importlib.import_module(f"reprise.operators.{name}")


def register_with_towhee() -> None:
    """As `register_all`, at once where Towhee is imported already, else when something imports it.

    Towhee and what operators need take half a second that a command which only reads a library need not spend.
    """
    if TOWHEE in sys.modules:
        register_all()
    elif not any(isinstance(finder, _TowheeFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _TowheeFinder())


class _TowheeFinder:
    """Finds Towhee where the other finders do, with a loader that registers the operators after it."""

    def __init__(self) -> None:
        self._asking_others = False

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the interface's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Towhee's; None for every other module."""
        if fullname != TOWHEE or self._asking_others:
            return None
        self._asking_others = True
        try:
            spec = importlib.util.find_spec(TOWHEE)
        finally:
            self._asking_others = False
        if spec is not None and spec.loader is not None:
            spec.loader = cast("Loader", _RegisteringLoader(spec.loader, self))
        return spec


class _RegisteringLoader:
    """Loads Towhee with its own loader, then registers the operators."""

    def __init__(self, own: Loader, finder: _TowheeFinder) -> None:
        self._own, self._finder = own, finder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As Towhee's own loader."""
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As Towhee's own loader, and the operators are known when the import returns."""
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        with warnings.catch_warnings():
            # Towhee imports pkg_resources, which announces its end at every import.
            warnings.filterwarnings("ignore", message=".*pkg_resources.*")
            self._own.exec_module(module)
        # Only now: who merely looks whether Towhee is there, or fails to import it, may import it later.
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        register_all()
