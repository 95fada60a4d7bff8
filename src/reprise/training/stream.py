"""An endless stream of training views: images drawn as they are needed, each edited several times."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from reprise.training.edits import FINISHING_MIX, USUAL_MIX, hard_view, medium_view, mild_view
from reprise.training.images import draw
from reprise.training.settings import TrainingSettings

# Random streams of one seed that must not meet.
DRAWING, EDITING, VALIDATION = 0, 1, 2
START_POOL = 1_200  # drawn images before the first step


class ViewStream:
    """Batches of views for one of the processes of a training; step n is the same whenever it is asked for.

    Images live in a ring of the latest `pool_images`; every step draws `fresh_images` more and picks its own
    from the ring at random. What a step sees depends on the settings, the process and the step alone, so a
    training that was interrupted goes on as if it had not been.
    """

    def __init__(self, settings: TrainingSettings, process: int) -> None:
        cv2.setNumThreads(0)  # the threads of several processes would only push each other off the cores
        self._settings = settings
        self._process = process
        size = settings.drawn_size
        self._ring = np.zeros((settings.pool_images, size, size, 3), np.uint8)
        self._drawn = 0

    def batch(self, step: int, size: int, *, finishing: bool = False) -> NDArray[np.uint8]:
        """[3 * batch_images, size, size, 3] RGB: all mild views, then all hard ones, then all medium ones.

        `finishing` mixes the hard views as at the end of a training.
        """
        mix = FINISHING_MIX if finishing else USUAL_MIX
        settings = self._settings
        self._draw_until(START_POOL + step * settings.fresh_images)
        rng = np.random.default_rng((settings.seed, EDITING, self._process, step))
        held = min(self._drawn, settings.pool_images)
        # Twice the same image in one batch would be its own negative.
        chosen = rng.choice(held, settings.batch_images, replace=False)
        views = np.empty((3, settings.batch_images, size, size, 3), np.uint8)
        for place, index in enumerate(chosen):
            image = self._ring[index]
            one, two, three = self._ring[rng.integers(0, held, 3)]
            views[0, place] = mild_view(rng, image, size)
            views[1, place] = hard_view(rng, image, one, two, size, mix)
            views[2, place] = medium_view(rng, image, three, size)
        return views.reshape(-1, size, size, 3)

    def _draw_until(self, count: int) -> None:
        # After an interruption only those are drawn again that the ring would still hold.
        for number in range(max(self._drawn, count - self._settings.pool_images), count):
            rng = np.random.default_rng((self._settings.seed, DRAWING, self._process, number))
            self._ring[number % self._settings.pool_images] = draw(rng, self._settings.drawn_size)
        self._drawn = max(self._drawn, count)


def validation_views(seed: int, count: int, size: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """`count` held-out drawn images as (original, hard view), each [size, size, 3]; no training step sees them."""
    others = [draw(np.random.default_rng((seed, VALIDATION, count + i))) for i in range(64)]
    for number in range(count):
        rng = np.random.default_rng((seed, VALIDATION, number))
        image = draw(rng)
        one, two = (others[int(i)] for i in rng.integers(0, len(others), 2))
        original = np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
        yield original, hard_view(rng, image, one, two, size)
