"""The settings of a service: validated when built, built once by the command line."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from pathlib import Path

from reprise.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from reprise.errors import SettingsError, printable
from reprise.settings import default_workers

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What a service serves, to whom, and how much it takes."""

    library: str
    state: Path  # the folder for uploads, results and the journal of jobs
    roots: tuple[Path, ...] = ()  # folders whose files may be named in requests
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    max_upload_bytes: int = 2 * GIB
    max_duration_s: float = 4 * 3600.0
    queue: int = 64  # jobs that may wait
    workers: int = default_workers()  # jobs that are done at a time, each with a process of its own
    time_limit_s: float = 3600.0  # of one video in a worker process
    allow_urls: bool = False
    model: str | None = None
    fps: float | None = None
    device: str = "auto"
    weights: str | None = None
    limits: DecodeLimits = DEFAULT_LIMITS  # of decoding a video; for its duration, max_duration_s counts

    def __post_init__(self) -> None:
        for root in self.roots:
            if not root.is_dir():
                raise SettingsError(f"{printable(root)}: --root is no folder; give one that is there")
        if self.token is not None and (not self.token or not self.token.isascii() or not self.token.isprintable()):
            raise SettingsError("the token must be a word of ASCII characters; leave --token out for none")
        if not self.is_local and self.token is None:
            raise SettingsError(
                f"host {self.host} can be reached from other machines; give --token too, or leave --host out"
            )
        if self.max_upload_bytes < 1 or not (math.isfinite(self.max_duration_s) and self.max_duration_s > 0):
            raise SettingsError("the largest upload and the longest duration must be above 0")
        if min(self.queue, self.workers) < 1 or not self.time_limit_s > 0:
            raise SettingsError("queue, workers and time limit must be at least 1")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def state_folder(library: str) -> Path:
    """Where a library's service keeps its state if not told: beside the library's folder."""
    if "://" not in library:
        folder = Path(library).expanduser().resolve()
        return folder.with_name(f"{folder.name}-service")
    from reprise.stores.place import Place

    return Place.of(library).locked.resolve() / "service"
