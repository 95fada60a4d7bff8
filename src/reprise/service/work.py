"""What each kind of job does: files from where they are, embedding in the job's worker process, the library asked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from reprise.audio.library_sounds import LibrarySounds
from reprise.checking.settings import CheckSettings
from reprise.checking.stages import Side, by_hash, by_pictures
from reprise.checking.verdict import Verdict
from reprise.decoding.container import check_file
from reprise.embedding import EmbeddedQuery, EmbeddedVideo
from reprise.errors import ModelError, ReprisError, printable
from reprise.evidence import QueryEvidence
from reprise.ingest import Outcome, Task
from reprise.library import Library
from reprise.report.page import audio_content
from reprise.scanning import content_hash, find_videos, video_id
from reprise.segment import QueryResult
from reprise.service import addresses
from reprise.service.jobs import Job, Source
from reprise.service.places import Places, safe_name
from reprise.service.processes import Worker
from reprise.service.refusals import RefusedError
from reprise.service.settings import ServiceSettings
from reprise.service.shelf import Shelf, likeness, whole_frames
from reprise.service.tasks import settings_of_worker
from reprise.settings import EmbedSettings, QuerySettings
from reprise.stores.videos import VideoRow

ADDRESS_TAG = "video_url:"  # what the library remembers of a video that came from an address


class Work:
    """Does jobs; called from several threads."""

    def __init__(self, settings: ServiceSettings, places: Places, shelf: Shelf) -> None:
        self._settings, self._places, self._shelf = settings, places, shelf
        self._embedding = settings_of_worker(shelf.settings)
        self._sounds: LibrarySounds | None = None
        self._kinds = {
            "ingest": self._ingest,
            "query": self._query,
            "check": self._check,
            "compare": self._compare,
            "vectors": self._vectors,
            "likeness": self._likeness,
            "similarity": self._similarity,
        }

    def __call__(self, job: Job, worker: Worker) -> Any:
        """The job's result, as JSON. Raises ReprisError, which names videos as the client knows them."""
        try:
            return self._kinds[job.kind](job, worker)
        except RefusedError as error:
            raise RefusedError(error.status, _renamed(str(error), job)) from error
        except ReprisError as error:
            raise type(error)(_renamed(str(error), job)) from error

    def clean(self, job: Job) -> None:
        """Removes the files that were handed over for a job that is over, but those that are in the library now."""
        for file in job.fetched:
            self._places.discard(file)
        for source in job.sources:
            path = Path(source.where)
            if source.kind == "upload" and (job.kind != "ingest" or not self._is_kept(path)):
                self._places.discard(source.where)

    def _is_kept(self, path: Path) -> bool:
        try:
            # The paths of the rows, as a video that was replaced by itself is in the library too.
            return any(row.path == printable(path) for row in self._shelf.rows().result())
        except ReprisError:
            return True  # rather a file too many than a reference lost

    # ---- ingest

    def _ingest(self, job: Job, worker: Worker) -> dict[str, Any]:
        (source,) = job.sources
        tags = list(job.options.get("tags", []))
        if source.kind == "url":
            return self._ingest_address(job, worker, source, tags)
        path = source.where
        allowed = self._places.is_allowed
        if not allowed(path):  # since it was asked for, or the roots are others now
            raise RefusedError(422, f"{source.name}: lies outside the folders that this service may read")
        found = find_videos([path], is_allowed=allowed)
        if source.kind == "upload":
            known = self._shelf.with_content(content_hash(path))
            if known is not None:
                return {"videos": [{"path": known.path, "id": known.id, "status": "unchanged"}], "skipped": []}
        failed = [Outcome(failure.path, "failed", failure.reason) for failure in found.failures]
        # Real paths: a link that is turned elsewhere after this look leads nowhere.
        tasks, settled = self._shelf.wanted([str(Path(video).resolve()) for video in found.videos])
        listening = self._shelf.as_it_listens(self._embedding)
        outcomes = [*failed, *settled]
        job.stage, job.total, job.done = "embedding", len(tasks) + len(outcomes), len(outcomes)
        try:
            for task in tasks:
                outcomes.append(self._ingest_one(task, worker, tags, listening))
                job.done += 1
        finally:
            if tasks:
                job.stage = "storing"
                self._shelf.flush()
        if len(outcomes) == 1 and outcomes[0].status == "failed":
            raise RefusedError(422, outcomes[0].reason)
        return {
            "videos": [self._outcome(outcome, tasks) for outcome in outcomes],
            "skipped": [printable(other) for other in found.skipped],
        }

    def _ingest_one(self, task: Task, worker: Worker, tags: Sequence[str], embedding: EmbedSettings) -> Outcome:
        try:
            video: EmbeddedVideo | None = worker.run(
                "embed_video", task.path, embedding, task.known_hash, self._settings.max_duration_s
            )
        except ModelError:
            raise  # which no other video would fare better with
        except ReprisError as error:
            return Outcome(task.path, "failed", str(error))
        return self._shelf.store(task, video, tags)

    def _outcome(self, outcome: Outcome, tasks: Sequence[Task]) -> dict[str, Any]:
        told: dict[str, Any] = {"path": printable(outcome.path), "status": outcome.status}
        if outcome.status in ("added", "replaced"):
            told["id"] = next(task.id for task in tasks if task.path == outcome.path)
            told["frames"] = outcome.frames
        if outcome.reason:
            told["error" if outcome.status == "failed" else "warning"] = outcome.reason
        return told

    def _ingest_address(self, job: Job, worker: Worker, source: Source, tags: list[str]) -> dict[str, Any]:
        # The same place every time, so that the video is replaced, not added once more.
        folder = self._places.videos / hashlib.sha256(source.where.encode()).hexdigest()[:32]
        folder.mkdir(exist_ok=True)
        file, part = folder / safe_name(addresses.name_in(source.where)), folder / "part"
        job.stage = "fetching"
        try:
            addresses.fetch(source.where, part, max_bytes=self._settings.max_upload_bytes)
            part.replace(file)
            inner = Job(
                "ingest", [Source("file", str(file), source.name)], {"tags": [*tags, ADDRESS_TAG + source.where]}
            )
            return self._ingest(inner, worker)
        finally:
            if not self._is_kept(file):
                self._places.discard(str(file))

    # ---- questions

    def _query(self, job: Job, worker: Worker) -> dict[str, Any]:
        settings, is_refined = self._settings_of(job)
        query = self._embedded(job, 0, worker, listens=settings.audio)
        job.stage, job.done, job.total = "searching", 1, 3
        evidence: QueryEvidence | None = None
        if job.options["evidence"]:
            evidence = self._shelf.ask(lambda library: library.query_embedded_with_evidence(query, settings)).result()
            result = evidence.result
        else:
            result = self._shelf.ask(lambda library: library.query_embedded(query, settings)).result()
        rows = self._rows_of(result)
        files = [self._places.file_of(row) or "" if row is not None else "" for row in rows]
        if is_refined:
            job.stage, job.done = "refining", 2
            known = [(file, row) if row is not None else None for file, row in zip(files, rows, strict=True)]
            result = worker.run("refined", result, query.path, known, self._embedding)
        if evidence is None:
            return {"result": self._shown(result, job).to_json(), "page": None}
        evidence = _with_result(evidence, result)
        job.stage, job.done = "drawing", 2
        matches = worker.run("contents", evidence, files)
        for match, row, file in zip(matches, rows, files, strict=True):
            match["video"] = row.id if row is not None else None
            match["playable"] = bool(file)
            match["url"] = f"/api/videos/{row.id}/media" if row is not None and file else ""
        return self._page(job, evidence, matches)

    def _settings_of(self, job: Job) -> tuple[QuerySettings, bool]:
        """How it is asked, and whether ends are to be refined: that decodes, so it is not the library's thread's."""
        settings = QuerySettings(**job.options["settings"])
        return replace(settings, refine=False), settings.refine

    def _check(self, job: Job, worker: Worker) -> dict[str, Any]:
        path = self._fetched(job, 0)
        check_file(path)
        job.stage, job.total = "searching", 2
        digest, settings = content_hash(path), CheckSettings(**job.options["settings"])

        def exact(library: Library) -> Verdict | None:
            return by_hash([self._side(library)], path, video_id(path), digest)

        verdict = self._shelf.ask(exact).result()
        if verdict is None:
            job.stage = "embedding"
            embedding = self._listening(settings.audio)
            checked = worker.run("embed_checked", path, embedding, digest, self._settings.max_duration_s)
            job.stage, job.done = "searching", 1

            def seen(library: Library) -> Verdict:
                return by_pictures([self._side(library)], path, video_id(path), checked, settings)

            verdict = self._shelf.ask(seen).result()
        return {"result": replace(verdict, path=printable(job.sources[0].name)).to_json()}

    def _side(self, library: Library) -> Side:
        """The library to check against; called from its thread."""
        stores, embedding = library.opened()
        self._sounds = self._sounds or LibrarySounds(stores)
        return Side(stores, embedding, self._sounds)

    def _compare(self, job: Job, worker: Worker) -> dict[str, Any]:
        one, other = (self._fetched(job, number) for number in (0, 1))
        job.stage = "comparing"
        settings = QuerySettings(**job.options["settings"])
        evidence: QueryEvidence = worker.run(
            "compare", (one, other), self._embedding, settings, self._settings.max_duration_s
        )
        matches = worker.run("contents", evidence, [other] * len(evidence.matches)) if job.options["evidence"] else []
        name = printable(job.sources[1].name)
        result = evidence.result
        named = tuple(replace(match, reference=name) for match in result.matches)
        evidence = _with_result(evidence, replace(result, matches=named))
        for match in matches:
            match.update(reference=name, video=None, playable=False, url="")
        if not job.options["evidence"]:
            return {"result": self._shown(evidence.result, job).to_json(), "page": None}
        return self._page(job, evidence, matches)

    def _page(self, job: Job, evidence: QueryEvidence, matches: list[dict[str, Any]]) -> dict[str, Any]:
        result = self._shown(evidence.result, job)
        return {
            "result": result.to_json(),
            "page": {
                "path": result.query,
                "url": "",
                "duration": round(result.duration_s, 3),
                "warning": result.warning or "",
                "matches": matches,
                "audio_matches": audio_content(result),
            },
        }

    def _rows_of(self, result: QueryResult) -> list[VideoRow | None]:
        by_path = {row.path: row for row in self._shelf.rows().result()}
        return [by_path.get(match.reference) for match in result.matches]

    def _shown(self, result: QueryResult, job: Job) -> QueryResult:
        """The result under the name that the client knows the query by."""
        warning = None if result.warning is None else _renamed(result.warning, job)
        return replace(result, query=printable(job.sources[0].name), warning=warning)

    # ---- the sample's questions

    def _vectors(self, job: Job, worker: Worker) -> dict[str, Any]:
        query = self._embedded(job, 0, worker)
        matrix = np.round(whole_frames(query).astype(float), 6).tolist()
        return {
            "video_vectors": {f"image_{number:03d}": vector for number, vector in enumerate(matrix, 1)},
            "result": [{f"frame_{number}": vector} for number, vector in enumerate(matrix)],
        }

    def _likeness(self, job: Job, worker: Worker) -> dict[str, Any]:
        query = self._embedded(job, 0, worker)
        job.stage = "searching"
        found = self._shelf.likeness(query, job.options["size"])
        return {"videos": [{"video_url": _address_of(row), "score": round(score, 6)} for row, score in found]}

    def _similarity(self, job: Job, worker: Worker) -> dict[str, Any]:
        one, other = (whole_frames(self._embedded(job, number, worker)) for number in (0, 1))
        return {"score": round(likeness(one, other), 6)}

    # ---- files

    def _embedded(self, job: Job, number: int, worker: Worker, *, listens: bool = False) -> EmbeddedQuery:
        path = self._fetched(job, number)
        job.stage = "embedding"
        embedding = self._listening(listens)
        query: EmbeddedQuery = worker.run("embed_query", path, embedding, self._settings.max_duration_s)
        return query

    def _listening(self, listens: bool) -> EmbedSettings:
        """The settings of a worker that listens too, where that is wanted and the library has sound."""
        return self._shelf.as_it_listens(self._embedding) if listens else replace(self._embedding, audio="no")

    def _fetched(self, job: Job, number: int) -> str:
        """The file of a source, fetched if it lies at an address."""
        source = job.sources[number]
        if source.kind == "url":
            job.stage = "fetching"
            file = self._places.new_file(addresses.name_in(source.where), keep=False)
            job.fetched.append(str(file))
            addresses.fetch(source.where, file, max_bytes=self._settings.max_upload_bytes)
            return str(file)
        if source.kind == "file" and not self._places.is_allowed(source.where):
            raise RefusedError(422, f"{source.name}: lies outside the folders that this service may read")
        return source.where


def _with_result(evidence: QueryEvidence, result: QueryResult) -> QueryEvidence:
    """The evidence of the same matches with other ends or names, in their order."""
    pairs = zip(evidence.matches, result.matches, strict=True)
    return replace(evidence, result=result, matches=tuple(replace(shown, match=match) for shown, match in pairs))


def _renamed(text: str, job: Job) -> str:
    """The text with the names that the client gave, in place of where the files lie here."""
    for source in job.sources:
        text = text.replace(printable(source.where), printable(source.name))
    for file in job.fetched:
        text = text.replace(printable(file), Path(file).name)
    return text


def _address_of(row: VideoRow) -> str:
    """What a video of the library was ingested as."""
    tagged = [tag.removeprefix(ADDRESS_TAG) for tag in row.tags if tag.startswith(ADDRESS_TAG)]
    return tagged[0] if tagged else row.path
