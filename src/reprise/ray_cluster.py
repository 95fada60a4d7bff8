"""Decoding and embedding on a Ray cluster: each video a task on some machine, what it gives stored by this process.

Ray runs a task again, on another machine if need be, when its worker or machine dies, also when that took a result
with it that had not been fetched; a video's result is taken once, so it is stored once. There are never more videos
under way than the cluster can do at once and some to go on with: what was embedded waits for the one that stores it.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import time
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from reprise.embedding import Attempt
from reprise.errors import MissingExtraError, ProcessLostError, ReprisError, printable
from reprise.ray_task import embed_on_worker, named_as
from reprise.settings import EmbedSettings
from reprise.version import program

TRIES_AGAIN = 3  # of a video whose worker dies; Ray's own default
AHEAD = 0.5  # videos that wait for a worker, as a share of those that are at work, so that none of these is idle
KNOCK_S = 10.0  # for a connection
LOOK_AGAIN_S = 1.0  # at how large the cluster is
TELL_AFTER_S = 60.0  # of nothing done, with nobody there to do it

_log = logging.getLogger(__name__)


class Embeddable(Protocol):
    """A video that may need embedding."""

    @property
    def path(self) -> str:
        """Where it is, on every machine."""

    @property
    def file_size(self) -> int:
        """Bytes."""

    @property
    def known_hash(self) -> str | None:
        """The content hash of the one that the library has."""


T = TypeVar("T", bound=Embeddable)


class RayCluster:
    """A connection to a cluster; use `connected`."""

    def __init__(self, ray: Any, shown: str, device: str) -> None:
        self._ray, self._shown = ray, shown
        self._needs_gpu = device == "cuda"
        self._seen = 0, -LOOK_AGAIN_S  # slots, and when they were counted
        self._machines: dict[str, str] = {}  # hosts by id of the nodes that were alive then

    def slots(self) -> int:
        """How many videos the cluster can be at work on: one a CPU, of which with `cuda` only machines with GPUs."""
        count, at_s = self._seen
        if time.monotonic() - at_s >= LOOK_AGAIN_S:
            alive = [node for node in self._ray.nodes() if node["Alive"]]
            count = sum(
                int(node["Resources"].get("CPU", 0))
                for node in alive
                if not self._needs_gpu or node["Resources"].get("GPU", 0) > 0
            )
            self._seen = count, time.monotonic()
            self._tell_lost({node["NodeID"]: node["NodeManagerHostname"] for node in alive})
        return count

    def _tell_lost(self, machines: dict[str, str]) -> None:
        for lost in self._machines.keys() - machines.keys():
            host = self._machines[lost]
            _log.warning("%s: the Ray cluster lost %s; what that was at is done by the others", self._shown, host)
        self._machines = machines

    def at_once(self, wanted: int | None) -> int:
        """How many videos are under way at a time: `wanted`, or as many as keep the whole cluster busy."""
        return math.ceil((1 + AHEAD) * max(1, self.slots())) if wanted is None else wanted

    def embed_all(
        self, wanted: Iterable[T], settings: EmbedSettings, most: int | None
    ) -> Generator[tuple[T, Attempt], None, None]:
        """Each video with what it came to, in the order in which they get done; drawn when there is room for one.

        `most` are under way at a time; None for as many as the cluster, as large as it is then, can do. Closing the
        generator ends all work on the cluster. Raises ReprisError where the cluster cannot do it.
        """
        from ray.exceptions import RayError

        task = self._task(settings)
        source = iter(wanted)
        under_way: dict[Any, T] = {}
        quiet_since_s = time.monotonic()
        has_told = False
        try:
            while True:
                while len(under_way) < self.at_once(most) and (video := next(source, None)) is not None:
                    under_way[self._begun(task, video, settings)] = video
                if not under_way:
                    return
                self.slots()
                done, _ = self._ray.wait(list(under_way), num_returns=1, timeout=LOOK_AGAIN_S)
                for reference in done:
                    video = under_way.pop(reference)
                    quiet_since_s = time.monotonic()
                    yield video, self._result(reference, video.path)
                if not has_told and time.monotonic() - quiet_since_s > TELL_AFTER_S and not self.slots():
                    has_told = True
                    kind = "GPU" if self._needs_gpu else "CPU"
                    _log.warning("%s: no machine of the Ray cluster has a %s; waiting for one", self._shown, kind)
        finally:
            for reference in under_way:
                with suppress(RayError):
                    self._ray.cancel(reference, force=True)

    def _task(self, settings: EmbedSettings) -> Any:
        resources: dict[str, float] = {"num_cpus": 1}
        if settings.device == "cuda":
            resources["num_gpus"] = self._gpu_share()
        return self._ray.remote(max_retries=TRIES_AGAIN, **resources)(embed_on_worker)

    def _gpu_share(self) -> float:
        """What a video takes of a GPU, so that every CPU beside one decodes for it; Ray counts in ten-thousandths."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        shares = [node["GPU"] / node.get("CPU", 1) for node in nodes if node.get("GPU", 0) > 0]
        return max(1e-4, min(1.0, math.floor(min(shares, default=1.0) * 1e4) / 1e4))

    def _begun(self, task: Any, video: Embeddable, settings: EmbedSettings) -> Any:
        path = os.path.abspath(video.path)  # noqa: PTH100 - links stay as they are
        weights = settings.weights and os.path.abspath(settings.weights)  # noqa: PTH100
        # One thread each, as there are as many at work as there are CPUs.
        alone = replace(settings, threads=1, weights=weights)
        return task.remote(path, video.file_size, alone, video.known_hash, program())

    def _result(self, reference: Any, path: str) -> Attempt:
        from ray import exceptions

        try:
            result: Attempt = self._ray.get(reference)
        except exceptions.RayTaskError as error:
            # Not of the video: whatever that brings about comes back as a result.
            reason = _first_line(error.cause or error)
            raise ReprisError(
                f"{self._shown}: a worker of the Ray cluster cannot run Reprise ({reason}); install the same version "
                "there"
            ) from error
        except (exceptions.TaskUnschedulableError, exceptions.RuntimeEnvSetupError) as error:
            raise ReprisError(f"{self._shown}: the Ray cluster refuses the work ({_first_line(error)})") from error
        except exceptions.RayError:
            return ProcessLostError(
                f"{printable(path)}: {TRIES_AGAIN + 1} workers of the Ray cluster died over it, maybe for want of "
                "memory; try again"
            )
        return named_as(result, path)


@contextmanager
def connected(address: str, device: str) -> Iterator[RayCluster]:
    """The cluster at `address`: host:port of its head, from one of its machines; ray://host:10001 from any; or auto.

    `device` is where networks run: with "cuda" every video takes a share of a GPU. Raises MissingExtraError, or
    ReprisError if no cluster answers.
    """
    # Before Ray is imported, which reads them then: it reports to its makers unless it is told not to.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("--ray needs Ray; pip install '.[ray]'") from error
    shown = printable(address)
    is_ours = not ray.is_initialized()  # else whoever called us has connected already, and stays so
    if is_ours:
        try:
            _knock(address)
            with warnings.catch_warnings(action="ignore"):
                ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL + 1)
            # Whatever is logged, the end of a raylet Ray prints to stdout, where results go.
            ray._private.worker.print_to_stdstream = _say_nothing
        except Exception as error:  # Ray has no error of its own for this
            reason = _first_line(error)
            raise ReprisError(
                f"{shown}: no Ray cluster answers there ({reason}); start it with `ray start`, or mend the address"
            ) from error
    try:
        yield RayCluster(ray, shown, device)
    finally:
        if is_ours:
            ray.shutdown()


def _say_nothing(printed: Any, **how: Any) -> None:
    _log.debug("%s %s", printed, how)


def _knock(address: str) -> None:
    """Raises OSError if nobody listens there, which Ray takes minutes and many lines to find out."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_S).close()


def _first_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__
