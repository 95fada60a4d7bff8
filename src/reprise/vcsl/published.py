"""What has been published on VCSL, as the authors' tables give it."""

from __future__ import annotations

from dataclasses import dataclass

SOURCES = (
    "VCSL: He et al., CVPR 2022, and the figures of its repository for the test set of March 2023; ISC features",
    "TransVCL: He et al., AAAI 2023; first test set, on which TN gave 75.3 / 51.8 / 61.4",
)


@dataclass(frozen=True, slots=True)
class PublishedScore:
    """A row of the table; percent."""

    method: str
    test_set: str
    recall: float
    precision: float
    f_score: float
    setting: str = ""


MARCH_2023, FIRST = "test set of March 2023", "first test set"
PUBLISHED = (
    PublishedScore("TransVCL", FIRST, 65.6, 67.5, 66.5),
    PublishedScore("TN", MARCH_2023, 62.2, 66.1, 64.1, "top_k 3, min_sim 0.3"),
    PublishedScore("SPD", MARCH_2023, 71.2, 55.4, 62.3),
    PublishedScore("TN", FIRST, 75.3, 51.8, 61.4),
    PublishedScore("DP", MARCH_2023, 49.2, 60.2, 54.1),
    PublishedScore("HV", MARCH_2023, 86.8, 36.5, 51.4),
    PublishedScore("DTW", MARCH_2023, 44.7, 56.2, 49.8),
)
