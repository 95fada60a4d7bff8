"""The loss: every view of an image finds its other views among everything else."""

from __future__ import annotations

import torch
from torch import Tensor


class ContrastiveLoss:
    """InfoNCE over three views an image, with a queue of past embeddings, plus an entropy term.

    InfoNCE: van den Oord et al. 2018; the queue: He et al. 2020 (MoCo), here without a second encoder, so it
    is kept short; the entropy term (KoLeo, Sablayrolles et al. 2019) spreads embeddings evenly, as SSCD does
    (Pizzi et al. 2022), which makes one threshold fit all.
    """

    def __init__(self, images: int, *, temperature: float, queue: int, entropy_weight: float) -> None:
        self.temperature = temperature
        self.entropy_weight = entropy_weight
        self.images = images
        self._capacity = queue
        self._past: Tensor | None = None
        same = torch.arange(3 * images) % images
        itself = torch.eye(3 * images, dtype=torch.bool)
        self._not_negative = same[:, None] == same[None]
        # Two edited copies need not be as alike as a copy and the original: those pairs count half.
        weight = torch.ones(3 * images, 3 * images)
        weight[images:, images:] = 0.5
        self._weight = weight * (self._not_negative & ~itself)

    def __call__(self, embeddings: Tensor) -> tuple[Tensor, dict[str, float]]:
        """embeddings: [3 * images, dim], all mild views, then all hard ones, then all medium ones, in one order.

        Returns the loss and, for the log, its parts and the share of images whose hard view is nearest to
        its own mild view within the batch.
        """
        device = embeddings.device
        not_negative = self._not_negative.to(device)
        similarity = embeddings @ embeddings.T
        logits = similarity / self.temperature
        negatives = logits.masked_fill(not_negative, -1e4)
        if self._past is not None:
            negatives = torch.cat([negatives, embeddings @ self._past.T / self.temperature], 1)
        against = torch.logsumexp(negatives, 1, keepdim=True)
        weight = self._weight.to(device)
        contrast = -((logits - torch.logaddexp(logits, against)) * weight).sum() / weight.sum()
        nearest = similarity.masked_fill(not_negative, -1).amax(1).clamp(max=1 - 1e-4)
        entropy = -torch.log((2 - 2 * nearest).sqrt()).mean()
        self._remember(embeddings[: self.images].detach())
        with torch.no_grad():
            found = similarity[: self.images, self.images : 2 * self.images].argmax(1)
            right = (found == torch.arange(self.images, device=device)).float().mean()
        parts = {"contrast": contrast.item(), "entropy": entropy.item(), "right": right.item()}
        return contrast + self.entropy_weight * entropy, parts

    def _remember(self, embeddings: Tensor) -> None:
        kept = embeddings if self._past is None else torch.cat([embeddings, self._past])
        self._past = kept[: self._capacity] if self._capacity else None
