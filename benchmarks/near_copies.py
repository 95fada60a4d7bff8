"""Which frames of a collection show nearly the same picture, so that only one answer to a query is right."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from photometric_edits import Rgb

THUMBNAIL = (16, 16)  # pixels
SAME_CORRELATION = 0.9  # of two thumbnails; above it they show the same
# Below it nobody looks closer. The slide shows and photos of one development set had their same pictures above 0.3.
ALIKE_CORRELATION = 0.2
KEY_POINTS = 250
DISTINCT_MATCH = 0.75  # of the nearest key point's distance to the second nearest's, at most (Lowe 2004)
MAX_OFFSET = 4.0  # pixels, of a matched key point from where the common movement puts it
# Key points that move as one, from which on two frames show the same. Of 484 frames, all 35 pairs with more were
# zooms of one photo or views of one scene; the first chance pairs, of text on black, had as many.
SAME_KEY_POINTS = 20


class Seen:
    """The frames remembered so far, each by a thumbnail and by its ORB key points (Rublee et al. 2011)."""

    def __init__(self) -> None:
        self._patterns: list[NDArray[np.float32]] = []
        self._points: list[tuple[NDArray[np.float32], NDArray[np.uint8]]] = []
        self._orb = cv2.ORB.create(nfeatures=KEY_POINTS, nlevels=6, fastThreshold=7)

    def shows(self, picture: Rgb, *, remember: bool = True) -> bool:
        """Whether a remembered frame shows nearly the same: also moved, turned or zoomed, as in a pan or slide show.

        `remember` is for a picture that is new. picture: [h, w, 3] uint8.
        """
        pattern, points = pattern_of(picture), self._key_points(picture)
        if self._patterns:
            alike = np.stack(self._patterns) @ pattern
            if alike.max() > SAME_CORRELATION:
                return True
            if any(_move_as_one(points, self._points[n]) for n in np.flatnonzero(alike > ALIKE_CORRELATION)):
                return True
        if remember:
            self._patterns.append(pattern)
            self._points.append(points)
        return False

    def _key_points(self, picture: Rgb) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Places [n, 2] float32 in pixels and binary descriptors [n, 32] uint8."""
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        points = self._orb.detect(grey, None)
        if not points:
            return np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8)
        points, bits = self._orb.compute(grey, points)
        return np.array([point.pt for point in points], np.float32), np.asarray(bits, np.uint8)


def thumbnail(picture: Rgb) -> NDArray[np.float32]:
    """The picture in THUMBNAIL grey pixels: [256] float32, 0 to 255."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, THUMBNAIL, interpolation=cv2.INTER_AREA), np.float32).ravel()


def pattern_of(picture: Rgb) -> NDArray[np.float32]:
    """The thumbnail with mean 0 and length 1, so that the product of two is their correlation; zeros if flat."""
    thumb = thumbnail(picture)
    centred = thumb - thumb.mean()
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-6), np.float32)


def _move_as_one(
    own: tuple[NDArray[np.float32], NDArray[np.uint8]], other: tuple[NDArray[np.float32], NDArray[np.uint8]]
) -> bool:
    """Whether SAME_KEY_POINTS of the one are found in the other, all moved, turned and zoomed alike."""
    (places, bits), (other_places, other_bits) = own, other
    if min(len(places), len(other_places)) < SAME_KEY_POINTS:
        return False
    distances, nearest = cv2.batchDistance(bits, other_bits, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=2)
    distinct = distances[:, 0] < DISTINCT_MATCH * distances[:, 1]
    if distinct.sum() < SAME_KEY_POINTS:
        return False
    movement, moved = cv2.estimateAffinePartial2D(
        places[distinct], other_places[nearest[distinct, 0]], ransacReprojThreshold=MAX_OFFSET
    )
    return movement is not None and int(moved.sum()) >= SAME_KEY_POINTS
