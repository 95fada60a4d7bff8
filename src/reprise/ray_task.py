"""What a Ray worker does with a video; for `reprise.ray_cluster`, which imports Ray, as this need not."""

from __future__ import annotations

import logging
import os
import socket

from reprise.decoding.container import check_file
from reprise.embedding import Attempt, attempt
from reprise.errors import InputError, MissingVideoError, ModelError, ReprisError, printable
from reprise.settings import EmbedSettings
from reprise.version import program


def embed_on_worker(
    path: str, file_size: int, settings: EmbedSettings, known_hash: str | None, wanted: str
) -> Attempt:
    """The video at the absolute `path`, which has `file_size` bytes where it was found: as `embedding.attempt`.

    `wanted` is the version of the program that asks. A ModelError is for the whole ingest.
    """
    logging.getLogger("towhee").setLevel(logging.CRITICAL + 1)  # what fails goes back as a result
    here = f"the Ray worker on {socket.gethostname()}"
    if program() != wanted:
        return ModelError(f"{here} has Reprise {program()}, this is {wanted}; install the same version on both")
    try:
        seen = check_file(path).st_size
    except InputError as error:
        reason = str(error).removeprefix(f"{printable(path)}: ")
        return MissingVideoError(
            f"{printable(path)}: {here} cannot see it ({reason}); mount its folder there under the same path"
        )
    if seen != file_size:
        return MissingVideoError(
            f"{printable(path)}: {here} has another file there ({seen} bytes, not {file_size}); mount the same folder"
        )
    result = attempt(path, settings, known_hash)
    return ModelError(f"{here}: {result}") if isinstance(result, ModelError) else result


def named_as(result: Attempt, path: str) -> Attempt:
    """The result with the video called `path`, as it was given, where it is an error about its absolute path."""
    full = printable(os.path.abspath(path))  # noqa: PTH100 - links stay as they are
    if not isinstance(result, InputError) or printable(path) == full:
        return result
    error: ReprisError = type(result)(str(result).replace(full, printable(path)))
    return error
