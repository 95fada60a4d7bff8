"""The benchmark's own files: read as they are, refused in one line where they are broken."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vcsl_files import FRAMES, LABELS, PAIRS, write_frames, write_labels, write_pairs, write_split

from reprise.errors import BenchmarkError
from reprise.vcsl.annotation import (
    Pair,
    box_fault,
    read_frame_counts,
    read_labels,
    read_pairs,
    read_predictions,
    read_query_sets,
)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_each_file_is_read_plain_and_gzipped(tmp_path: Path, suffix: str) -> None:
    assert read_labels(write_labels(tmp_path / f"l.json{suffix}")) == LABELS
    assert [pair.id for pair in read_pairs(write_pairs(tmp_path / f"p.csv{suffix}"))] == list(PAIRS)
    assert read_frame_counts(write_frames(tmp_path / f"f.csv{suffix}")) == FRAMES
    assert read_query_sets(write_split(tmp_path / f"s.json{suffix}"), "test") == {
        "first": [Pair("q", "a"), Pair("q", "b")],
        "second": [Pair("s", "a")],
    }
    assert read_predictions(write_labels(tmp_path / f"d.json{suffix}")) == LABELS


def test_a_byte_order_mark_and_crlf_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(b"\xef\xbb\xbfquery_id,reference_id\r\nq,a\r\n")
    assert read_pairs(path) == [Pair("q", "a")]


def test_a_pair_that_is_listed_twice_counts_once(tmp_path: Path) -> None:
    assert read_pairs(write_pairs(tmp_path / "p.csv", ["q-a", "q-b", "q-a"])) == [Pair("q", "a"), Pair("q", "b")]


def test_a_labelled_pair_without_segments_is_one_without_a_copy(tmp_path: Path) -> None:
    assert read_labels(write_labels(tmp_path / "l.json", {"q-a": [], "q-b": [[0, 0, 1, 1]]})) == {
        "q-b": [[0, 0, 1, 1]]
    }


@pytest.mark.parametrize(
    ("pair_id", "pair"),
    [
        ("q-a", Pair("q", "a")),
        ("12-34-56-78", Pair("12-34", "56-78")),
        ("abc", None),
        ("-a", None),
        ("a-b-c", None),
        ("", None),
    ],
)
def test_a_pairs_id_is_taken_apart_where_that_is_clear(pair_id: str, pair: Pair | None) -> None:
    if pair is None:
        with pytest.raises(ValueError, match="not QUERY-REFERENCE"):
            Pair.of(pair_id)
    else:
        assert Pair.of(pair_id) == pair
        assert pair.id == pair_id


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        ([[0, 0, 5, 5], []], "[] is not a box"),
        ([[0, 0, 5]], "[0, 0, 5] is not a box"),
        ([[0, 0, 5, "x"]], "is not a box"),
        ([[0, 0, 5, float("nan")]], "is not a box"),
        ("boxes", '"boxes" is not a list of boxes'),
        (None, "null is not a list of boxes"),
        ([], ""),
        ([[0, 0.5, 5, 5]], ""),
    ],
)
def test_what_is_no_box_is_said_with_its_pair(boxes: Any, said: str) -> None:
    fault = box_fault("q-a", boxes)
    assert said in fault
    assert fault.startswith("pair q-a: ") == bool(said)


Reader = Callable[[Path], Any]


def _test_split(path: Path) -> Any:
    return read_query_sets(path, "test")


@pytest.mark.parametrize(
    ("reader", "content", "said"),
    [
        (read_labels, "{", "not JSON"),
        (read_labels, "[]", "[] is not a JSON object"),
        (read_labels, '{"q-a": [[1, 2]]}', "pair q-a: [1, 2] is not a box"),
        (read_predictions, "", "not JSON"),
        (read_pairs, "", "no column query_id; its first line has"),
        (read_pairs, "a,b\n1,2\n", "no column query_id"),
        (read_pairs, "query_id,reference_id\n", "it lists no pair"),
        (read_pairs, "query_id,reference_id\nq,a\nq\n", "line 3: no reference_id"),
        (read_frame_counts, "uuid,path,frame_count\nq,q,many\n", 'line 2: "many" is not a number of frames'),
        (read_frame_counts, "uuid,path,frame_count\nq,q,-4\n", 'line 2: "-4" is not a number of frames'),
        (_test_split, '{"val": {}}', "no split 'test', only val"),
        (_test_split, '{"test": {}}', "test: {} is not an object of query sets"),
        (_test_split, '{"test": {"first": "q-a"}}', "query set first: not a list of pairs"),
        (_test_split, '{"test": {"first": ["qa"]}}', "query set first: 'qa' is not QUERY-REFERENCE"),
    ],
)
def test_a_broken_file_is_refused_in_one_line_with_its_name(
    tmp_path: Path, reader: Reader, content: str, said: str
) -> None:
    path = tmp_path / "broken.file"
    path.write_text(content)
    with pytest.raises(BenchmarkError) as refusal:
        reader(path)
    message = str(refusal.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize("reader", [read_labels, read_pairs, read_frame_counts])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, reader: Reader) -> None:
    cut, no_gzip, no_text = tmp_path / "cut.gz", tmp_path / "no.gz", tmp_path / "no-text"
    cut.write_bytes(gzip.compress(json.dumps(LABELS).encode() * 50)[:60])
    no_gzip.write_text("{}")
    no_text.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "gone", tmp_path, cut, no_gzip, no_text):
        with pytest.raises(BenchmarkError, match="cannot be read"):
            reader(path)
