"""Trains the networks that weigh the evidence for a line: on the lines of maps whose true segments are known.

A line's label is how well its box agrees with a true one, by the mean of precision and recall, from 0 at 0.2 to 1 at
0.6; a line that runs the other way agrees less.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from reprise.alignment.aligned import AlignedSegment
from reprise.alignment.excess import excess_of_map
from reprise.alignment.line_evidence import NAMES, Networks, odds
from reprise.alignment.straight_lines import HITS_PER_ROW, Candidate, candidates
from reprise.evaluation import Box
from reprise.segment import segments_of
from reprise.simulation.cases import Case
from reprise.training.drawn_maps import DrawnMap

Values = NDArray[np.float32]

_NO_COPY, _COPY = 0.2, 0.6  # agreement
_OTHER_WAY = 0.4  # of the agreement counts for a line in the wrong direction
# Copies of so few frames are rare, and mostly faint; without more weight they would be given up for lost.
_SHORT_FRAMES, _SHORT_WEIGHT = 5, 4.0
_IS_COPY = 0.5  # above which a line counts as a copy in the table of calibration
_CLIP = 4.0  # standard deviations, as in `odds`


@dataclass(frozen=True, slots=True)
class Labelled:
    """Lines of many maps."""

    evidence: Values  # [lines, len(NAMES)]
    agreement: Values  # [lines], 0 to 1: with the true segment that a line meets best
    weights: Values  # [lines] how often a line is seen, against others


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """What the shipped networks are trained with."""

    networks: int = 16  # trained apart, on other samples
    hidden: int = 16  # units of the first layer; the second has half as many
    steps: int = 3000
    batch: int = 768  # lines a step and network
    learning_rate: float = 1e-2  # the greatest of a cycle
    weight_decay: float = 3e-2
    seed: int = 0


def lines_of_cases(cases: Iterable[Case]) -> Labelled:
    """The lines of simulated maps."""
    lines = _stacked(
        (
            candidate.evidence,
            _best_agreement(candidate, candidate.line.box(case.map.shape[1]), case.truth, case.backwards),
        )
        for case in cases
        for candidate in _candidates(case.map)
    )
    frames = np.exp(lines.evidence[:, NAMES.index("log_frames")])
    short = (frames < _SHORT_FRAMES + 0.5) & (lines.agreement > _IS_COPY)
    return replace(lines, weights=np.where(short, np.float32(_SHORT_WEIGHT), lines.weights))


def lines_of_drawn(maps: Iterable[DrawnMap]) -> Labelled:
    """The lines of maps of drawn videos; their ends are taken in seconds, as a query tells them."""
    return _stacked(
        (candidate.evidence, _best_agreement(candidate, _box_in_seconds(candidate, one), one.truth, one.backwards))
        for one in maps
        for candidate in _candidates(one.map)
    )


def labels(agreement: Values) -> Values:
    """[lines] 0 to 1: what the networks are to say."""
    return np.clip((agreement - _NO_COPY) / (_COPY - _NO_COPY), 0, 1)


def train(
    sets: Sequence[Labelled], settings: EvidenceSettings | None = None, *, shares: Sequence[float] | None = None
) -> Networks:
    """The networks after training, as `odds` takes them.

    sets: evidence is scaled by the mean and the standard deviation of the last. shares: how often each set is seen,
    against the others, however many lines it holds; left out, all alike.
    """
    settings = settings or EvidenceSettings()
    shares = shares or [1.0] * len(sets)
    mean = sets[-1].evidence.mean(axis=0)
    deviation = sets[-1].evidence.std(axis=0, ddof=1) + 1e-6
    scaled = [np.clip((one.evidence - mean) / deviation, -_CLIP, _CLIP) for one in sets]
    inputs = torch.from_numpy(np.concatenate(scaled).astype(np.float32))
    targets = torch.from_numpy(np.concatenate([labels(one.agreement) for one in sets]).astype(np.float32))
    seen = torch.cat(
        [
            torch.from_numpy(one.weights * (share / len(one.agreement)))
            for one, share in zip(sets, shares, strict=True)
        ]
    )

    generator = torch.Generator().manual_seed(settings.seed)
    ensemble = _Ensemble(settings, generator)
    optimiser = torch.optim.AdamW(ensemble.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, total_steps=settings.steps)
    shape = settings.networks, settings.batch
    for _ in range(settings.steps):
        picked = torch.multinomial(seen, shape[0] * shape[1], replacement=True, generator=generator).view(shape)
        optimiser.zero_grad()
        # The mean over all networks, times their number: each learns as if it were alone.
        loss = F.binary_cross_entropy_with_logits(ensemble(inputs[picked]), targets[picked]) * settings.networks
        loss.backward()
        optimiser.step()
        schedule.step()
    return {"mean": mean, "deviation": deviation, **ensemble.arrays()}


def held_out_loss(networks: Networks, lines: Labelled) -> float:
    """Mean cross-entropy of the odds and the labels of lines that were not trained on, in nats."""
    found = np.clip(odds(lines.evidence, networks).astype(np.float64), 1e-7, 1 - 1e-7)
    wanted = labels(lines.agreement)
    return float(-(wanted * np.log(found) + (1 - wanted) * np.log(1 - found)).mean())


def calibration(networks: Networks, lines: Labelled, parts: int = 5) -> list[tuple[int, float, float]]:
    """For equal ranges of the odds, those without a line left out: lines, mean odds, share of them that are copies.

    A line counts as a copy if its agreement with a true segment is above 0.5.
    """
    found = odds(lines.evidence, networks)
    places = np.minimum((found * parts).astype(np.int64), parts - 1)
    return [
        (int(here.sum()), float(found[here].mean()), float((lines.agreement[here] > _IS_COPY).mean()))
        for here in (places == part for part in range(parts))
        if here.any()
    ]


def save(networks: Networks, path: Path) -> None:
    """Writes the file that the package ships as weights/lines-1.npz."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: values.astype(np.float32) for name, values in networks.items()})


class _Ensemble(torch.nn.Module):
    """Several networks side by side: [networks, lines, evidence] to logits [networks, lines]."""

    def __init__(self, settings: EvidenceSettings, generator: torch.Generator) -> None:
        super().__init__()
        widths = (len(NAMES), settings.hidden, settings.hidden // 2, 1)
        self.weights = torch.nn.ParameterList(
            torch.randn(settings.networks, into, out, generator=generator) / into**0.5
            for into, out in pairwise(widths)
        )
        self.biases = torch.nn.ParameterList(torch.zeros(settings.networks, 1, out) for out in widths[1:])

    def forward(self, evidence: torch.Tensor) -> torch.Tensor:
        hidden = evidence
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = hidden @ weight + bias
            if layer < len(self.weights) - 1:
                hidden = torch.tanh(hidden)
        return hidden[..., 0]

    def arrays(self) -> dict[str, Values]:
        """weight0, bias0 and so on."""
        layers = enumerate(zip(self.weights, self.biases, strict=True))
        return {
            f"{name}{layer}": values.detach().numpy()
            for layer, pair in layers
            for name, values in zip(("weight", "bias"), pair, strict=True)
        }


def _candidates(similarity: Values) -> list[Candidate]:
    return candidates(excess_of_map(similarity, HITS_PER_ROW))


def _box_in_seconds(candidate: Candidate, of: DrawnMap) -> Box:
    query_start, reference_start, query_end, reference_end = candidate.line.box(of.map.shape[1])
    in_frames = AlignedSegment(query_start, reference_start, query_end, reference_end, score=0, speed=1)
    durations = {"query_duration_s": of.query_duration_s, "reference_duration_s": of.reference_duration_s}
    (segment,) = segments_of([in_frames], fps=1, **durations)
    return segment.box


def _stacked(lines: Iterable[tuple[Values, float]]) -> Labelled:
    found = list(lines)
    evidence = np.array([row for row, _ in found], np.float32).reshape(-1, len(NAMES))
    return Labelled(
        evidence, np.array([agreement for _, agreement in found], np.float32), np.ones(len(found), np.float32)
    )


def _best_agreement(candidate: Candidate, box: Box, truth: Iterable[Box], backwards: Iterable[bool]) -> float:
    is_backwards = candidate.line.speed < 0
    return max(
        (
            _agreement(box, other) * (1.0 if is_backwards == way else _OTHER_WAY)
            for other, way in zip(truth, backwards, strict=True)
        ),
        default=0.0,
    )


def _agreement(box: Box, true: Box) -> float:
    """Mean of VCSL's precision and recall of one box for one true one."""
    frames = max(0.0, min(box[2], true[2]) - max(box[0], true[0]))
    across = max(0.0, min(box[3], true[3]) - max(box[1], true[1]))
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (box, true)]
    return frames * across * (1 / areas[0] + 1 / areas[1]) / 2
