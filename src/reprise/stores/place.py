"""Where a library is."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from reprise.errors import SettingsError, printable
from reprise.stores.keeping import kept_at

MILVUS_NAME = "milvus.db"
MATRICES_NAME = "matrices"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a library is: its Milvus, its LevelDB folder, and the folder that is locked."""

    milvus_uri: str
    matrices: Path
    locked: Path
    shown: str
    embedded: bool
    keeps_matrices: bool = True  # else LevelDB has no more than unfinished writes, and Milvus gives the matrices
    beside: Path | None = None  # the first LevelDB folder of the same library on this machine, kept the other way

    @classmethod
    def of(cls, library: str | os.PathLike[str], matrices: str | None = None) -> Place:
        """The place of a library that is a folder, or the URI of a Milvus server.

        A server's matrices lie on this machine, under `matrices`, else $REPRISE_MATRICES, else
        ~/.local/share/reprise; "milvus": on the server alone. Raises SettingsError for an empty name, or for
        `matrices` of a library in a folder.
        """
        where = os.fspath(library)
        if not where:
            raise SettingsError("the library's name is empty; give a folder, or the URI of a Milvus server")
        if "://" not in where:
            folder = Path(where).expanduser()
            if matrices is not None:
                raise SettingsError(
                    f"{printable(where)}: a library in a folder has its matrices in it; name no place"
                )
            return cls(str(folder.resolve() / MILVUS_NAME), folder / MATRICES_NAME, folder, printable(where), True)
        host = re.sub(r"[^A-Za-z0-9.]+", "-", where.partition("://")[2]).strip("-")
        kept = kept_at(f"{host}-{hashlib.sha256(where.encode()).hexdigest()[:8]}", matrices)
        return cls(
            where,
            kept.folder / MATRICES_NAME,
            kept.folder,
            printable(where),
            embedded=False,
            keeps_matrices=kept.has_matrices,
            beside=kept.beside / MATRICES_NAME,
        )

    @property
    def first_slots(self) -> list[Path]:
        """Slot 1 of a server's library on this machine, and that of the same library kept the other way."""
        return [self.matrices] if self.beside is None else [self.matrices, self.beside]
