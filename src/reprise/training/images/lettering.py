"""Random lettering."""

from __future__ import annotations

import numpy as np

CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!?#@&%.,:;+-/()     "


def random_text(rng: np.random.Generator, length: int) -> str:
    """`length` random characters that OpenCV's fonts can draw."""
    return "".join(CHARACTERS[i] for i in rng.integers(0, len(CHARACTERS), length))
