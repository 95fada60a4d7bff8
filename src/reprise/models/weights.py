"""Where a network's weights are on this machine, and which they are."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from reprise import descriptor
from reprise.errors import MissingWeightsError, printable
from reprise.models.network import Network

FOLDER_VARIABLE = "REPRISE_WEIGHTS"
HASH_LENGTH = 12  # hexadecimal digits of the weights' SHA-256 that libraries remember


def folders() -> list[Path]:
    """The folders that weights are looked for in, in this order: $REPRISE_WEIGHTS, then the user's cache."""
    named = os.environ.get(FOLDER_VARIABLE)
    return [*([Path(named).expanduser()] if named else []), cache_folder()]


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/reprise/weights, by default ~/.cache/reprise/weights."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reprise" / "weights"


def find_weights(network: Network, given: str | os.PathLike[str] | None = None) -> Path:
    """The file of the network's weights: `given`, or the first of `folders` that holds a published one.

    Raises MissingWeightsError, which says where it was looked and how to get them.
    """
    if given is not None:
        path = Path(given).expanduser()
        if not path.is_file():
            raise MissingWeightsError(f"{printable(path)}: no such file; give the weights of {network.name} there")
        return path
    for folder in folders():
        for published in network.weights:
            path = folder / published.name
            if path.is_file():
                return path
    names = " or ".join(published.name for published in network.weights)
    places = " and ".join(printable(folder) for folder in folders())
    raise MissingWeightsError(
        f"model {network.name}: its weights {names} are not in {places}; `reprise models fetch {network.name}` "
        "downloads them and says how to place them by hand"
    )


def identity(network: Network, given: str | os.PathLike[str] | None = None) -> str:
    """The network with its weights, as libraries remember it: "isc@0123456789ab"; the built-in one "reprise-1".

    Raises MissingWeightsError.
    """
    if not network.weights:
        return descriptor.NAME
    path = find_weights(network, given).resolve()
    status = path.stat()
    return f"{network.name}@{_sha256(path, status.st_size, status.st_mtime_ns)[:HASH_LENGTH]}"


def name_of(identity: str) -> str:
    """The network's name in an identity: what --model said."""
    return identity.rpartition("@")[0] or identity.rpartition("-")[0]


@functools.cache
def _sha256(path: Path, _size: int, _modified_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
