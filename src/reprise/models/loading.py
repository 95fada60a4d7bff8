"""Loading networks: one a process and setting, whoever asks first."""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from reprise.errors import SettingsError
from reprise.models.network import Network
from reprise.models.weights import find_weights


class FrameEmbedder(Protocol):
    """A loaded network; safe to call from several threads."""

    @property
    def dimension(self) -> int:
        """Numbers in an embedding."""
        ...

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Embeddings of RGB frames, each [height, width, 3] uint8 of any size.

        Returns [frames, dimension] float32, rows L2-normalised; [0, dimension] for no frames.
        Raises ReprisError for arrays that are no such frames.
        """
        ...


@runtime_checkable
class TextEmbedder(Protocol):
    """A loaded network with a text tower, whose embeddings can be held against those of frames."""

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings of texts: [texts, dim] float32, rows L2-normalised; [0, dim] for no texts.

        A text that is longer than the network reads is cut off, as its makers do. Raises MissingWeightsError where
        a file of the text tower, e.g. its tokenizer's, is not on this machine.
        """
        ...


# Network, file of its weights (None for a network that has none), device (auto, cpu or cuda), CPU threads (0: as many
# as there are cores). Raises a ModelError for weights that do not fit and libraries that are not installed, and
# SettingsError for a device that is not there.
Load = Callable[[Network, Path | None, str, int], FrameEmbedder]

_loading = threading.Lock()


def load(network: Network, *, weights: str | None = None, device: str = "auto", threads: int = 1) -> FrameEmbedder:
    """The network, loaded; the same one for the same arguments.

    weights: a file, in place of where published ones are looked for.

    Raises MissingWeightsError, WeightsError, MissingExtraError or SettingsError, which a network of regions brings
    about as well (see reprise.models.regions).
    """
    check_has_frame_vectors(network)
    embedder: FrameEmbedder = load_any(network, weights=weights, device=device, threads=threads)
    return embedder


def check_has_frame_vectors(network: Network) -> None:
    """Raises SettingsError for a network that gives each frame several vectors, which no library holds."""
    if network.regions > 1:
        raise SettingsError(
            f"model {network.name} gives each frame {network.regions} vectors of {network.dimension or 'many'} "
            "numbers, which no library holds; use it with `reprise compare` or `reprise matrix`"
        )


def load_any(network: Network, *, weights: str | None = None, device: str = "auto", threads: int = 1) -> Any:
    """As `load`, for networks of regions too: whatever `Network.load` gives."""
    path = find_weights(network, weights) if network.weights or weights else None
    with _loading:
        return _loaded(network, path, device, threads)


@functools.cache
def _loaded(network: Network, weights: Path | None, device: str, threads: int) -> Any:
    module, _, function = network.load.partition(":")
    loader = getattr(importlib.import_module(module), function)
    return loader(network, weights, device, threads)
