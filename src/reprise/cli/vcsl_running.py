"""From the options of `reprise benchmark vcsl` to predictions, with progress on the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from reprise.cli.printing import counted, progress_bar
from reprise.cli.vcsl_options import RunOptions
from reprise.settings import EmbedSettings, default_workers
from reprise.vcsl.aligning import AlignTask, checked_aligner
from reprise.vcsl.findings import Finding
from reprise.vcsl.planting import simulation_of
from reprise.vcsl.protocol import Annotation, Predictions, predict, read_annotation
from reprise.vcsl.simulation import NoiseModel
from reprise.vcsl.sources import FeatureFolder, MapFolder, MapSource
from reprise.vcsl.videos import embed_folder

FEATURES_NAME = "features"


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be done."""

    options: RunOptions
    annotation: Annotation
    features: str  # what the figures are of, in a word or two
    source: MapSource | None  # None where predictions are given
    aligner: str  # empty where predictions are given
    parameters: dict[str, Any]
    model: str  # of the simulation; empty where there is none
    findings: list[Finding]

    @property
    def mark(self) -> str:
        """Beside every figure of a simulation."""
        return " (simulation)" if self.model else ""

    def to_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"benchmark": "VCSL", "features": self.features}
        if self.model:
            answer |= {"model": self.model, "seed": self.options.seed}
        if self.aligner:
            answer |= {"aligner": self.aligner, "parameters": self.parameters}
        return answer | {"pairs": len(self.annotation.pairs), "positives": self.annotation.positives}


def prepared(options: RunOptions, predictions: Path | None) -> Run:
    """The run that the options describe. Raises UsageError, or SettingsError or BenchmarkError from below."""
    if options.labels is None:
        raise click.UsageError("Missing option '--labels'.")
    sources = {
        "--features": options.features,
        "--videos": options.videos,
        "--maps": options.maps,
        "--predictions": predictions,
        "--simulate": options.simulate or None,
    }
    given = [name for name, value in sources.items() if value is not None]
    if len(given) != 1:
        raise click.UsageError(f"give one of {', '.join(sources)}; {' and '.join(given) or 'none'} is given")
    embedding = options.embedding()
    if predictions is None:
        name, parameters = options.aligner_and_parameters()
        checked_aligner(name, parameters)
    else:
        name, parameters = "", {}
    annotation = read_annotation(
        options.labels,
        pairs=options.pairs,
        split_meta=options.split_meta,
        split=options.split,
        frames=options.frames,
        sample=options.sample,
    )
    features, source, model, findings = _source(options, annotation, embedding)
    return Run(options, annotation, features, source, name, parameters, model, [*annotation.findings, *findings])


def _source(
    options: RunOptions, annotation: Annotation, embedding: EmbedSettings
) -> tuple[str, MapSource | None, str, list[Finding]]:
    """What figures are of, where maps come from, and of a simulation its model and what had to be cut for it."""
    if options.simulate:
        noise = NoiseModel()
        source, cut = simulation_of(annotation, options.seed, noise)
        return "simulation", source, noise.described(), cut
    if options.features is not None:
        return "given features", FeatureFolder(options.features), "", []
    if options.maps is not None:
        return "given maps", MapFolder(options.maps), "", []
    if options.videos is not None:
        return f"embedded by {embedding.identity}", FeatureFolder(options.work / FEATURES_NAME), "", []
    return "given predictions", None, "", []


def predicted(run: Run, settings: Sequence[dict[str, Any]]) -> Predictions:
    """The predictions of every setting. On Ctrl-C a note says how much is done."""
    assert run.source is not None
    workers = run.options.workers or default_workers()
    faults: dict[str, str] = {}
    if run.options.videos is not None:
        wanted = [video for pair in run.annotation.pairs for video in (pair.query, pair.reference)]
        with _reported("embedding", "video") as progress:
            faults = embed_folder(
                run.options.videos,
                wanted,
                run.options.work / FEATURES_NAME,
                settings=run.options.embedding(),
                workers=workers,
                progress=progress,
            )
    task = AlignTask(run.source, run.aligner, tuple(settings), run.annotation.frame_counts)
    with _reported("aligning", "pair") as progress:
        return predict(run.annotation, task, run.options.work, workers=workers, faults=faults, progress=progress)


@contextmanager
def _reported(what: str, noun: str) -> Iterator[Callable[[int, int], None]]:
    done, total = 0, 0
    with progress_bar() as bar:
        row = bar.add_task(what, total=None)

        def advance(now: int, of: int) -> None:
            nonlocal done, total
            if not total:
                # What was done by an earlier run says nothing of the rate.
                bar.reset(row, completed=now, total=of, settled_before=now)
            done, total = now, of
            bar.update(row, completed=now, total=of)

        try:
            yield advance
        except KeyboardInterrupt as interruption:
            if total:
                interruption.add_note(f"{done} of {counted(total, noun)} are done, run it again for the rest")
            raise
