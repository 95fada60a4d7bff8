"""What must not count as a copy: the frames of known idents, credits and colour bars, kept with a library.

A frame that looks like one of an ignored clip is silenced: its vector becomes 0, which is like nothing, so that it
neither votes nor lies on a line. That holds for the query's frames and for those of the candidates; what remains on
both sides of an ident stays.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.blank import examples, is_blank
from reprise.decoding.guarded import sample, video_facts
from reprise.decoding.limits import DecodeLimits
from reprise.errors import DecodeError, MissingVideoError, SettingsError, printable
from reprise.scanning import content_hash
from reprise.settings import EmbedSettings
from reprise.stores.library import LibraryStores

Floats = NDArray[np.float32]

KIND = "ignored"
# An ident is sampled at other instants in every video. With 1, 2, 4 and 8 pictures a second of it, its frames in
# re-encoded videos were alike to the nearest of them by at least 0.50, 0.67, 0.81 and 0.96
# (benchmarks/ignored_clips.py); of the frames of 188 other videos 1 in 1000 was so by more than 0.91, all of them of
# the scene that a clip was cut from. Frame by frame that needs no sequence, which short idents do not have.
PICTURES_A_SECOND = 8
MIN_SIMILARITY = 0.9
MAX_LENGTH_S = 600.0
# Of frames that are compared at once, with all ignored frames: 64 MiB of float32 for ten thousand of these.
_ROWS_AT_A_TIME = 1600


@dataclass(frozen=True, slots=True)
class IgnoredClip:
    """A clip on the ignore list."""

    id: str
    path: str  # where it was taken from, made printable
    start_s: float
    end_s: float
    frames: int
    content_hash: str  # SHA-256 of that file
    added_at: str  # ISO 8601, UTC

    def to_json(self) -> dict[str, Any]:
        """The object that `reprise ignore list --json` prints."""
        return {
            "id": self.id,
            "path": self.path,
            "start": round(self.start_s, 3),
            "end": round(self.end_s, 3),
            "frames": self.frames,
            "added_at": self.added_at,
        }


@dataclass(frozen=True, slots=True)
class IgnoredFrames:
    """All frames that are ignored: [frames, dim] float32, rows L2-normalised."""

    matrix: Floats

    def among(self, vectors: Floats) -> NDArray[np.bool_]:
        """[n] of vectors [n, dim]: which of them look like an ignored frame."""
        blocks = [
            (vectors[top : top + _ROWS_AT_A_TIME] @ self.matrix.T).max(axis=1) >= MIN_SIMILARITY
            for top in range(0, len(vectors), _ROWS_AT_A_TIME)
        ]
        return np.concatenate(blocks) if blocks else np.zeros(0, bool)

    def silenced(self, matrix: Floats) -> Floats:
        """A video matrix [frames, dim] with 0 in place of the ignored frames; the very one if there are none."""
        ignored = self.among(matrix)
        return np.where(ignored[:, None], np.float32(0), matrix) if ignored.any() else matrix

    def silenced_views(self, views: Floats, frame_of: NDArray[np.int64]) -> Floats:
        """As `silenced`, for a query's views (see reprise.views): a frame that is ignored as a whole takes what was
        cut out of it along, and what is set into another frame goes by itself.
        """
        ignored = self.among(views)
        if not ignored.any():
            return views
        is_whole = np.diff(frame_of, prepend=-1) > 0
        ignored |= np.isin(frame_of, frame_of[ignored & is_whole])
        return np.where(ignored[:, None], np.float32(0), views)

    def silenced_all(self, matrices: Sequence[Floats | None]) -> list[Floats | None]:
        """`silenced` of each matrix; None stays None."""
        return [None if matrix is None else self.silenced(matrix) for matrix in matrices]


def blank_frames(settings: EmbedSettings) -> IgnoredFrames:
    """Blank pictures (see reprise.blank) as the network sees them: black, white, black with noise, colour bars.

    For matrices whose pictures are not at hand, as where videos of a library are held against each other. A query's
    own blank frames are silenced by their pictures.
    """
    return IgnoredFrames(settings.embedder()(examples()))


class IgnoreList:
    """The frames of the ignored clips of an opened library; read once, and again when the list has changed."""

    def __init__(self, stores: LibraryStores) -> None:
        self._stores = stores
        self._known: frozenset[str] = frozenset()
        self._frames: IgnoredFrames | None = None

    def frames(self, listed: frozenset[str]) -> IgnoredFrames | None:
        """All frames of the clips of these ids; None where there are none."""
        if listed != self._known:
            matrix = self._stores.ignored.matrix(sorted(listed), self._stores.frames.facts().dimension)
            self._frames = IgnoredFrames(matrix) if len(matrix) else None
            self._known = listed
        return self._frames


def ignore(
    stores: LibraryStores,
    settings: EmbedSettings,
    path: str | os.PathLike[str],
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> IgnoredClip:
    """Puts the clip, the span of the video at `path` from `start_s` to `end_s`, on the ignore list.

    Raises an InputError for a video that cannot be used or shows nothing in the span that could be known again,
    SettingsError for a span that is none or too long, LibraryError if the library cannot be written.
    """
    file = os.fspath(path)
    end_s = _checked_end_s(file, start_s, end_s, settings.limits)
    matrix = _embedded(file, settings, start_s, end_s)
    clip = IgnoredClip(
        id=uuid.uuid4().hex[:8],
        path=printable(file),
        start_s=start_s,
        end_s=end_s,
        frames=len(matrix),
        content_hash=content_hash(file),
        added_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    for known in ignored_clips(stores):
        if (known.content_hash, known.start_s, known.end_s) == (clip.content_hash, start_s, end_s):
            return known
    stores.ignored.put(clip.id, matrix)
    # Last: the clip counts from now on.
    stores.notes.put(KIND, clip.id, asdict(clip))
    return clip


def ignored_clips(stores: LibraryStores) -> list[IgnoredClip]:
    """The ignore list, in the order in which it was made."""
    clips = [IgnoredClip(**note) for _, note in stores.notes.all(KIND)]
    return sorted(clips, key=lambda clip: (clip.added_at, clip.path, clip.start_s))


def no_longer_ignore(stores: LibraryStores, name: str | os.PathLike[str]) -> list[IgnoredClip]:
    """Takes clips off the list: the one with the id `name`, or all that were taken from the file of that path.

    Raises MissingVideoError if there is none.
    """
    shown = printable(name)
    taken = [clip for clip in ignored_clips(stores) if shown in (clip.id, clip.path)]
    if not taken:
        raise MissingVideoError(f"{shown}: not on the ignore list; `reprise ignore list` shows what is")
    for clip in taken:
        # First the note: without it the clip does not count, whatever else is still there.
        stores.notes.delete(KIND, [clip.id])
        stores.ignored.delete(clip.id)
    return taken


def _checked_end_s(path: str, start_s: float, end_s: float | None, limits: DecodeLimits) -> float:
    facts = video_facts(path, limits=limits)
    known_end_s = facts.duration_s or facts.container_duration_s
    if end_s is None or (known_end_s is not None and end_s > known_end_s):
        end_s = known_end_s if known_end_s is not None else start_s + MAX_LENGTH_S
    if known_end_s is not None and start_s >= known_end_s:
        raise SettingsError(f"{printable(path)}: it ends at {known_end_s:.1f} s, before --start {start_s:g}")
    if not 0 <= start_s < end_s:
        raise SettingsError(f"the start of a clip must lie before its end, not at {start_s:g} and {end_s:g} s")
    if end_s - start_s > MAX_LENGTH_S:
        raise SettingsError(
            f"{printable(path)}: {end_s - start_s:.0f} s are to be ignored, at most {MAX_LENGTH_S:.0f} can be; give "
            "the part that is meant with --start and --end"
        )
    return end_s


def _embedded(path: str, settings: EmbedSettings, start_s: float, end_s: float) -> Floats:
    """The clip's frames [frames, dim], of several instants a sampled frame, without those that show nothing."""
    embed = settings.embedder()
    fps = max(PICTURES_A_SECOND, settings.fps)
    pictures = sample(
        path,
        limits=settings.limits,
        fps=fps,
        start_s=start_s,
        end_s=end_s,
        size=settings.picture_size,
        threads=settings.threads,
    )
    frames = [picture.pixels for picture in pictures if not is_blank(picture.pixels)]
    if not frames:
        raise DecodeError(
            f"{printable(path)}: shows one colour or colour bars from {start_s:g} to {end_s:g} s, which no query "
            "counts; nothing to ignore"
        )
    return embed(frames)
