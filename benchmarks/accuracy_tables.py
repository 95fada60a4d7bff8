"""Figures and tables of alignment_accuracy.py, from the scores of single maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reprise.evaluation import OverallScore, PairScore, overall_score

_LEVEL = 0.0005  # difference of F, less than the tables show


@dataclass(frozen=True, slots=True)
class Scored:
    """What the contenders made of a map."""

    kind: str
    has_copy: bool
    scores: tuple[PairScore, ...]  # of each contender


def figures(scored: Sequence[Scored], contender: int) -> OverallScore:
    """The figures of the contender at this place over these maps."""
    return overall_score((one.scores[contender] for one in scored), positives=sum(one.has_copy for one in scored))


def f_score(score: OverallScore) -> float:
    """F, and 0 where there is none for want of predictions."""
    return score.f_score or 0.0


def best(scored: Sequence[Scored], contenders: Sequence[int]) -> int:
    """Which of these contenders has the greatest F; the first of equals."""
    return max(contenders, key=lambda contender: f_score(figures(scored, contender)))


def by_kind(scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    """The maps of every kind, kinds with copies first, in the order of their names."""
    kinds = sorted({(not one.has_copy, one.kind) for one in scored})
    return {kind: [one for one in scored if one.kind == kind] for _, kind in kinds}


def overall_table(names: Sequence[str], scored: Sequence[Scored]) -> str:
    """One row a contender, all maps together; percent."""
    width = max(map(len, names))
    lines = [f"{'':{width}}  recall  precis.       F     FRR     FAR"]
    for contender, name in enumerate(names):
        score = figures(scored, contender)
        shown = (score.recall, score.precision, score.f_score, score.false_rejection_rate, score.false_alarm_rate)
        lines.append(f"{name:{width}}" + "".join(map(_percent, shown)))
    return "\n".join(lines)


def kind_table(names: Sequence[str], scored: Sequence[Scored]) -> str:
    """One row a kind: the first contender, and whichever of the others is best at that kind.

    The best is chosen on these very maps, kind by kind, in favour of the others. Where nothing is copied there is no
    F: there the false alarms are those of the first and of the one with the best F over all maps.
    """
    others = range(1, len(names))
    best_of_all = best(scored, others)
    kinds = by_kind(scored)
    width = max(map(len, kinds))
    first = f"{'':{width}}   maps  recall  precis.       F     FRR     FAR"
    lines = [f"{first}   best F     FAR  of the others"]
    leads = []
    for kind, of_kind in kinds.items():
        ours = figures(of_kind, 0)
        rival = best(of_kind, others) if of_kind[0].has_copy else best_of_all
        theirs = figures(of_kind, rival)
        shown = (ours.recall, ours.precision, ours.f_score, ours.false_rejection_rate, ours.false_alarm_rate)
        if of_kind[0].has_copy:
            leads.append((kind, f_score(ours) - f_score(theirs)))
        else:
            shown = (None, None, None, *shown[3:])
        rivals = _percent(f_score(theirs) if of_kind[0].has_copy else None) + _percent(theirs.false_alarm_rate)
        lines.append(
            f"{kind:{width}}{len(of_kind):>7}" + "".join(map(_percent, shown)) + f" {rivals}  {names[rival]}"
        )
    return "\n".join([*lines, f"{names[0]} against the best of the others: {_verdict(leads)}"])


def _verdict(leads: Sequence[tuple[str, float]]) -> str:
    """Where the first is above, level and below, by its leads in F; kinds that both find all of are level."""
    level = [kind for kind, lead in leads if abs(lead) <= _LEVEL]
    below = [f"{kind} ({100 * lead:.1f})" for kind, lead in leads if lead < -_LEVEL]
    above = len(leads) - len(level) - len(below)
    return "; ".join(
        (
            f"above it in {above} of {len(leads)} kinds with copies",
            f"level in {len(level)}" + (f" ({', '.join(level)})" if level else ""),
            f"below in {len(below)}" + (f": {', '.join(below)}" if below else ""),
        )
    )


def _percent(value: float | None) -> str:
    return f"{'-':>8}" if value is None else f"{100 * value:>8.1f}"
