"""How much an opened library holds, and what it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reprise.stores.library import LibraryStores


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """What `reprise info` says of a library."""

    library: str
    videos: int
    frames: int
    model: str
    dimension: int
    fps: float
    format: int
    index: str
    audio: int = 0  # videos with a fingerprint of their sound


@dataclass(frozen=True, slots=True)
class Holdings:
    """How much video a library holds, and what it takes."""

    duration_s: float  # of all videos
    tags: tuple[tuple[str, int], ...]  # each with the number of its videos, by name
    truncated: int  # videos of which a part alone could be decoded
    notes: tuple[tuple[str, int], ...]  # what else is remembered, by kind, each with their number
    milvus_bytes: int | None  # on disk; None on a server, which does not tell
    matrices_bytes: int  # on disk, of LevelDB on this machine

    @property
    def bytes_per_hour(self) -> float | None:
        """Bytes on disk that an hour of video takes; None where not all bytes are known, or nothing is there."""
        if self.milvus_bytes is None or not self.duration_s:
            return None
        return (self.milvus_bytes + self.matrices_bytes) / (self.duration_s / 3600)


def info_of(stores: LibraryStores) -> LibraryInfo:
    """What the library holds and what it is made with."""
    facts = stores.frames.facts()
    return LibraryInfo(
        library=stores.place.shown,
        videos=stores.videos.count(),
        frames=stores.frames.count(),
        model=facts.model,
        dimension=facts.dimension,
        fps=facts.fps,
        format=facts.format,
        index=stores.frames.index_type(),
        audio=len(stores.sounds.ids()),
    )


def holdings(stores: LibraryStores) -> Holdings:
    """What the library holds; reads the rows of all videos."""
    tags: Counter[str] = Counter()
    truncated, duration_s = 0, 0.0
    for row in stores.videos.all():
        truncated += bool(row.warning)
        duration_s += row.duration_s
        tags.update(row.tags)
    place = stores.place
    return Holdings(
        duration_s=duration_s,
        tags=tuple(sorted(tags.items())),
        truncated=truncated,
        notes=tuple(sorted(stores.notes.kinds().items())),
        milvus_bytes=sum(_sizes(Path(place.milvus_uri))) if place.embedded else None,
        matrices_bytes=sum(_sizes(place.matrices)),
    )


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes that the files in the folder take on disk; a sparse file takes less than its length."""
    for path in folder.rglob("*"):
        try:
            status = path.stat()
        except OSError:
            continue  # Milvus and LevelDB tidy up as they like
        if path.is_file():
            yield status.st_blocks * 512
