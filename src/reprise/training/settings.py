"""All numbers of a training run, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """What the shipped weights are trained with. Saved with every checkpoint."""

    seed: int = 1
    views: int = 2_500_000  # edited pictures that the network sees in all, of all processes
    processes: int = 2  # each a copy of the network on one CPU thread; gradients are averaged

    # Images
    drawn_size: int = 160  # pixels a side at which images are drawn
    pool_images: int = 6_000  # drawn images that a process keeps to pick from
    fresh_images: int = 16  # new ones a step, in place of the oldest: an image is seen about six times

    # Schedule
    picture_sizes: tuple[tuple[float, int], ...] = ((0.0, 96), (0.8, 128))  # from this share of the views on, pixels
    finish_from: float = 0.7  # from this share of the views on, more crops and fewer insets
    batch_images: int = 96  # a step and process; each in three views
    learning_rate: float = 2e-3
    warmup_views: int = 50_000
    decay_share: float = 0.68  # last share of the views over which the rate falls to 0 in a straight line
    weight_decay: float = 0.05
    gradient_limit: float = 2.0  # norm
    average_decay: float = 0.998  # of the running mean of the weights, which is what ships

    # Loss
    temperature: float = 0.05
    queue: int = 3_072  # past embeddings that count as further negatives
    entropy_weight: float = 0.3

    # Report
    report_steps: int = 50
    validation_views: int = 250_000  # between measurements on held-out drawn images
    checkpoint_s: float = 300.0
