"""How long labelled copies are, how fast they run and how many a pair of videos holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.errors import SettingsError

SLOWEST, FASTEST = 0.4, 2.5  # speeds beyond these are taken for badly set labels
_SHORTEST_S = 2.0  # likewise segments that are shorter on either axis
_QUANTILES = 41


@dataclass(frozen=True, slots=True)
class CopyStatistics:
    """Quantiles at equal steps from the least to the greatest value, as many as are given."""

    lengths: tuple[float, ...]  # of segments in the query, in frames at 1 a second
    speeds: tuple[float, ...]  # reference frames a query frame, 0.4 to 2.5
    counts: tuple[float, ...]  # segments of the pairs that hold two or more

    def length(self, rng: np.random.Generator) -> float:
        """A segment's length."""
        return _drawn(rng, self.lengths)

    def speed(self, rng: np.random.Generator) -> float:
        """A segment's speed."""
        return _drawn(rng, self.speeds)

    def count(self, rng: np.random.Generator) -> int:
        """How many segments a pair with several holds."""
        return int(self.counts[int(rng.integers(len(self.counts)))])


def statistics_of_labels(labels: Mapping[str, Sequence[Sequence[float]]]) -> CopyStatistics:
    """What is measured on labels: for each pair its boxes `[q_start, r_start, q_end, r_end]` in seconds.

    Raises SettingsError where no box is two seconds long on both axes, or no pair holds two boxes.
    """
    boxes = np.array([box for of_pair in labels.values() for box in of_pair], np.float64).reshape(-1, 4)
    lengths = boxes[:, 2:] - boxes[:, :2]
    lengths = lengths[(lengths >= _SHORTEST_S).all(axis=1)]
    counts = np.array([len(of_pair) for of_pair in labels.values() if len(of_pair) > 1])
    if not len(lengths) or not len(counts):
        raise SettingsError("the labels hold no segment of two seconds, or no pair with two segments")
    return CopyStatistics(
        lengths=_quantiles(lengths[:, 0]),
        speeds=_quantiles(np.clip(lengths[:, 1] / lengths[:, 0], SLOWEST, FASTEST)),
        counts=tuple(np.quantile(counts, np.linspace(0, 1, _QUANTILES), method="nearest").tolist()),
    )


def _quantiles(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(np.quantile(values, np.linspace(0, 1, _QUANTILES)).round(3).tolist())


def _drawn(rng: np.random.Generator, quantiles: Sequence[float]) -> float:
    return float(np.interp(rng.uniform(0, len(quantiles) - 1), np.arange(len(quantiles)), quantiles))


# `statistics_of_labels` of the labels of VCSL's test split (He et al., CVPR 2022), to three digits.
# fmt: off
VCSL = CopyStatistics(
    lengths=(
        2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 10, 11, 12, 13, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 26, 29, 33, 39, 48,
        57, 63, 70, 89, 101, 113, 116, 119, 144, 231, 3596,
    ),
    speeds=(
        0.4, 0.4, 0.533, 0.643, 0.714, 0.786, 0.844, 0.875, 0.9, 0.927, 0.947, 0.961, 0.98, 0.991, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1.01, 1.02, 1.04, 1.06, 1.08, 1.1, 1.13, 1.17, 1.25, 1.33, 1.42, 1.55, 1.75, 2.29, 2.5, 2.5,
    ),
    counts=(
        2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4,
        4, 5, 6, 62,
    ),
)
# fmt: on
