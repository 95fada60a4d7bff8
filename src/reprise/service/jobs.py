"""Jobs: a bounded queue, threads that take from it, and a journal from which a new start takes up what waited."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reprise.errors import ReprisError
from reprise.report.files import write_whole
from reprise.service.processes import Worker
from reprise.service.refusals import RefusedError

KEPT = 500  # jobs that are over and can still be asked about
MOST_TRIES = 2  # of a job that was running when the service was killed
RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class Source:
    """A video that a job is about."""

    kind: str  # file (under a root), upload or url
    where: str  # path or address
    name: str  # as the client knows it


@dataclass(slots=True)
class Job:
    """One piece of work, from the request to its result."""

    kind: str
    sources: list[Source]
    options: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    status: str = "queued"  # running, done, failed
    stage: str = "waiting"
    done: int = 0
    total: int = 1
    error: str | None = None
    error_status: int = 422
    created_at: float = field(default_factory=time.time)
    started_at: float | None = None
    finished_at: float | None = None
    tries: int = 0
    fetched: list[str] = field(default_factory=list)  # files that were fetched for it, to be removed with it
    over: Future[Any] = field(default_factory=Future)

    def to_json(self) -> dict[str, Any]:
        """What clients see of it, without its result."""
        return {
            "id": self.id,
            "kind": self.kind,
            "status": self.status,
            "videos": [source.name for source in self.sources],
            "progress": {"stage": self.stage, "done": self.done, "total": self.total},
            "created_at": self.created_at,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "error": self.error,
        }

    def to_journal(self) -> dict[str, Any]:
        """What a new start needs to do it again."""
        sources = [asdict(source) for source in self.sources]
        return {"id": self.id, "kind": self.kind, "sources": sources, "options": self.options, "tries": self.tries}


Work = Callable[[Job, Worker], Any]  # gives the result, which is JSON; raises ReprisError


class Jobs:
    """The queue and the threads that work on it, one process each."""

    def __init__(
        self, work: Work, *, state: Path, queue: int, workers: int, time_limit_s: float, after: Callable[[Job], None]
    ) -> None:
        """Takes up what the journal in `state` holds; `start` begins. `after` is called when a job is over."""
        self._work, self._after = work, after
        self._most = queue
        self._journal, self._results = state / "journal.json", state / "results"
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._running: dict[str, Job] = {}
        self._known: OrderedDict[str, Job] = OrderedDict()
        self._reserved = 0
        self._stopping = self._abandoned = False
        self._workers = [Worker(time_limit_s) for _ in range(workers)]
        self._threads = [
            threading.Thread(target=self._run, args=(worker,), name=f"job-{number}", daemon=True)
            for number, worker in enumerate(self._workers)
        ]
        self._take_up()

    def start(self) -> None:
        """Begins to work."""
        for thread in self._threads:
            thread.start()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place in the queue while a request is being received. Raises RefusedError if there is none."""
        with self._changed:
            if self._stopping:
                raise RefusedError(503, "the service is shutting down; try again later", retry_after_s=RETRY_AFTER_S)
            if len(self._waiting) + self._reserved >= self._most:
                raise RefusedError(
                    429, f"{self._most} jobs are waiting; try again later", retry_after_s=RETRY_AFTER_S
                )
            self._reserved += 1
        try:
            yield
        finally:
            with self._changed:
                self._reserved -= 1

    def submit(self, job: Job) -> Job:
        """Puts a job into the queue, from within a `place`. RefusedError for an ingest that is there already."""
        with self._changed:
            if self._stopping:
                raise RefusedError(503, "the service is shutting down; try again later", retry_after_s=RETRY_AFTER_S)
            if job.kind == "ingest":
                wanted = {source.where for source in job.sources}
                for other in (*self._waiting, *self._running.values()):
                    if other.kind == "ingest" and wanted & {source.where for source in other.sources}:
                        raise RefusedError(
                            409, f"{job.sources[0].name}: is being ingested already, by job {other.id}"
                        )
            self._waiting.append(job)
            self._known[job.id] = job
            self._write_journal()
            self._changed.notify()
        return job

    def get(self, job_id: str) -> Job:
        """The job of this id. Raises RefusedError."""
        with self._changed:
            job = self._known.get(job_id)
        if job is None:
            raise RefusedError(404, f"{job_id}: there is no such job, or it was over long ago")
        return job

    def all(self) -> list[Job]:
        """All jobs that are known, the newest first."""
        with self._changed:
            return list(reversed(self._known.values()))

    @property
    def is_ending(self) -> bool:
        """Whether no job is begun any more."""
        return self._stopping

    def waiting(self) -> int:
        """How many wait."""
        with self._changed:
            return len(self._waiting)

    def result(self, job: Job) -> Any:
        """What a job that is done gave; None for any other."""
        if job.status != "done":
            return None
        try:
            return json.loads((self._results / f"{job.id}.json").read_text(encoding="utf-8"))
        except OSError as error:
            raise RefusedError(404, f"{job.id}: its result is no longer kept") from error

    def files(self) -> list[str]:
        """The files that jobs of the queue want."""
        with self._changed:
            return [source.where for job in self._waiting for source in job.sources]

    def release(self) -> None:
        """No job is begun from now on, and who waits for one that has not begun is told so."""
        with self._changed:
            self._stopping = True
            waiting = list(self._waiting)
            self._changed.notify_all()
        for job in waiting:
            if not job.over.done():
                job.over.set_exception(
                    RefusedError(
                        503,
                        f"the service is shutting down; job {job.id} is done at its next start",
                        retry_after_s=RETRY_AFTER_S,
                    )
                )

    def stop(self) -> None:
        """As `release`, and waits until the running jobs are over; those that wait stay in the journal."""
        self.release()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        for worker in self._workers:
            worker.end()

    def abandon(self) -> None:
        """The running jobs are ended now; the next start does them again."""
        self._abandoned = True
        for worker in self._workers:
            worker.close()

    def _run(self, worker: Worker) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._waiting)
                if self._stopping:
                    return
                job = self._waiting.popleft()
                self._running[job.id] = job
                job.status, job.stage, job.started_at, job.tries = "running", "starting", time.time(), job.tries + 1
                self._write_journal()
            result, error = self._attempt(job, worker)
            self._finish(job, result, error)

    def _attempt(self, job: Job, worker: Worker) -> tuple[Any, ReprisError | None]:
        try:
            result = self._work(job, worker)
            write_whole(self._results / f"{job.id}.json", json.dumps(result, ensure_ascii=False))
        except ReprisError as error:
            return None, error
        except Exception as error:  # noqa: BLE001 - a fault of ours in one job must not end the thread
            return None, RefusedError(500, f"internal fault ({type(error).__name__}: {error})")
        return result, None

    def _finish(self, job: Job, result: Any, error: ReprisError | None) -> None:
        if self._abandoned:
            return  # what it gave is of workers that were ended; the journal still has it
        with self._changed:
            del self._running[job.id]
            job.finished_at = time.time()
            if error is None:
                job.status, job.stage, job.done = "done", "done", job.total
            else:
                job.status, job.stage, job.error = "failed", "failed", " ".join(str(error).split())
                job.error_status = getattr(error, "status", 422)
            self._write_journal()
            forgotten = self._forget()
        self._after(job)
        for old in forgotten:
            (self._results / f"{old.id}.json").unlink(missing_ok=True)
        if error is None:
            job.over.set_result(result)
        else:
            job.over.set_exception(error)

    def _forget(self) -> list[Job]:
        over = [job for job in self._known.values() if job.status in ("done", "failed")]
        old = over[: max(0, len(over) - KEPT)]
        for job in old:
            del self._known[job.id]
        return old

    def _write_journal(self) -> None:
        jobs = [job.to_journal() for job in (*self._running.values(), *self._waiting)]
        # A full disk must not end the service: then a new start has nothing to take up.
        with suppress(ReprisError):
            write_whole(self._journal, json.dumps(jobs))

    def _take_up(self) -> None:
        for result in self._results.glob("*.json"):
            result.unlink(missing_ok=True)
        try:
            noted = json.loads(self._journal.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        for entry in noted:
            try:
                sources = [Source(**source) for source in entry["sources"]]
                job = Job(entry["kind"], sources, entry["options"], entry["id"], tries=entry["tries"])
            except (KeyError, TypeError):
                continue  # of another version
            self._known[job.id] = job
            if job.tries < MOST_TRIES:
                self._waiting.append(job)
            else:
                job.status, job.stage, job.finished_at = "failed", "failed", time.time()
                job.error = f"the service ended {job.tries} times while this job was running"
