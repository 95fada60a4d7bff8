"""What of an annotation can be simulated, and what has to be cut for it."""

from __future__ import annotations

from reprise.errors import SettingsError
from reprise.vcsl.findings import Finding
from reprise.vcsl.protocol import Annotation
from reprise.vcsl.simulation import NoiseModel, clipped
from reprise.vcsl.sources import Simulation


def simulation_of(annotation: Annotation, seed: int, noise: NoiseModel) -> tuple[Simulation, list[Finding]]:
    """The simulated features of the annotation's pairs, and which of its segments are cut or left out for it.

    Scores are made with the segments as they are labelled. Raises SettingsError where there are no frame counts.
    """
    counts = annotation.frame_counts
    if counts is None:
        raise SettingsError("a simulation needs the frame counts: give --frames")
    cut, empty = [], []
    for pair in annotation.pairs:
        frames = counts.get(pair.query, 0), counts.get(pair.reference, 0)
        for box in annotation.labels.get(pair.id, []) if all(frames) else []:
            placed = clipped([box], *frames)
            if not placed:
                empty.append(f"pair {pair.id}: {box}")
            elif list(placed[0]) != box:
                cut.append(f"pair {pair.id}: {box} of {frames[0]} and {frames[1]} frames")
    findings = []
    if cut:
        what = f"segments that reach beyond the frame counts, which the simulation cuts there: {len(cut)}"
        findings.append(Finding(what, tuple(cut), is_fault=False))
    if empty:
        what = f"segments without a whole second on both axes, which the simulation leaves out: {len(empty)}"
        findings.append(Finding(what, tuple(empty), is_fault=False))
    labels = {pair.id: annotation.labels[pair.id] for pair in annotation.pairs if pair.id in annotation.labels}
    return Simulation(counts, labels, seed, noise), findings
