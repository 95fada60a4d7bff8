"""Writing a file whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from reprise.errors import ReprisError, printable


def write_whole(path: Path, text: str) -> None:
    """Writes the text as UTF-8; line ends stay as they are. Raises ReprisError if that cannot be."""
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_text(text, encoding="utf-8", newline="")
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        raise ReprisError(f"{printable(path)}: cannot be written ({reason})") from error
