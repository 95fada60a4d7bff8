"""Making each store whole from the other, with no video decoded again."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace

import numpy as np

from reprise.errors import LibraryLostError, printable
from reprise.stores import copies
from reprise.stores.copies import VideoCopy
from reprise.stores.damage import set_aside_damaged
from reprise.stores.frames import FORMAT, LibraryFacts
from reprise.stores.leveldb import open_leveldb
from reprise.stores.library import LibraryStores
from reprise.stores.place import Place
from reprise.stores.record import unpack
from reprise.stores.slots import opened_slots
from reprise.stores.strays import CLAIMED_AT_ONCE, is_current, put_back
from reprise.stores.sweeping import sweep
from reprise.stores.verifying import Finding, findings, is_same_content, look_at
from reprise.stores.videos import VideoRow

NOWHERE_WHOLE = "was whole in neither store and is removed; ingest it again"


@dataclass(slots=True)
class RepairReport:
    """What a repair did, one line a video."""

    mended: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)  # whole in neither store: to be ingested again
    set_aside: list[str] = field(default_factory=list)  # new names of LevelDB folders that were damaged
    completed: int = 0  # videos of an earlier version, whose rows and times are now beside their matrices


def make_whole(opened: Callable[[], LibraryStores], place: Place, wait_s: float) -> RepairReport:
    """Makes each store of the library at `place` whole from the other, also a lost Milvus or a damaged LevelDB.

    `opened` opens the library, which is closed. Raises what that does, and what `set_aside_damaged` and `rebuild` do.
    """
    aside = [printable(folder) for folder in set_aside_damaged(place, wait_s)]
    try:
        stores = opened()
    except LibraryLostError:
        report = rebuild(place)
    else:
        report = repair(stores)
    report.set_aside = aside
    return report


def rebuild(place: Place, *, is_restore: bool = False) -> RepairReport:
    """Makes the Milvus of a library anew from what LevelDB on this machine has, where opening it raises
    LibraryLostError. Raises LibraryLostError where an earlier version stored no more than matrices.

    On a server from all slots that no other process has; in a restore, which is to be what was backed up, from the
    own one alone.
    """
    facts = _facts_of_lost(place)
    with closing(LibraryStores(place, create=facts, rebuild=True)) as stores:
        report = _put_back(stores, own_alone=is_restore)
        _mend(stores, report, rebuild=True)
        for line in (stores.matrices.fact(copies.NOTES) or b"").splitlines():
            stores.notes.put(**json.loads(line))
        stores.matrices.remove_fact(copies.NOTES)
        for clip_id, frames in stores.matrices.facts(copies.IGNORED).items():
            stores.ignored.delete(clip_id)  # what a repair that was killed had put there
            stores.ignored.put(clip_id, np.asarray(unpack(frames), np.float32))
            stores.matrices.remove_fact(copies.IGNORED + clip_id)
        stores.matrices.remove_fact(copies.REBUILDING)
    return report


def _facts_of_lost(place: Place) -> LibraryFacts:
    of_place = (
        nullcontext([open_leveldb(place.matrices)]) if place.embedded else opened_slots(place.first_slots, None)
    )
    with of_place as kept:
        if any(matrices.fact(copies.RESTORING) is not None for matrices in kept):
            raise LibraryLostError(f"{place.shown}: a restore was interrupted there; run it again")
        for matrices in kept:
            facts = copies.kept_facts(matrices)
            if facts is not None:
                return facts
    raise LibraryLostError(
        f"{place.shown}: its Milvus is gone, and the matrices that are left were stored by an earlier version, "
        f"without what belongs to them; remove {printable(place.matrices)} and ingest the videos again"
    )


def repair(stores: LibraryStores) -> RepairReport:
    """Makes every video whole in both stores from the one that has all of it, and removes what neither has whole.

    A server that lost its data and was filled again by another machine gets what it lacks of the videos on this one.
    """
    report = _put_back(stores)
    if stores.claims is not None:
        sweep(stores)
    _mend(stores, report, rebuild=False)
    return report


def _put_back(stores: LibraryStores, *, own_alone: bool = False) -> RepairReport:
    back, gone = put_back(stores, own_alone=own_alone)
    return RepairReport(
        mended=[f"{name}: mended from LevelDB" for name in back],
        removed=[f"{name}: {NOWHERE_WHOLE}" for name in gone],
    )


def _mend(stores: LibraryStores, report: RepairReport, *, rebuild: bool) -> None:
    """Mends what `findings` tells and adds it to the report.

    With `rebuild` Milvus is known to have lost videos: what this process' LevelDB has beyond it goes back.
    """
    mended: list[tuple[str, str]] = []  # (video id, line)
    writes: list[_Write] = []
    for finding in findings(stores):
        # LevelDB is written at once, Milvus when its pages are read to their end.
        match _source(finding, embedded=stores.place.embedded, rebuild=rebuild):
            case "milvus":
                _copy_from_milvus(stores, finding)
                if finding.problems:
                    mended.append((finding.video_id, f"{finding.name}: mended from Milvus"))
                else:
                    report.completed += 1
            case "leveldb":
                writes.append(_Write(finding.video_id, finding.name, finding.row, "leveldb"))
                mended.append((finding.video_id, f"{finding.name}: mended from LevelDB"))
            case "elsewhere" if is_current(stores, stores.matrices):
                stores.matrices.delete(finding.video_id)
                mended.append((finding.video_id, f"{finding.name}: removed on the server, now here too"))
            case "none":
                writes.append(_Write(finding.video_id, finding.name, None, "none"))
    done = _write(stores, writes, rebuild=rebuild)
    let_be = {write.video_id for write in writes} - done
    report.mended += [line for video_id, line in mended if video_id not in let_be]
    report.removed += [
        f"{write.name}: {NOWHERE_WHOLE}" for write in writes if write.source == "none" and write.video_id in done
    ]
    _raise_format(stores)


def _source(finding: Finding, *, embedded: bool, rebuild: bool) -> str:
    """The store that a video is made whole from: "milvus", "leveldb" or "none"; empty where nothing is wrong."""
    if not finding.problems:
        return "milvus" if finding.lacks_copy and finding.is_sound_in_milvus else ""
    if finding.row is None:
        if finding.copy is not None and (embedded or rebuild or finding.frames is not None):
            return "leveldb"
        return "none" if embedded or rebuild or finding.frames is not None else "elsewhere"
    if finding.copy is not None and not finding.is_sound_in_milvus:
        return "leveldb"
    if finding.copy is not None and finding.differs_in_embeddings and finding.is_same_content:
        return "leveldb"  # which has a checksum of them
    return "milvus" if finding.is_sound_in_milvus else "none"


def _copy_from_milvus(stores: LibraryStores, finding: Finding) -> None:
    assert finding.row is not None and finding.frames is not None
    others = stores.matrices.companions(finding.video_id) if finding.is_same_content else {}
    copy = VideoCopy(finding.row, finding.frames.times_s, finding.frames.matrix)
    copies.write(stores.matrices, copy, companions=others)


@dataclass(frozen=True, slots=True)
class _Write:
    """What is to be written to Milvus: a video from LevelDB, or none of it."""

    video_id: str
    name: str
    row: VideoRow | None  # as it was found
    source: str  # "leveldb" or "none"


def _write(stores: LibraryStores, writes: list[_Write], *, rebuild: bool) -> set[str]:
    """Writes to Milvus; gives the ids of the videos that were written.

    The others are let be: other processes are at them, or were, so that nothing is wrong with them any more.
    """
    done: set[str] = set()
    for start in range(0, len(writes), CLAIMED_AT_ONCE):
        part = writes[start : start + CLAIMED_AT_ONCE]
        ids = [write.video_id for write in part]
        with nullcontext(set(ids)) if stores.claims is None else stores.claims.free(ids) as ours:
            done.update(
                write.video_id
                for write in part
                if write.video_id in ours and _written(stores, write, rebuild=rebuild)
            )
    stores.flush()
    return done


def _written(stores: LibraryStores, write: _Write, *, rebuild: bool) -> bool:
    """Writes one video, for who has it alone; gives whether there is something wrong with it still."""
    row = write.row
    if stores.claims is not None:
        now = look_at(stores, write.video_id)
        if _source(now, embedded=False, rebuild=rebuild) != write.source:
            return False
        row = now.row
    if write.source == "none":
        stores.remove(write.video_id)
        return True
    copy = copies.read(stores.matrices, write.video_id)
    assert copy is not None
    if row is not None and is_same_content(row, copy.row):
        copy = replace(copy, row=row)  # e.g. tagged since
    others = stores.matrices.companions(write.video_id)
    copies.write(stores.matrices, copy, mark=copies.TO_FINISH, companions=others)
    stores.fill(copy)
    stores.note_unflushed(copy.row)
    return True


def _raise_format(stores: LibraryStores) -> None:
    facts = stores.frames.facts()
    if facts.format < FORMAT:
        facts = replace(facts, format=FORMAT)
        stores.frames.set_facts(facts)
    copies.keep_facts(stores.matrices, facts)
