"""The segment benchmark's figures as tables, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from segment_figures import CLOSE_S, NEAR_S, STRENGTHS, CurvePoint, EndErrors, Figures


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one run; `segment_figures` says what each is."""

    min_score: float
    labelled: int  # pairs with a true segment
    overall: Figures
    by_kind: dict[str, Figures]
    by_edit: dict[tuple[str, str], Figures]
    false_alarms: dict[str, tuple[int, int]]
    end_errors: dict[str, EndErrors]
    candidate_recall: dict[int, float]
    curve: list[CurvePoint]


def tables(report: Report) -> str:
    """All figures as text, one table after the other."""
    return "\n\n".join(
        [
            _overall(report),
            _by_strength(report.by_edit),
            _by_edit(report.by_edit),
            _false_alarms(report.false_alarms),
            _end_errors(report.end_errors),
            _candidates(report.candidate_recall),
            _curve(report.curve),
        ]
    )


def as_json(report: Report) -> dict[str, Any]:
    """All figures as JSON holds them; by_edit's keys become "edit" or "edit strength", "any light" and so on."""
    figures = asdict(report)
    figures["by_edit"] = {
        " ".join(part for part in (edit or "any", strength) if part): asdict(one)
        for (edit, strength), one in report.by_edit.items()
    }
    return figures


def curve_csv(points: Sequence[CurvePoint]) -> str:
    """The curve as CSV: min_score, recall, precision, f_score, then alarms and queries of each kind with no copy."""
    text = io.StringIO()
    kinds = list(points[0].alarmed) if points else []
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        ["min_score", "recall", "precision", "f_score", *(f"{k}_{what}" for k in kinds for what in ("alarms", "of"))]
    )
    for point in points:
        own = point.figures
        alarms = [number for kind in kinds for number in point.alarmed[kind]]
        rows.writerow([point.min_score, own.recall, own.precision, own.f_score, *alarms])
    return text.getvalue()


def _overall(report: Report) -> str:
    own = report.overall
    lines = [
        f"pairs scored: {own.pairs}, labelled: {report.labelled}, predicted: {own.found}; "
        f"scores from {report.min_score:g}",
        _head(""),
        _row("overall", own),
        *(_row(f"kind {kind}", figures) for kind, figures in report.by_kind.items()),
    ]
    return "\n".join(lines)


def _by_strength(by_edit: Mapping[tuple[str, str], Figures]) -> str:
    rows = [_row(strength, by_edit["", strength]) for strength in STRENGTHS if ("", strength) in by_edit]
    return "\n".join([_head("by strength"), *rows])


def _by_edit(by_edit: Mapping[tuple[str, str], Figures]) -> str:
    lines = [_head("by edit") + "   recall: " + "".join(f"{strength:>8}" for strength in STRENGTHS)]
    for edit in sorted({edit for edit, _ in by_edit if edit}):
        parts = [by_edit.get((edit, strength)) for strength in STRENGTHS]
        recalls = "".join(f"{_figure(part.recall if part else None):>8}" for part in parts)
        lines.append(_row(edit, by_edit[edit, ""]) + " " * 11 + recalls)
    return "\n".join(lines)


def _false_alarms(alarms: Mapping[str, tuple[int, int]]) -> str:
    lines = ["queries with no copy in the library that got an answer all the same"]
    lines += [f"{kind:24}{number:>8} of {total}" for kind, (number, total) in alarms.items()]
    return "\n".join(lines)


def _end_errors(errors: Mapping[str, EndErrors]) -> str:
    head = f"{'ends, off by':24}{'median':>8}{'90 %':>8}{f'<={CLOSE_S:g} s':>10}{f'<={NEAR_S:g} s':>10}{'number':>8}"
    rows = [
        f"{end:24}{_figure(one.median_s):>8}{_figure(one.percentile_90_s):>8}"
        f"{_figure(one.within_close):>10}{_figure(one.within_near):>10}{one.segments:>8}"
        for end, one in errors.items()
    ]
    return "\n".join([head, *rows])


def _candidates(recall: Mapping[int, float]) -> str:
    shares = "   ".join(f"{share:.3f} at {depth}" for depth, share in recall.items())
    return f"true references among the first candidates: {shares or '-'}"


def _curve(points: Sequence[CurvePoint]) -> str:
    kinds = list(points[0].alarmed) if points else []
    lines = [f"{'min_score':12}{'recall':>8}{'precision':>11}{'F':>8}" + "".join(f"{kind:>15}" for kind in kinds)]
    for point in points:
        own = point.figures
        alarms = "".join(f"{'{} of {}'.format(*point.alarmed[kind]):>15}" for kind in kinds)
        scores = f"{_figure(own.recall):>8}{_figure(own.precision):>11}{_figure(own.f_score):>8}"
        lines.append(f"{point.min_score:<12g}{scores}{alarms}")
    return "\n".join(lines)


def _head(name: str) -> str:
    return f"{name:24}{'recall':>8}{'precision':>11}{'F':>8}{'pairs':>8}{'found':>8}"


def _row(name: str, one: Figures) -> str:
    scores = f"{_figure(one.recall):>8}{_figure(one.precision):>11}{_figure(one.f_score):>8}"
    return f"{name:24}{scores}{one.pairs:>8}{one.found:>8}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
