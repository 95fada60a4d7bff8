"""The parts of a running service, put together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import reprise
from reprise.errors import ReprisError
from reprise.service import addresses
from reprise.service.jobs import Job, Jobs, Source
from reprise.service.metrics import Metrics
from reprise.service.places import Places
from reprise.service.processes import Team
from reprise.service.refusals import RefusedError
from reprise.service.settings import ServiceSettings
from reprise.service.shelf import Shelf
from reprise.service.work import Work

VIEWERS = 2  # processes that draw thumbnails and read pictures
VIEW_LIMIT_S = 60.0


class Service:
    """A library's service; nothing runs before `start`."""

    def __init__(self, settings: ServiceSettings) -> None:
        """Opens the library and takes up what the journal holds. Raises ReprisError."""
        self.settings = settings
        self.metrics = Metrics()
        self.places = Places(settings.roots, settings.state, settings.library)
        self.shelf = Shelf(
            reprise.open(
                settings.library,
                model=settings.model,
                fps=settings.fps,
                device=settings.device,
                weights=settings.weights,
                limits=replace(settings.limits, duration_s=settings.max_duration_s),
            )
        )
        self._work = Work(settings, self.places, self.shelf)
        self.jobs = Jobs(
            self._work,
            state=self.places.state,
            queue=settings.queue,
            workers=settings.workers,
            time_limit_s=settings.time_limit_s,
            after=self._after,
        )
        self.viewers = Team(VIEWERS, VIEW_LIMIT_S)
        self.places.clear(self.jobs.files())

    def start(self) -> None:
        """Begins with the jobs."""
        self.jobs.start()

    def stop(self) -> None:
        """Ends the running jobs in peace; those that wait are taken up by the next start."""
        self.jobs.stop()
        self.viewers.end()
        with suppress(ReprisError):
            self.shelf.close()

    def source(self, named: str) -> Source:
        """The video that a client names: a path under a root or, if allowed, an address. Raises RefusedError."""
        if not addresses.is_address(named):
            return Source("file", self.places.named(named), named)
        if not self.settings.allow_urls:
            raise RefusedError(
                422, "this service fetches nothing from addresses; upload the video, or see --allow-urls"
            )
        addresses.check(named)
        return Source("url", named, named)

    def _after(self, job: Job) -> None:
        self._work.clean(job)
        self.metrics.finished(job)
