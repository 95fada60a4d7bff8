"""Where a network's weights are on this machine, and which they are."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from reprise import descriptor
from reprise.errors import MissingWeightsError, WeightsError, printable
from reprise.models.network import Network, WeightsFile

FOLDER_VARIABLE = "REPRISE_WEIGHTS"
HASH_LENGTH = 12  # hexadecimal digits of the weights' SHA-256 that libraries remember


def folders() -> list[Path]:
    """The folders that weights are looked for in, in this order: $REPRISE_WEIGHTS, then the user's cache.

    Raises MissingWeightsError if $REPRISE_WEIGHTS is there and no folder.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        return [cache_folder()]
    folder = Path(named).expanduser()
    if folder.exists() and not folder.is_dir():
        raise MissingWeightsError(
            f"{FOLDER_VARIABLE}={printable(named)} is a file, not a folder; name its folder there, or the file with "
            "--weights"
        )
    return [folder, cache_folder()]


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/reprise/weights, by default ~/.cache/reprise/weights."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reprise" / "weights"


def find_weights(network: Network, given: str | os.PathLike[str] | None = None) -> Path:
    """The file of the network's weights: `given`, or the first of `folders` that holds a published one.

    Raises MissingWeightsError, which says where it was looked and how to get them.
    """
    if given is not None:
        path = Path(given).expanduser()
        if path.is_dir():
            raise MissingWeightsError(
                f"{printable(path)}: a folder; give the file with the weights of {network.name}, or name the folder "
                f"in {FOLDER_VARIABLE}"
            )
        if not path.is_file():
            raise MissingWeightsError(f"{printable(path)}: no such file; give the weights of {network.name} there")
        return path
    found = find_published(network)
    if found is not None:
        return found[1]
    if not network.weights:
        raise MissingWeightsError(
            f"model {network.name}: no file of weights is published for it alone; give one with --weights"
        )
    names = " or ".join(published.name for published in network.weights)
    places = " and ".join(printable(folder) for folder in folders())
    raise MissingWeightsError(
        f"model {network.name}: its weights {names} are not in {places}; `reprise models fetch {network.name}` "
        "downloads them and says how to place them by hand"
    )


def find_published(network: Network) -> tuple[WeightsFile, Path] | None:
    """The published file that is used where none is given, and where it is; None where there is none."""
    for folder in folders():
        for published in network.weights:
            path = folder / published.name
            if path.is_file():
                return published, path
    return None


def find_companions(network: Network, beside: Path) -> list[Path]:
    """The files of `network.companions`, in their order: from the folder of `beside`, else from `folders`.

    beside: the network's own weights. Raises MissingWeightsError, which names the first that is not there.
    """
    places = [beside.parent, *folders()]
    found = []
    for published in network.companions:
        path = find_file(published, places)
        if path is None:
            raise MissingWeightsError(
                f"model {network.name}: beside {printable(beside.name)} it needs {published.name}, which is not in "
                f"{' and '.join(dict.fromkeys(map(printable, places)))}; `reprise models fetch {network.name}` "
                "downloads it and says how to place it by hand"
            )
        found.append(path)
    return found


def find_file(published: WeightsFile, places: list[Path]) -> Path | None:
    """Where a published file is: in the first of these folders that holds it."""
    return next((folder / published.name for folder in places if (folder / published.name).is_file()), None)


def doubt(published: WeightsFile, path: Path) -> str:
    """Why a file cannot be the published one: another size or SHA-256; empty where nothing is known against it.

    Raises WeightsError for a file that cannot be read.
    """
    size = _status(path).st_size
    if published.size_bytes is not None and size != published.size_bytes:
        return f"it has {size} bytes, not {published.size_bytes}"
    digits = len(published.sha256)
    if digits:
        known = sha256(path)[:digits]
        if known != published.sha256.lower():
            return f"its SHA-256 begins with {known[:HASH_LENGTH]}, not with {published.sha256[:HASH_LENGTH].lower()}"
    return ""


def identity(network: Network, given: str | os.PathLike[str] | None = None) -> str:
    """The network with its weights, as libraries remember it: "isc@0123456789ab"; the built-in one "reprise-1".

    Raises MissingWeightsError, and WeightsError for a file that cannot be read.
    """
    if not network.weights:
        return descriptor.NAME
    return f"{network.name}@{sha256(find_weights(network, given))[:HASH_LENGTH]}"


def name_of(identity: str) -> str:
    """The network's name in an identity: what --model said."""
    return identity.rpartition("@")[0] or identity.rpartition("-")[0]


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal digits; read once a process while the file stays as it is.

    Raises WeightsError for a file that cannot be read.
    """
    resolved = path.resolve()
    status = _status(resolved)
    try:
        return _sha256(resolved, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise WeightsError(f"{printable(path)}: cannot be read ({error.strerror})") from error


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise WeightsError(f"{printable(path)}: cannot be read ({error.strerror})") from error


@functools.cache
def _sha256(path: Path, _size: int, _modified_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
