"""Checkpoints: everything that a training needs to go on, in one file that is never half written."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from reprise.training.settings import TrainingSettings

# May change between two runs of one training; everything else makes it another training.
ADJUSTABLE = {"views", "decay_share", "finish_from", "report_steps", "validation_views", "checkpoint_s"}


def save(path: Path, settings: TrainingSettings, state: dict[str, Any]) -> None:
    """Writes `state` (state dicts and plain numbers) with the settings to `path`, in place of what was there."""
    partial = path.with_suffix(".partial")
    torch.save({"settings": asdict(settings), **state}, partial)
    partial.replace(path)


def load(path: Path, settings: TrainingSettings) -> dict[str, Any] | None:
    """The state saved at `path`, or None if there is none; ValueError if it is of another training."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    have, wanted = state["settings"], asdict(settings)
    other = [
        name
        for name, value in wanted.items()
        if name not in ADJUSTABLE and _comparable(have.get(name)) != _comparable(value)
    ]
    if other:
        raise ValueError(f"{path} is of a training with other settings ({', '.join(other)}); use another folder")
    return state


def _comparable(value: Any) -> Any:
    return [_comparable(v) for v in value] if isinstance(value, list | tuple) else value
