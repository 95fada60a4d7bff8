"""Training images, drawn by the program: no photograph, no data set."""

from reprise.training.images.drawing import draw

__all__ = ["draw"]
