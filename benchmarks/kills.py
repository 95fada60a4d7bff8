"""Kills a process that writes to a library, over and over, and tells what the next one finds.

    python benchmarks/kills.py FOLDER --kills 200 --seed 1
    python benchmarks/kills.py http://127.0.0.1:19530 --kills 200 --seed 1

Half of the kills fall after a random time, half at one of the steps that change something, each of which has its
turn: before and after every call to Milvus and to LevelDB, and at every file that Milvus Lite makes, renames or
removes. The process adds, replaces, updates and removes small videos, flushes, changes the index, makes the library
and closes it; what it did is in a journal. A share of the processes that find what is left are killed too, within the
recovery. Then the library is opened once more, and it must hold exactly what the journal says, the one operation that
was under way done or not done at all: every frame in Milvus once, every matrix in LevelDB, the rows, what a search
finds, and nothing in which the two stores disagree. Exit status 1 if anything is wrong. A library that is at the
place is removed first, and what is made there is removed in the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import kill_work
from kill_work import Operation, Shelf

OPERATIONS = 14  # of one process
NEW_LIBRARY_EVERY = {"embedded": 12, "server": 50}
KILLED_AGAIN = 0.25  # share of the recoveries that are killed too
LONGEST_S = 300.0  # of a process that is not to be killed
TELL_EVERY = 20  # kills, on stderr
# How far into its work a process is killed, as a share of what the last whole ones took.
SPREAD = 1.05
EARLY = 0.25  # share of the times that may fall within the opening


class Sandbox:
    """Runs pieces of work in processes of their own, which are forked and so start at once."""

    def __init__(self, folder: Path) -> None:
        self._answers = folder / "answer.json"

    def run(
        self,
        work: Callable[[], Any],
        kill_after_s: float | None = None,
        is_begun: Callable[[], bool] = lambda: True,
    ) -> tuple[int, Any, float]:
        """The status, the answer and the seconds that it took since `is_begun`; status -9 where it was killed."""
        self._answers.unlink(missing_ok=True)
        began_s = time.monotonic()
        pid = os.fork()
        if pid == 0:
            self._child(work)
        deadline_s = began_s + LONGEST_S
        has_begun = False
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                break
            if not has_begun and is_begun():
                has_begun, began_s = True, time.monotonic()
                deadline_s = began_s + (LONGEST_S if kill_after_s is None else kill_after_s)
            if time.monotonic() >= deadline_s:
                os.kill(pid, signal.SIGKILL)
                _, status = os.waitpid(pid, 0)
                break
            time.sleep(0.001)  # between two looks; a deadline ends them
        took_s = time.monotonic() - began_s
        answer = json.loads(self._answers.read_text()) if self._answers.exists() else None
        return os.waitstatus_to_exitcode(status), answer, took_s

    def _child(self, work: Callable[[], Any]) -> None:
        try:
            answer = work()
            self._answers.write_text(json.dumps(answer))
        except BaseException as error:  # noqa: BLE001 - a fork must never come back into the caller's code
            self._answers.write_text(json.dumps({"error": f"{type(error).__name__}: {error}"}))
            os._exit(1)
        os._exit(0)


class Run:
    """A number of kills on one place."""

    def __init__(self, place: str, seed: int, folder: Path) -> None:
        self.place, self.backend = place, "server" if "://" in place else "embedded"
        self.rng = random.Random(seed)
        self.sandbox = Sandbox(folder)
        self.journal = folder / "journal"
        self.shelf = Shelf()
        self.table: Counter[tuple[str, str]] = Counter()
        self.steps: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.took_s = 3.0
        self.known: dict[bool, dict[str, int]] = {True: {}, False: {}}  # steps of a new library, and of an older one
        self.number = 0

    @property
    def kills(self) -> int:
        """How many processes were killed so far."""
        return sum(count for (_, how), count in self.table.items() if how in {"step", "time"})

    def new_library(self) -> None:
        """An empty place."""
        if self.backend == "embedded":
            shutil.rmtree(self.place, ignore_errors=True)
        else:
            self.sandbox.run(lambda: drop(self.place))
        self.shelf = Shelf()

    def kill_once(self) -> None:
        """One process is killed, maybe the next one too, then the rest is looked at."""
        self.number += 1
        if self.number % NEW_LIBRARY_EVERY[self.backend] == 1:
            self.new_library()
        is_new = not self.shelf.versions and self.number % NEW_LIBRARY_EVERY[self.backend] == 1
        self.journal.unlink(missing_ok=True)
        seed = self.number
        by_step = self.rng.random() < 0.5
        # A new library is killed within its making more often than not.
        share = self.rng.random() ** (2 if is_new else 1) * SPREAD
        die_at = self._next_step(is_new) if by_step else None
        # A share of the times are counted from the start, the others from when the library is open.
        is_early = is_new or self.rng.random() < EARLY
        after_s = None if by_step else share * self.took_s
        status, answer, took_s = self.sandbox.run(
            lambda: kill_work.work(self.place, self.journal, self.shelf, seed, OPERATIONS, die_at),
            after_s,
            (lambda: True) if is_early else self._is_open,
        )
        if status == 1:
            self.wrong.append(f"kill {self.number}: the work itself failed: {answer}")
        if status == 0:
            # It was quicker than the kill: that says how long one takes.
            self.took_s = took_s
            self.known[is_new] |= answer
        under_way, done = self._read_journal()
        if status != 0:
            self.table[under_way.kind if under_way else "between", "step" if by_step else "time"] += 1
        self._look(done, under_way, killed=status != 0)

    def _look(self, done: Shelf, under_way: Operation | None, *, killed: bool) -> None:
        while killed and self.rng.random() < KILLED_AGAIN:
            status, _, _ = self.sandbox.run(lambda: kill_work.problems(self.place, []), self.rng.random() * 1.5)
            if status == -signal.SIGKILL:
                self.number += 1
                self.table["the next opening", "time"] += 1
        allowed = [done] if under_way is None else [done, done.after(under_way)]

        def look() -> Any:
            told, held = kill_work.problems(self.place, allowed)
            return {"told": told + kill_work.search_problems(self.place, held), "held": asdict(held)}

        status, answer, took_s = self.sandbox.run(look)
        if answer is None or "error" in answer:
            said = f"status {status} after {took_s:.0f} s, {answer}"
            self.wrong.append(f"kill {self.number} ({under_way}): the library cannot be used: {said}")
            if self.backend == "embedded":
                shutil.copytree(self.place, f"{self.place}.broken-{self.number}")
            self.new_library()
            return
        self.wrong += [f"kill {self.number} ({under_way}): {line}" for line in answer["told"]]
        self.shelf = Shelf(**answer["held"])
        if killed and under_way is not None and under_way.kind not in {"open", "close", "flush"}:
            outcome = "done" if self.shelf == done.after(under_way) else "not done"
            self.table[under_way.kind, outcome] += 1

    def _next_step(self, is_new: bool) -> tuple[str, int] | None:
        """A step that was died at least often so far; None, to learn which there are, in the beginning."""
        known = self.known[is_new]
        if not known:
            return None
        fewest = min(self.steps[name] for name in known)
        name = self.rng.choice([name for name in known if self.steps[name] == fewest])
        return name, self.rng.randint(1, known[name])

    def _is_open(self) -> bool:
        return self.journal.exists() and "done" in self.journal.read_text()

    def _read_journal(self) -> tuple[Operation | None, Shelf]:
        shelf, under_way = self.shelf, None
        for line in self.journal.read_text().splitlines() if self.journal.exists() else []:
            word, _, rest = line.partition(" ")
            if word == "begin":
                kind, *about = rest.split()
                under_way = Operation(kind, about[0], int(about[1])) if about else Operation(kind)
            elif word == "done" and under_way is not None:
                shelf, under_way = shelf.after(under_way), None
            elif word == "killed":
                self.steps[rest] += 1
        return under_way, shelf


def check_server(uri: str) -> None:
    """Ends the program if no server answers, in a process that is not forked from."""
    code = "import sys; from reprise.stores.milvus import Milvus; Milvus(sys.argv[1]).close()"
    asked = subprocess.run([sys.executable, "-c", code, uri], capture_output=True, text=True, check=False)
    if asked.returncode:
        sys.exit(asked.stderr.strip().rpartition("\n")[2])


def drop(uri: str) -> None:
    """Removes the library on a server."""
    from reprise.stores.milvus import Milvus
    from reprise.stores.place import Place

    milvus = Milvus(uri)
    for collection in ("frames", "videos", "notes"):
        if milvus.has(collection):
            milvus.drop(collection)
    milvus.close()
    shutil.rmtree(Place.of(uri).locked, ignore_errors=True)


def show(run: Run, wanted: int) -> None:
    """Prints the table of the kills."""
    kinds = ["open", "add", "replace", "update", "remove", "flush", "close", "between", "the next opening"]
    print(f"{'killed within':<18}{'kills':>6}{'at a step':>11}{'by time':>9}{'then done':>11}{'not done':>10}")
    for kind in kinds:
        at, by = run.table[kind, "step"], run.table[kind, "time"]
        done, undone = run.table[kind, "done"], run.table[kind, "not done"]
        ends = f"{done:>11}{undone:>10}" if done + undone else ""
        print(f"{kind:<18}{at + by:>6}{at:>11}{by:>9}{ends}")
    print(f"{'in all':<18}{run.kills:>6}")
    there = {name for known in run.known.values() for name in known} | set(run.steps)
    print(f"{len(run.steps)} of {len(there)} different steps were died at")
    print(f"{run.backend}: {run.kills} kills of {wanted} wanted, {len(run.wrong)} things wrong.")


def main() -> None:
    """Reads the command line, kills, prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", help="a folder, which is made and removed, or the URI of a Milvus server")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", action="store_true", help="also list the steps that were died at")
    given = parser.parse_args()
    os.environ.setdefault("REPRISE_MATRICES", tempfile.mkdtemp(prefix="kills-"))
    if "://" in given.place:
        check_server(given.place)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        run = Run(given.place, given.seed, Path(folder))
        while run.kills < given.kills:
            told, before = len(run.wrong), run.kills
            run.kill_once()
            for line in run.wrong[told:]:
                print(line, flush=True)
            if run.kills // TELL_EVERY > before // TELL_EVERY:
                print(f"{run.kills} kills, {len(run.wrong)} things wrong", file=sys.stderr, flush=True)
        run.new_library()
        show(run, given.kills)
        if given.steps:
            for step, count in run.steps.most_common():
                print(f"{count:>5}  {step}")
    sys.exit(1 if run.wrong else 0)


if __name__ == "__main__":
    main()
