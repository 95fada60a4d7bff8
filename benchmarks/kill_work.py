"""What `kills.py` kills: a process that writes to a library by a seeded plan; and the one that looks at what is left.

What was begun and what was done is written to a journal as it happens; what the library must hold follows from it.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from reprise.descriptor import NAME
from reprise.embedding import EmbeddedVideo
from reprise.stores import frames as frame_store
from reprise.stores.frames import LibraryFacts
from reprise.stores.leveldb import LevelDb
from reprise.stores.library import LibraryStores
from reprise.stores.milvus import Milvus
from reprise.stores.place import Place
from reprise.stores.verifying import findings
from reprise.stores.videos import VideoRow

DIMENSION = 32
FACTS = LibraryFacts(model=NAME, dimension=DIMENSION, fps=1.0)
IDS = [f"{number:032x}" for number in range(24)]
# So small a library changes its index back and forth, and takes a long video in two inserts.
frame_store.FLAT_UP_TO = 400
LONG = 5000
# Similarity of a frame with itself; an index of a byte a number (IVF_SQ8) tells it less exactly.
SAME, SAME_IN_A_BYTE = 0.9999, 0.99
# The calls that change something, of which each is a step to die at, before and after.
STEPS: list[tuple[type, str]] = [
    *((Milvus, name) for name in ("create", "load", "insert", "upsert", "delete", "flush", "rebuild_index")),
    *((LevelDb, name) for name in ("store", "delete", "mark_pending", "clear_pending", "put_fact")),
]
# Python's own reports of what Milvus Lite does with its files.
FILE_EVENTS = frozenset({"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "shutil.rmtree"})


Step = tuple[str, int]  # the name of a step, and which of all times that it is come to


@dataclass(frozen=True)
class Operation:
    """One step of the plan: what is done to which video, of which the version is the content."""

    kind: str  # add, replace, update, remove or flush
    video_id: str = ""
    version: int = 0

    def line(self) -> str:
        """The operation as the journal has it."""
        return f"{self.kind} {self.video_id or '-'} {self.version}"


@dataclass
class Shelf:
    """What the library must hold: of each video the version, and of a tagged one the tag."""

    versions: dict[str, int] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)

    def after(self, operation: Operation) -> Shelf:
        """What it must hold when the operation is done."""
        versions, tags = dict(self.versions), dict(self.tags)
        if operation.kind in {"add", "replace"}:
            versions[operation.video_id] = operation.version
            tags.pop(operation.video_id, None)
        elif operation.kind == "update":
            tags[operation.video_id] = operation.version
        elif operation.kind == "remove":
            versions.pop(operation.video_id, None)
            tags.pop(operation.video_id, None)
        return Shelf(versions, tags)


def next_operation(shelf: Shelf, rng: random.Random, number: int) -> Operation:
    """The next step of a plan, for a library that holds this."""
    kind = rng.choices(["add", "replace", "update", "remove", "flush"], [9, 4, 2, 4, 3])[0]
    there = sorted(shelf.versions)
    absent = sorted(set(IDS) - set(there))
    if kind == "flush":
        return Operation(kind)
    if kind == "add" and absent:
        return Operation(kind, rng.choice(absent), number)
    if not there:
        return Operation("add", rng.choice(absent), number)
    return Operation("replace" if kind == "add" else kind, rng.choice(there), number)


def video(video_id: str, version: int) -> tuple[VideoRow, EmbeddedVideo]:
    """The video of this version: its frames follow from it."""
    rng = np.random.default_rng([int(video_id, 16), version])
    frames = LONG if version % 40 == 7 else int(rng.integers(1, 30))
    matrix = rng.standard_normal((frames, DIMENSION)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    times_s = np.arange(frames) + rng.uniform(0, 0.01, frames)
    row = VideoRow(
        id=video_id,
        path=f"{video_id}.mp4",
        content_hash=f"{version:064x}",
        file_size=version,
        modified_ns=version,
        duration_s=float(frames),
        frame_count=frames,
        fps=1.0,
        model=NAME,
        ingested_at="2026-01-01T00:00:00+00:00",
        warning="",
        tags=[],
    )
    return row, EmbeddedVideo(times_s, matrix, float(frames), "", row.content_hash)


def work(place: str, journal: Path, shelf: Shelf, seed: int, operations: int, die_at: Step | None) -> dict[str, int]:
    """Opens the library, makes it if need be, and works through a plan; dies by itself at the step `die_at`.

    Gives how often it came to each step.
    """
    out = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(line: str) -> None:
        os.write(out, f"{line}\n".encode())

    steps = count_steps(place, die_at, note)
    rng = random.Random(seed)
    note("begin open")
    with closing(LibraryStores(Place.of(place), create=FACTS)) as stores:
        stores.recover()
        note("done")
        for number in range(operations):
            operation = next_operation(shelf, rng, seed * 1000 + number)
            note(f"begin {operation.line()}")
            perform(stores, operation)
            note("done")
            shelf = shelf.after(operation)
        note("begin close")
    note("done")
    return steps


def perform(stores: LibraryStores, operation: Operation) -> None:
    """Does one step of a plan."""
    match operation.kind:
        case "add" if stores.claims is not None:
            # As an ingest does it, which claims a video before it looks whether it is there.
            stores.claims.take([operation.video_id])
            stores.add(*video(operation.video_id, operation.version), is_there=False)
            stores.claims.release([operation.video_id])
        case "add" | "replace":
            stores.add(*video(operation.video_id, operation.version))
        case "update":
            stores.videos.update(operation.video_id, tags=[str(operation.version)])
        case "remove":
            stores.remove(operation.video_id)
        case "flush":
            stores.flush()


def count_steps(place: str, die_at: Step | None, note: Callable[[str], None]) -> dict[str, int]:
    """Counts the steps that change something, by name, in what it gives; kills this process at one of them."""
    done: Counter[str] = Counter()

    def step(name: str) -> None:
        done[name] += 1
        if (name, done[name]) == die_at:
            note(f"killed {name}")
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(owner: type, name: str) -> Callable[..., Any]:
        real = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            of = f" {arguments[1]}" if owner is Milvus else ""
            step(f"before {owner.__name__}.{name}{of}")
            answer = real(*arguments, **options)
            step(f"after {owner.__name__}.{name}{of}")
            return answer

        return call

    for owner, name in STEPS:
        setattr(owner, name, counted(owner, name))

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in FILE_EVENTS and isinstance(arguments[0], str) and arguments[0].startswith(place):
            if event == "open" and not (isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
                return  # for reading
            # Files of Milvus Lite are numbered; those of frames and of videos are steps of their own.
            path = re.sub(r"\d+", "#", str(Path(arguments[0]).relative_to(place)))
            step(f"{event} {path.removeprefix('milvus.db/collections/')}")

    sys.addaudithook(watch)
    return done


def problems(place: str, allowed: list[Shelf]) -> tuple[list[str], Shelf]:
    """What is wrong with the library, which must hold one of `allowed`; and which of these it holds."""
    if Place.of(place).keeps_matrices:
        return _problems(place, allowed)
    told, held = _problems(place, allowed)
    left = [f"{path} is left on this machine" for path in sorted(Place.of(place).locked.glob("matrices*"))]
    return told + left, held


def _problems(place: str, allowed: list[Shelf]) -> tuple[list[str], Shelf]:
    with closing(LibraryStores(Place.of(place), create=FACTS)) as stores:
        told = [line for finding in findings(stores) for line in finding.problems]
        told += [f"{video_id}: still marked as unfinished" for video_id in stores.matrices.pending()]
        held = _held(stores)
        if held not in allowed:
            told.append(f"the library holds {held.versions} {held.tags}, which is none of {allowed}")
            return told, held
        frames = 0
        kept_rows = stores.videos.get(list(held.versions))
        in_milvus = {rows.video_id: rows.matrix for rows in stores.frames.by_video()}
        for video_id, version in held.versions.items():
            row, embedded = video(video_id, version)
            frames += row.frame_count
            told += _content_problems(stores, row, embedded, kept_rows.get(video_id), in_milvus.get(video_id))
        counted = stores.frames.count()
        told += [f"{counted} frames are counted, {frames} must be there"] if counted != frames else []
        return told, held


def _held(stores: LibraryStores) -> Shelf:
    rows = {row.id: row for row in stores.videos.all()}
    versions = {video_id: int(row.content_hash, 16) for video_id, row in rows.items()}
    return Shelf(versions, {video_id: int(row.tags[0]) for video_id, row in rows.items() if row.tags})


def _content_problems(
    stores: LibraryStores, row: VideoRow, embedded: EmbeddedVideo, kept: VideoRow | None, in_milvus: Any
) -> list[str]:
    told = []
    if kept is None or replace(kept, tags=[]) != row:
        told.append(f"{row.id}: its row by id is {kept}")
    here = [("LevelDB", stores.matrices.get_array(row.id))] if stores.place.keeps_matrices else []
    for where, matrix in (*here, ("Milvus", in_milvus)):
        if matrix is None or matrix.shape != embedded.matrix.shape or not np.allclose(matrix, embedded.matrix):
            told.append(f"{row.id}: its matrix in {where} is not that of version {row.file_size}")
    return told


def search_problems(place: str, shelf: Shelf) -> list[str]:
    """Whether the first frame of every video is found by a search, once, and no frame of another version."""
    if not shelf.versions:
        return []
    with closing(LibraryStores(Place.of(place))) as stores:
        milvus = stores._milvus
        least = SAME_IN_A_BYTE if stores.frames.index_type() == "IVF_SQ8" else SAME
        ids = sorted(shelf.versions)
        firsts = np.stack([video(video_id, shelf.versions[video_id])[1].matrix[0] for video_id in ids])
        params = frame_store.search_params(stores.frames.index_type(), 3) and {"nprobe": 1024}
        answer = milvus.search("frames", firsts, limit=3, metric="IP", fields=["video_id"], params=params)
        told = []
        for video_id, hits in zip(ids, answer, strict=True):
            same = [hit for hit in hits if hit[1] > least]
            if [hit[2] for hit in same] != [video_id]:
                told.append(f"{video_id}: a search for its first frame gives {same}")
        return told
