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


def find_companions(network: Network, beside: Path) -> list[Path]:
    """The files of `network.companions`, in their order: from the folder of `beside`, else from `folders`.

    beside: the network's own weights. Raises MissingWeightsError, which names the first that is not there.
    """
    places = [beside.parent, *folders()]
    found: list[Path] = []
    for published in network.companions:
        held = [folder / published.name for folder in places if (folder / published.name).is_file()]
        if not held:
            raise MissingWeightsError(
                f"model {network.name}: beside {printable(beside.name)} it needs {published.name}, which is not in "
                f"{' and '.join(printable(folder) for folder in places)}; download it from {published.url} and place "
                "it there"
            )
        found.append(held[0])
    return found


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
