"""Where a server's library has its matrices on this machine; or, in their place, unfinished writes alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "REPRISE_MATRICES"
IN_MILVUS = "milvus"  # its value for no matrices here
UNFINISHED_NAME = "unfinished"


@dataclass(frozen=True, slots=True)
class Kept:
    """The folder of a server's library on this machine."""

    folder: Path
    has_matrices: bool  # else it has unfinished writes alone
    beside: Path  # the folder of the same library kept the other way


def kept_at(name: str, matrices: str | None = None) -> Kept:
    """The folder for the library that is called `name` here; `matrices` is given instead of $REPRISE_MATRICES."""
    chosen = (os.environ.get(VARIABLE) if matrices is None else matrices) or ""
    usual = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "reprise" / name
    if chosen == IN_MILVUS:
        return Kept(usual / UNFINISHED_NAME, False, usual)
    return Kept(Path(chosen).expanduser() / name if chosen else usual, True, usual / UNFINISHED_NAME)
