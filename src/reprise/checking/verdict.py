"""What a check answers: one verdict a video, and how the video stands to each reference that has to do with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from reprise.audio.witness import NOT_COMPARED, OTHER, Agreement
from reprise.scanning import Failure
from reprise.segment import Segment

# The strongest first: a video's verdict is that of its strongest relation.
Kind = Literal["exact", "same-content", "near-duplicate", "contained-in", "contains", "partial", "new"]
Stage = Literal["hash", "vector", "frames"]  # the cheapest first
Among = Literal["library", "batch"]

KINDS: tuple[Kind, ...] = get_args(Kind)

# What pictures and sound say of a video when they do not say the same: see docs/check.md.
OTHER_AUDIO = "same pictures, other audio"
OTHER_PICTURES = "same audio, other pictures"


@dataclass(frozen=True, slots=True)
class Relation:
    """How the checked video stands to one reference; shares are 0 to 1."""

    kind: Kind  # any but "new"
    reference: str  # the path as it was ingested or, of a video of the same batch, as it was given
    among: Among  # whose the reference is: the library's, or one that was checked before in the same batch
    sureness: float  # 0 to 1, that there is a copy; see docs/check.md
    segments: tuple[Segment, ...]
    video_share: float  # of the checked video that segments cover
    reference_share: float  # of the reference that segments cover
    reference_duration_s: float
    # Whether the sound of the segments is the same, too, partly or another; not compared where either is silent.
    audio: Agreement = NOT_COMPARED
    audio_segments: tuple[Segment, ...] = ()  # all stretches of the reference that sound the same

    def to_json(self) -> dict[str, Any]:
        """Shares and sureness with four decimals, segments as `query --json` prints them."""
        told = self._pictures_to_json()
        if self.audio.says is not None:
            told["audio"] = self.audio.says
            told["audio_compared"] = round(self.audio.compared_s, 1)
            told["audio_same"] = round(self.audio.same_s, 1)
            told["audio_segments"] = [segment.to_json() for segment in self.audio_segments]
        return told

    def _pictures_to_json(self) -> dict[str, Any]:
        return {
            "relation": self.kind,
            "reference": self.reference,
            "among": self.among,
            "sureness": round(self.sureness, 4),
            "video_share": round(self.video_share, 4),
            "reference_share": round(self.reference_share, 4),
            "reference_duration": round(self.reference_duration_s, 3),
            "segments": [segment.to_json() for segment in self.segments],
        }


@dataclass(frozen=True, slots=True)
class AudioRelation:
    """A reference that sounds the same in stretches where no copied pictures were found; shares are 0 to 1."""

    reference: str
    among: Among
    score: float  # share of equal bits of the fingerprints: 1 where all are equal, 0 where half are, as by chance
    segments: tuple[Segment, ...]  # of the sound
    video_share: float  # of the checked video that these cover
    reference_share: float
    reference_duration_s: float

    def to_json(self) -> dict[str, Any]:
        """As `Relation.to_json`."""
        return {
            "reference": self.reference,
            "among": self.among,
            "score": round(self.score, 4),
            "video_share": round(self.video_share, 4),
            "reference_share": round(self.reference_share, 4),
            "reference_duration": round(self.reference_duration_s, 3),
            "segments": [segment.to_json() for segment in self.segments],
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about one video; iterating over it yields its relations, the strongest first."""

    path: str
    kind: Kind
    stage: Stage  # that decided; later ones were not needed
    sureness: float  # 0 to 1, that the video is a copy or, of a new one, that it is none; see docs/check.md
    duration_s: float
    relations: tuple[Relation, ...] = ()
    remarks: tuple[str, ...] = ()  # what else one should know, a sentence each
    warning: str | None = None  # e.g. that the file is truncated and was read only up to a point
    ingested: bool = False  # whether it was put into the library
    # What sounds the same under other pictures, the largest share first; None where the sound was not compared.
    audio_relations: tuple[AudioRelation, ...] | None = None

    def __iter__(self) -> Iterator[Relation]:
        return iter(self.relations)

    @property
    def covered_share(self) -> float:
        """How much of the video is copied from anywhere, 0 to 1."""
        return shares((s for relation in self.relations for s in relation.segments), self.duration_s, 1.0)[0]

    @property
    def audio(self) -> tuple[str, ...]:
        """Where pictures and sound do not say the same: OTHER_AUDIO, OTHER_PICTURES, both or none."""
        found = [OTHER_AUDIO] if any(relation.audio.says == OTHER for relation in self.relations) else []
        return (*found, *([OTHER_PICTURES] if self.audio_relations else []))

    def to_json(self) -> dict[str, Any]:
        """The object that `reprise check --json` prints."""
        told = self._pictures_to_json()
        if self.audio_relations is not None:
            told["audio"] = list(self.audio)
            told["audio_references"] = [relation.to_json() for relation in self.audio_relations]
        return told

    def _pictures_to_json(self) -> dict[str, Any]:
        return {
            "video": self.path,
            "verdict": self.kind,
            "stage": self.stage,
            "sureness": round(self.sureness, 4),
            "duration": round(self.duration_s, 3),
            "covered_share": round(self.covered_share, 4),
            "references": [relation.to_json() for relation in self.relations],
            "remarks": list(self.remarks),
            "ingested": self.ingested,
            **({"warning": self.warning} if self.warning else {}),
        }


@dataclass(slots=True)
class CheckReport:
    """What became of all videos of one check; iterating over it yields the verdicts in the order of the videos."""

    verdicts: list[Verdict] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)  # files in folders that are no videos

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    @property
    def is_all_new(self) -> bool:
        """Whether every video that could be checked is new."""
        return all(verdict.kind == "new" for verdict in self.verdicts)


def shares(segments: Iterable[Segment], video_duration_s: float, reference_duration_s: float) -> tuple[float, float]:
    """How much of the checked video and of the reference the segments cover together, each 0 to 1."""
    found = list(segments)
    of_video = _covered_s((s.query_start_s, s.query_end_s) for s in found)
    of_reference = _covered_s((s.reference_start_s, s.reference_end_s) for s in found)
    return _share(of_video, video_duration_s), _share(of_reference, reference_duration_s)


def _share(covered_s: float, duration_s: float) -> float:
    return min(1.0, covered_s / duration_s) if duration_s > 0 else 0.0


def _covered_s(spans: Iterable[tuple[float, float]]) -> float:
    """The length of the union of half-open spans, in seconds."""
    covered_s, until_s = 0.0, float("-inf")
    for start_s, end_s in sorted(spans):
        covered_s += max(0.0, end_s - max(start_s, until_s))
        until_s = max(until_s, end_s)
    return covered_s
