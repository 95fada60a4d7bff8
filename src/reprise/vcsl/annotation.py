"""VCSL's annotation and predictions, read; each file may also be gzipped (`.gz`).

Every function raises BenchmarkError, which names the file and the place in it, where a file cannot be used.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise.errors import BenchmarkError, printable

Boxes = list[list[float]]  # of one pair: [q_start, r_start, q_end, r_end], seconds
SPLITS = ("train", "val", "test")
_UNREADABLE = (OSError, EOFError, UnicodeDecodeError, zlib.error)


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A query held against a reference, both by their ids."""

    query: str
    reference: str

    @property
    def id(self) -> str:
        """`query-reference`, as labels and predictions name the pair."""
        return f"{self.query}-{self.reference}"

    @classmethod
    def of(cls, pair_id: str) -> Pair:
        """The pair that `pair_id` names; ids with dashes in them must be of equal length. Raises ValueError."""
        middle = len(pair_id) // 2
        if pair_id.count("-") == 1:
            query, _, reference = pair_id.partition("-")
        elif pair_id[middle : middle + 1] == "-" and len(pair_id) % 2:
            query, reference = pair_id[:middle], pair_id[middle + 1 :]
        else:
            query = reference = ""
        if not query or not reference:
            raise ValueError(f"{pair_id!r} is not QUERY-REFERENCE")
        return cls(query, reference)


def read_labels(path: Path) -> dict[str, Boxes]:
    """`{"qid-rid": [[q_start, r_start, q_end, r_end], ...]}`: the true segments of every pair that has any."""
    labels = _json_object(path)
    broken = [fault for fault in map(box_fault, labels, labels.values()) if fault]
    if broken:
        raise BenchmarkError(f"{printable(path)}: {broken[0]}")
    return {pair_id: boxes for pair_id, boxes in labels.items() if boxes}


def read_predictions(path: Path) -> dict[str, Any]:
    """`{"qid-rid": [[q_start, r_start, q_end, r_end], ...]}`; values are not checked, see `box_fault`."""
    return _json_object(path)


def box_fault(pair_id: str, boxes: Any) -> str:
    """What keeps `boxes` from being a pair's boxes, in words; empty if nothing does."""
    if not isinstance(boxes, list):
        return f"pair {pair_id}: {_short(boxes)} is not a list of boxes"
    for box in boxes:
        is_box = isinstance(box, list) and len(box) == 4
        if not is_box or not all(isinstance(v, int | float) and math.isfinite(v) for v in box):
            return f"pair {pair_id}: {_short(box)} is not a box [q_start, r_start, q_end, r_end]"
    return ""


def read_pairs(path: Path) -> list[Pair]:
    """`query_id,reference_id`: the pairs in order, each once."""
    pairs = [Pair(*row) for row in _rows(path, ("query_id", "reference_id"))]
    if not pairs:
        raise BenchmarkError(f"{printable(path)}: it lists no pair")
    return list(dict.fromkeys(pairs))


def read_frame_counts(path: Path) -> dict[str, int]:
    """`uuid,path,frame_count`: frames at 1 fps by video."""
    counts = {}
    for line, (video, count) in enumerate(_rows(path, ("uuid", "frame_count")), start=2):
        if not count.isdecimal():
            raise BenchmarkError(f"{printable(path)}: line {line}: {_short(count)} is not a number of frames")
        counts[video] = int(count)
    return counts


def read_query_sets(path: Path, split: str) -> dict[str, list[Pair]]:
    """`{"train"|"val"|"test": {query set: ["qid-rid", ...]}}`: the query sets of one split."""
    splits = _json_object(path)
    if split not in splits:
        raise BenchmarkError(f"{printable(path)}: it has no split {split!r}, only {', '.join(splits) or 'nothing'}")
    sets = splits[split]
    if not isinstance(sets, dict) or not sets:
        raise BenchmarkError(f"{printable(path)}: {split}: {_short(sets)} is not an object of query sets")
    read = {}
    for name, pair_ids in sets.items():
        if not isinstance(pair_ids, list) or not all(isinstance(pair_id, str) for pair_id in pair_ids):
            raise BenchmarkError(f"{printable(path)}: {split}: query set {name}: not a list of pairs")
        try:
            read[name] = [Pair.of(pair_id) for pair_id in pair_ids]
        except ValueError as error:
            raise BenchmarkError(f"{printable(path)}: {split}: query set {name}: {error}") from error
    return read


def _json_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_text(path))
    except ValueError as error:
        raise BenchmarkError(f"{printable(path)}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise BenchmarkError(f"{printable(path)}: {_short(value)} is not a JSON object")
    return value


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The values of `columns` in every row of the CSV file."""
    rows = csv.DictReader(io.StringIO(_text(path)))
    try:
        missing = [column for column in columns if column not in (rows.fieldnames or ())]
        if missing:
            header = ",".join(rows.fieldnames or ()) or "nothing"
            raise BenchmarkError(f"{printable(path)}: no column {missing[0]}; its first line has {_short(header)}")
        for row in rows:
            values = tuple(row[column] or "" for column in columns)
            if not all(values):
                empty = columns[values.index("")]
                raise BenchmarkError(f"{printable(path)}: line {rows.line_num}: no {empty}")
            yield values
    except csv.Error as error:
        raise BenchmarkError(f"{printable(path)}: line {rows.line_num}: {error}") from error


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or error
        raise BenchmarkError(f"{printable(path)}: cannot be read ({reason})") from error


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
