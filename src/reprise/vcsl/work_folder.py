"""The folder of a run: what is done is kept there, so that a run that was killed goes on where it was."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reprise.errors import BenchmarkError, SettingsError, printable
from reprise.vcsl.aligning import AlignedPair
from reprise.vcsl.annotation import Boxes

SETTINGS_NAME = "settings.json"
DONE_NAME = "done.jsonl"


class WorkFolder:
    """`settings.json`, and `done.jsonl` with a line a chunk: `{"qid-rid": [boxes for each setting, ...], ...}`.

    A line that was not written to its end is dropped. Pairs that failed are not remembered: a second run tries
    them again.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Opens the folder, which is made if there is none.

        Raises SettingsError if it holds a run with other settings, BenchmarkError if another process has it open
        or it cannot be used.
        """
        self.folder = folder
        self.done: dict[str, list[Boxes]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lines = (folder / DONE_NAME).open("a+b")
        except OSError as error:
            raise BenchmarkError(f"{printable(folder)}: the folder cannot be used ({error.strerror})") from error
        with ExitStack() as undo:
            undo.callback(self._lines.close)
            self._begin(settings)
            undo.pop_all()  # the run goes on: `close` closes it

    def add(self, aligned: Iterable[AlignedPair]) -> None:
        """Keeps the pairs of a chunk that did not fail."""
        chunk = {one.pair.id: [*one.boxes] for one in aligned if not one.fault}
        if chunk:
            self._lines.write(json.dumps(chunk, separators=(",", ":")).encode() + b"\n")
            self._lines.flush()
            self.done.update(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()

    def _begin(self, settings: Mapping[str, Any]) -> None:
        try:
            fcntl.flock(self._lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BenchmarkError(f"{printable(self.folder)}: another process is at work there") from error
        # As JSON gives them back, so that tuples and lists compare.
        wanted: dict[str, Any] = json.loads(json.dumps(settings))
        if not (self.folder / SETTINGS_NAME).is_file():
            write_json(self.folder / SETTINGS_NAME, wanted)
            self._lines.truncate(0)
            return
        held = read_json(self.folder / SETTINGS_NAME)
        if held != wanted:
            raise SettingsError(
                f"{printable(self.folder)}: it holds a run with other settings ({_difference(held, wanted)}); "
                "give another --work, or remove that folder"
            )
        self._read_done()

    def _read_done(self) -> None:
        self._lines.seek(0)
        whole = 0
        for line in self._lines:
            try:
                chunk = json.loads(line)
            except ValueError:
                chunk = None
            if not line.endswith(b"\n") or not isinstance(chunk, dict):
                break  # the process was killed while it wrote this
            self.done.update(chunk)
            whole += len(line)
        self._lines.truncate(whole)


def write_json(path: Path, value: Any) -> None:
    """Writes the file whole or not at all. Raises BenchmarkError."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise BenchmarkError(f"{printable(path)}: cannot be written ({error.strerror})") from error


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in the file. Raises BenchmarkError."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchmarkError(f"{printable(path)}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise BenchmarkError(f"{printable(path)}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise BenchmarkError(f"{printable(path)}: not a JSON object")
    return value


def _difference(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first setting that differs, as it is there and as it is here."""
    for name in sorted({*held, *wanted}):
        there, here = held.get(name), wanted.get(name)
        if there != here:
            if isinstance(there, dict) and isinstance(here, dict):
                return f"{name}: {_difference(there, here)}"
            return f"{name}: {_shown(there)} there, {_shown(here)} here"
    return ""


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
