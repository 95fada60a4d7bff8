"""Paths by names that are short and still tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath


def short_names(paths: Sequence[str]) -> list[str]:
    """Each path's file name, with as many folders before it as it takes to be the only one of that name.

    Paths that are given twice keep one name.
    """
    parts = [PurePath(path).parts for path in paths]
    lengths = [1] * len(paths)
    while True:
        names = [str(PurePath(*own[-length:])) for own, length in zip(parts, lengths, strict=True)]
        shared = {name for name, count in Counter(names).items() if count > 1}
        longer = [
            length + (name in shared and length < len(own))
            for name, length, own in zip(names, lengths, parts, strict=True)
        ]
        if longer == lengths:
            return names
        lengths = longer
