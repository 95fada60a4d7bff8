"""What is known of a network before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file of weights as its makers publish it."""

    name: str  # as published, and as it is looked for; with a folder where the name alone says too little
    url: str
    size_bytes: int | None = None  # None where it is not published
    sha256: str = ""  # hexadecimal; only its beginning, or nothing, where no more is published


@dataclass(frozen=True, slots=True)
class Network:
    """A network that turns frames into embeddings.

    name: what `--model` says. operator: Towhee's name for it, below `ops`; arguments: what the operator is told
    beside device and weights. load: "module:function" that loads it, see `reprise.models.loading.Load`.
    picture: what it wants to see: (width, height), or the length of the shorter side with the proportions kept.
    dimension: of its embeddings; None where only the loaded network knows.
    weights: the published files, of which any one serves; empty for a network whose weights are part of Reprise.
    companions: published files, all of which the network needs beside its weights: what its makers built it on.
    """

    name: str
    title: str
    operator: str
    load: str
    picture: tuple[int, int] | int
    dimension: int | None
    arguments: tuple[tuple[str, str], ...] = ()
    weights: tuple[WeightsFile, ...] = field(default=())
    companions: tuple[WeightsFile, ...] = ()
    licence: str = ""
    source: str = ""  # where it is published
    citation: str = ""
    reads_text: bool = False  # whether it has a text tower, for `reprise search --text`
    sees_widened: bool = False  # whether a query's frames are also embedded with their rim mirrored outwards
    extra: str = "models"  # what `pip install '.[...]'` must name for it; empty for nothing more
    # How many parts of a frame have a vector each. Above 1 no one vector stands for a frame, as libraries need it:
    # the network serves `reprise compare` and `reprise matrix` alone.
    regions: int = 1
