"""Which files the service may read: those under its roots, and what was handed to it."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from reprise.errors import SettingsError, printable
from reprise.scanning import video_id
from reprise.service.refusals import RefusedError
from reprise.stores.videos import VideoRow

MARK = "library"  # the file in the state folder that names the library whose state it is
LONGEST_NAME = 120  # characters; file systems take 255 bytes
UNWANTED = re.compile(r"[^\w .,()\[\]+@=-]")


class Places:
    """The roots and the state folder, links resolved.

    incoming/ID/NAME are files of waiting jobs, videos/ID/NAME those that went into the library, results/ID.json the
    results of jobs that are over.
    """

    def __init__(self, roots: Sequence[Path], state: Path, library: str) -> None:
        """Makes the state folder. Raises SettingsError if it cannot be, or belongs to another library."""
        self.roots = [os.path.realpath(root) for root in roots]
        self.state = Path(os.path.realpath(state))
        try:
            for folder in (self.incoming, self.videos, self.results):
                folder.mkdir(parents=True, exist_ok=True)
            # What others upload is nobody else's business.
            self.state.chmod(0o700)
            mark = self.state / MARK
            if not mark.exists():
                mark.write_text(library, encoding="utf-8", errors="surrogateescape")
            owner = mark.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SettingsError(f"{printable(state)}: the state folder cannot be made ({reason})") from error
        if owner != library:
            raise SettingsError(
                f"{printable(state)}: is the state of library {printable(owner)}; give another --state"
            )

    @property
    def incoming(self) -> Path:
        """Where the files of waiting jobs lie."""
        return self.state / "incoming"

    @property
    def videos(self) -> Path:
        """Where the files of uploaded references lie."""
        return self.state / "videos"

    @property
    def results(self) -> Path:
        """Where the results of jobs lie."""
        return self.state / "results"

    def is_allowed(self, path: str) -> bool:
        """Whether the file that the path leads to lies under a root or in the folder of uploaded references."""
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError):
            return False
        return any(_is_below(real, folder) for folder in (*self.roots, str(self.videos)))

    def named(self, path: str) -> str:
        """The real path of what a client names: absolute, or relative to a root.

        Raises RefusedError, which does not tell whether there is anything outside the roots.
        """
        shown = printable(path)
        if not self.roots:
            raise RefusedError(
                422, "this service reads no files of its machine; upload the video, or start it with --root"
            )
        try:
            places = [os.path.join(root, path) for root in self.roots]  # noqa: PTH118 - joined with nothing if absolute
            inside = [real for real in map(os.path.realpath, places) if any(_is_below(real, r) for r in self.roots)]
            found = next((real for real in inside if os.path.exists(real)), None)  # noqa: PTH110 - of text
        except (OSError, ValueError) as error:
            raise RefusedError(422, f"{shown}: no file can have this name") from error
        if not inside or not path:
            raise RefusedError(422, f"{shown}: lies outside the folders that this service may read; see --root")
        if found is None:
            raise RefusedError(404, f"{shown}: no such file or folder under the service's roots")
        return found

    def file_of(self, row: VideoRow) -> str | None:
        """The file that a video of the library was ingested from, if it is still there and may be read."""
        for folder in ("", *self.roots):
            place = os.path.join(folder, row.path)  # noqa: PTH118 - as it was ingested, not made shorter
            # The id is made of the file's real path: no other file is taken for it.
            if video_id(place) == row.id and self.is_allowed(place) and Path(place).is_file():
                return os.path.realpath(place)
        return None

    def new_file(self, name: str, *, keep: bool) -> Path:
        """A path for a file of this name, alone in a new folder; `keep` for one that goes into the library."""
        folder = (self.videos if keep else self.incoming) / uuid.uuid4().hex
        folder.mkdir()
        return folder / safe_name(name)

    def discard(self, file: str) -> None:
        """Removes a file that was handed to the service, with its folder; leaves any other alone."""
        path = Path(file)
        if path.parent.parent in (self.incoming, self.videos):
            shutil.rmtree(path.parent, ignore_errors=True)

    def clear(self, kept: Sequence[str]) -> None:
        """Removes what a killed service left in incoming/, but the files that waiting jobs want."""
        wanted = {Path(file).parent for file in kept}
        for folder in self.incoming.iterdir():
            if folder not in wanted:
                shutil.rmtree(folder, ignore_errors=True)


def safe_name(name: str) -> str:
    """A file name, as a client gives it, with nothing that could mean a folder or hide a file."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = UNWANTED.sub("_", last).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if not dot:
        stem, suffix = plain, ""
    return (stem[: LONGEST_NAME - 16] + dot + suffix[:15]).encode()[:240].decode(errors="ignore") or "video"


def _is_below(real: str, folder: str) -> bool:
    return real == folder or real.startswith(folder.rstrip("/") + "/")
