"""The training loop: one process a CPU core, or one for a GPU; resumable at any step."""

from __future__ import annotations

import csv
import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from reprise.training import checkpoint
from reprise.training.loss import ContrastiveLoss
from reprise.training.network import DescriptorNetwork
from reprise.training.settings import TrainingSettings
from reprise.training.stream import ViewStream, validation_views

CHECKPOINT = "training.pt"
CURVE = "curve.csv"
CURVE_COLUMNS = ("views", "seconds", "learning_rate", "contrast", "entropy", "right", "recall_at_1")
VALIDATION_IMAGES = 500
VALIDATION_SIZE = 128


@dataclass(frozen=True, slots=True)
class Place:
    """Which of the processes this is, where it computes and where it writes."""

    folder: Path
    device: str
    process: int = 0
    processes: int = 1
    rendezvous: str = ""  # an address that the processes meet at: tcp://…

    @property
    def leads(self) -> bool:
        """Whether this process is the one that logs and saves."""
        return self.process == 0


def train(settings: TrainingSettings, place: Place) -> None:
    """Trains, or goes on training, until `settings.views` are seen; leaves training.pt and curve.csv."""
    torch.manual_seed(settings.seed)
    if place.device == "cpu":
        torch.set_num_threads(1)
    if place.processes > 1:
        dist.init_process_group("gloo", init_method=place.rendezvous, rank=place.process, world_size=place.processes)
    run = _Run(settings, place)
    run.restore()
    while run.views < settings.views:
        run.step()
    run.save()
    if place.leads:
        run.report(validate=True)
    if place.processes > 1:
        dist.destroy_process_group()


class _Run:
    """The state of one process of a training."""

    def __init__(self, settings: TrainingSettings, place: Place) -> None:
        self.settings, self.place = settings, place
        self.network = DescriptorNetwork().to(place.device, memory_format=torch.channels_last)
        self.average = DescriptorNetwork().to(place.device, memory_format=torch.channels_last)
        self.average.load_state_dict(self.network.state_dict())
        self.optimizer = _optimizer(self.network, settings)
        self.loss = ContrastiveLoss(
            settings.batch_images,
            temperature=settings.temperature,
            queue=settings.queue,
            entropy_weight=settings.entropy_weight,
        )
        self.stream = ViewStream(settings, place.process)
        self.steps, self.seconds = 0, 0.0
        self.recent: deque[dict[str, float]] = deque(maxlen=settings.report_steps)
        self.saved_at = time.monotonic()
        self.validation: tuple[Tensor, Tensor] | None = None
        self._batches: Iterator[Tensor] | None = None

    @property
    def views_a_step(self) -> int:
        return 3 * self.settings.batch_images * self.place.processes

    @property
    def views(self) -> int:
        return self.steps * self.views_a_step

    def restore(self) -> None:
        state = checkpoint.load(self.place.folder / CHECKPOINT, self.settings)
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.seconds = state["steps"], state["seconds"]

    def save(self) -> None:
        if not self.place.leads:
            return
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "seconds": self.seconds,
        }
        checkpoint.save(self.place.folder / CHECKPOINT, self.settings, state)
        self.saved_at = time.monotonic()

    def step(self) -> None:
        started = time.monotonic()
        settings = self.settings
        if self._batches is None:
            self._batches = self._prefetched()
        views = next(self._batches)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(settings, self.views)
        self.network.train()
        loss, parts = self.loss(self.network(views, mixed_precision=True))
        self.optimizer.zero_grad()
        loss.backward()
        self._share_gradients()
        nn.utils.clip_grad_norm_(self.network.parameters(), settings.gradient_limit)
        self.optimizer.step()
        self._follow()
        self.recent.append(parts)
        self.steps += 1
        self.seconds += time.monotonic() - started
        if self.place.leads:
            due = (
                self.views // settings.validation_views
                > (self.views - self.views_a_step) // settings.validation_views
            )
            if due or self.steps % settings.report_steps == 0:
                self.report(validate=due)
            if time.monotonic() - self.saved_at > settings.checkpoint_s:
                self.save()

    def _prefetched(self) -> Iterator[Tensor]:
        """The batches from this step on; beside a GPU the next ones are drawn while it computes."""

        def batch(step: int) -> NDArray[np.uint8]:
            views = step * self.views_a_step
            finishing = views >= self.settings.finish_from * self.settings.views
            return self.stream.batch(step, picture_size(self.settings, views), finishing=finishing)

        if self.place.device == "cpu":
            while True:
                yield self._tensor(batch(self.steps))
        with ThreadPoolExecutor(1) as pool:  # one: a stream draws its images in order
            step = self.steps
            coming = pool.submit(batch, step)
            while True:
                views = coming.result()
                step += 1
                coming = pool.submit(batch, step)
                yield self._tensor(views)

    def _tensor(self, views: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(views).to(self.place.device).permute(0, 3, 1, 2)

    def _share_gradients(self) -> None:
        """The mean of all processes' gradients, in one message."""
        if self.place.processes == 1:
            return
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in gradients]).cpu()
        dist.all_reduce(flat)
        flat = (flat / self.place.processes).to(gradients[0].device)
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    @torch.no_grad()
    def _follow(self) -> None:
        """Moves the running mean towards the weights; quicker at first, when the weights are still far off."""
        decay = min(self.settings.average_decay, (self.steps + 1) / (self.steps + 20))
        for mean, now in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)

    def report(self, *, validate: bool) -> None:
        means = {name: float(np.mean([parts[name] for parts in self.recent])) for name in self.recent[0]}
        row: dict[str, float | int | str] = {
            "views": self.views,
            "seconds": round(self.seconds),
            "learning_rate": f"{learning_rate(self.settings, self.views):.2e}",
            **{name: f"{value:.4f}" for name, value in means.items()},
        }
        if validate:
            row["recall_at_1"] = f"{self._recall():.4f}"
        _append(self.place.folder / CURVE, row)
        print(
            f"{self.views:>9} of {self.settings.views} views, {self.views / self.seconds:.0f} a second, "
            + ", ".join(f"{name} {value}" for name, value in list(row.items())[2:]),
            flush=True,
        )

    @torch.inference_mode()
    def _recall(self) -> float:
        """Share of held-out drawn images whose hard view is nearest to its own original."""
        if self.validation is None:
            pairs = list(validation_views(self.settings.seed, VALIDATION_IMAGES, VALIDATION_SIZE))
            originals, hard = (self._tensor(np.stack(side)) for side in zip(*pairs, strict=True))
            self.validation = originals, hard
        self.average.eval()
        one, other = (torch.cat([self.average(part) for part in pictures.split(64)]) for pictures in self.validation)
        nearest = (other @ one.T).argmax(1)
        return float((nearest == torch.arange(len(nearest), device=nearest.device)).float().mean())


def learning_rate(settings: TrainingSettings, views: int) -> float:
    """Warm-up, a long constant stretch, then a straight line to 0: such a run can be made longer afterwards."""
    warm = min(1.0, (views + 1) / settings.warmup_views)
    left = (settings.views - views) / (settings.views * settings.decay_share)
    return settings.learning_rate * max(0.0, min(warm, left))


def picture_size(settings: TrainingSettings, views: int) -> int:
    """Pixels a side of the pictures at this point of the training."""
    progress = views / settings.views
    return [size for start, size in settings.picture_sizes if progress >= start][-1]


def _optimizer(network: nn.Module, settings: TrainingSettings) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019); norms and biases do not decay."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))


def _append(path: Path, row: dict[str, float | int | str]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, CURVE_COLUMNS, restval="")
        if is_new:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())
