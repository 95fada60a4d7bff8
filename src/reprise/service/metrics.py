"""What the service counts, as Prometheus reads it."""

from __future__ import annotations

from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from reprise.holdings import LibraryInfo
from reprise.service.jobs import Job

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
STATES = ("queued", "running", "done", "failed")


class Metrics:
    """The counts of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "reprise_requests", "Requests answered.", ["route", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "reprise_request_seconds", "Time to the answer.", ["route"], buckets=SECONDS, registry=self._registry
        )
        self._finished = Counter(
            "reprise_jobs_finished", "Jobs that are over.", ["kind", "status"], registry=self._registry
        )
        self._job_seconds = Histogram(
            "reprise_job_seconds", "Time of work.", ["kind"], buckets=SECONDS, registry=self._registry
        )
        self._waiting = Gauge("reprise_queue_length", "Jobs that wait.", registry=self._registry)
        self._jobs = Gauge("reprise_jobs", "Jobs that are known, by state.", ["status"], registry=self._registry)
        self._videos = Gauge("reprise_library_videos", "Videos in the library.", registry=self._registry)
        self._frames = Gauge("reprise_library_frames", "Frames in the library.", registry=self._registry)

    def count(self, route: str, method: str, status: int, taken_s: float) -> None:
        """Counts an answer."""
        self._requests.labels(route, method if method in METHODS else "other", str(status)).inc()
        self._seconds.labels(route).observe(taken_s)

    def finished(self, job: Job) -> None:
        """Counts a job that is over."""
        self._finished.labels(job.kind, job.status).inc()
        if job.started_at is not None and job.finished_at is not None:
            self._job_seconds.labels(job.kind).observe(job.finished_at - job.started_at)

    def text(self, waiting: int, jobs: list[Job], info: LibraryInfo) -> bytes:
        """Everything, in Prometheus' text format."""
        states = Tally(job.status for job in jobs)
        for state in STATES:
            self._jobs.labels(state).set(states[state])
        self._waiting.set(waiting)
        self._videos.set(info.videos)
        self._frames.set(info.frames)
        return generate_latest(self._registry)


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
