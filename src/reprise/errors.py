"""Everything that Reprise raises.

ReprisError
├── InputError             one video or picture cannot be used; the others go on
│   ├── MissingVideoError      it is not there, or not a readable file
│   ├── NotAVideoError         it is there, but holds no moving picture
│   ├── NotAPictureError       it is there, but holds no still picture, where one is wanted
│   ├── DecodeError            its pictures cannot be decoded
│   │   └── ProcessLostError       the process that decoded it was ended from outside
│   └── LimitError             decoding it takes more than is allowed
├── LibraryError           the library cannot be used
│   ├── LibraryNotFoundError   there is none at that place
│   ├── LibraryLostError       one of its stores is gone, the other can fill it again
│   ├── LibraryInUseError      another process holds it
│   ├── LibraryMismatchError   it was made with other settings
│   └── StoreError             Milvus or LevelDB answered with an error
│       ├── StoreAwayError         a Milvus server went away and was not back in time
│       └── DamagedStoreError      LevelDB's files are not what it wrote
├── ModelError             a network cannot be used
│   ├── MissingExtraError      what it runs on is not installed
│   ├── MissingWeightsError    its weights are not on this machine
│   ├── DownloadError          its weights cannot be downloaded
│   └── WeightsError           its weights are damaged, or those of another network
├── BackupError            a backup cannot be written or used
├── BenchmarkError         a file of a benchmark cannot be used
└── SettingsError          a setting is out of range, or unknown

Every message is one line that names the video or the library, says what is wrong and what to do.
"""

from __future__ import annotations

import os
import unicodedata

# Unicode's explicit directional formatting: with it a name can show ".mp4" at its end and have another there.
TURNING_MARKS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


class ReprisError(Exception):
    """Base of all errors that Reprise raises on purpose."""


class InputError(ReprisError):
    """One video or picture cannot be used; the others go on."""


class MissingVideoError(InputError):
    """The video is not there, or is not a readable file."""


class NotAVideoError(InputError):
    """The file is there, but holds no moving picture."""


class NotAPictureError(InputError):
    """The file is there, but holds no still picture, where one is wanted."""


class DecodeError(InputError):
    """The pictures of the video cannot be decoded."""


class ProcessLostError(DecodeError):
    """The process that decoded the video was ended from outside, e.g. for want of memory: the file may be sound."""


class LimitError(InputError):
    """Decoding the video takes more than is allowed: pixels, pictures, time, memory."""


class LibraryError(ReprisError):
    """The library cannot be used."""


class LibraryNotFoundError(LibraryError):
    """There is no library at that place."""


class LibraryLostError(LibraryError):
    """One of the library's two stores is gone; the other can fill it again."""


class LibraryInUseError(LibraryError):
    """Another process holds the library."""


class LibraryMismatchError(LibraryError):
    """The library was made with another model, dimension, frame rate or format."""


class StoreError(LibraryError):
    """Milvus or LevelDB answered with an error."""


class StoreAwayError(StoreError):
    """A Milvus server went away and was not back in time."""


class DamagedStoreError(StoreError):
    """LevelDB's files are not what it wrote."""


class ModelError(ReprisError):
    """A network cannot be used."""


class MissingExtraError(ModelError):
    """The libraries that a network runs on are not installed."""


class MissingWeightsError(ModelError):
    """The weights of a network are not on this machine."""


class DownloadError(ModelError):
    """The weights of a network cannot be downloaded."""


class WeightsError(ModelError):
    """The weights of a network are damaged, or are those of another network."""


class BackupError(ReprisError):
    """A backup of a library cannot be written, or is damaged."""


class BenchmarkError(ReprisError):
    """A file of a benchmark, or the folder of a benchmark's run, cannot be used."""


class SettingsError(ReprisError):
    """A setting is out of range, or unknown."""


def printable(path: str | os.PathLike[str]) -> str:
    """The path as one line of valid UTF-8 that reads as it is stored.

    Escaped as in Python: undecodable bytes, control characters, line ends, marks that turn the writing direction.
    """
    # Bytes that are no UTF-8 arrive from the file system as lone surrogates (PEP 383).
    text = os.fspath(path).encode("utf-8", "backslashreplace").decode()
    return "".join(c.encode("unicode_escape").decode() if _is_escaped(c) else c for c in text)


def with_remedy(reason: str) -> str:
    """The reason of a store that cannot write, with what to do where the disk is full or does not let it."""
    for sign, remedy in _REMEDIES.items():
        if sign in reason.lower():
            return f"{reason}; {remedy}"
    return reason


_REMEDIES = {
    "no space left": "make room on the disk and run the same command again: what was done is kept",
    "disk quota": "make room on the disk and run the same command again: what was done is kept",
    "file too large": "the system allows no larger file (see `ulimit -f`); what was done is kept",
    "read-only": "the disk or folder is read-only",
    "permission denied": "its folder must be writable",
}


def _is_escaped(character: str) -> bool:
    # Not str.isprintable: it is against the spaces of Japanese and the joiners of Persian and of emoji.
    return (
        unicodedata.category(character) in {"Cc", "Zl", "Zp"} or unicodedata.bidirectional(character) in TURNING_MARKS
    )
