"""The side of the process that decodes for `reprise.decoding.guarded`: one video after another, under limits.

Towards its owner it speaks JSON and bytes of pictures and sound, nothing that could run code there.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.decoding.limits import DecodeLimits, Meter, over_limit
from reprise.decoding.sampling import Picture, sample, sample_span, video_facts
from reprise.decoding.sound import SAMPLE_RATE, sound
from reprise.decoding.still import read_picture
from reprise.errors import DecodeError, ReprisError, printable

Job = tuple[Path | None, str, str, dict[str, Any], DecodeLimits]
Owner = Connection  # of bytes, as both sides write and read them
MAX_OPEN_FILES = 64
SPARE_CPU_S = 60
TOLD_SAMPLES = 4 * SAMPLE_RATE  # of sound in one message: a track's own frames are a fortieth of a second
# When pictures are sent: so many, so many bytes of them, or the first of them waited so long.
PARCEL_PICTURES = 32
PARCEL_BYTES = 1 << 20
PARCEL_S = 0.2


def serve(descriptor: int) -> None:
    """Decodes what comes in through the socket `descriptor`, until it is closed."""
    owner: Owner = Connection(descriptor)
    # Decoding needs to write nothing, and a crash is no reason to fill the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(owner, jobs), daemon=True).start()
    _tell(owner, {"is_alive": True})
    while True:
        job = jobs.get()
        try:
            _tell(owner, _done(owner, *job))
        except BrokenPipeError:
            os._exit(0)


def _receive(owner: Owner, jobs: queue.SimpleQueue[Job]) -> None:
    # On a thread of its own, so that the process ends with its owner even in the middle of a long video.
    try:
        while True:
            jobs.put(owner.recv())
    except (EOFError, OSError):
        os._exit(0)


def _done(
    owner: Owner, folder: Path | None, task: str, path: str, settings: dict[str, Any], limits: DecodeLimits
) -> dict[str, Any]:
    """Does one job, whose path counts from `folder`; the message that it ends with."""
    meter = Meter(path, limits, lambda: _tell(owner, {"is_alive": True}))
    try:
        _bound(limits)
        if folder is not None:
            os.chdir(folder)
        if task == "video_facts":
            _tell(owner, {"facts": asdict(video_facts(path, meter=meter))})
        elif task == "sound":
            _tell_sound(owner, sound(path, meter=meter))
        else:
            _tell_pictures(owner, _pictures(task, path, settings, meter))
    except ReprisError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except MemoryError:
        over = over_limit(path, "decoding it needs more memory", "memory", limits)
        return {"error": type(over).__name__, "message": str(over)}
    except BrokenPipeError:
        raise  # the owner is gone
    except Exception as error:  # noqa: BLE001 - whatever a damaged file brings about must not end the process
        fault = f"{printable(path)}: unexpected fault ({type(error).__name__}: {error})"
        return {"error": DecodeError.__name__, "message": fault}
    return {"is_over": True}


def _pictures(task: str, path: str, settings: dict[str, Any], meter: Meter) -> Iterator[Picture]:
    if task == "read_picture":
        return iter([Picture(read_picture(path, settings["size"], meter=meter), 0.0, True)])
    return iter({"sample": sample, "sample_span": sample_span}[task](path, **settings, meter=meter))


class _Parcel:
    """Pictures on their way to the owner: several small ones in one message, which costs less than one for each."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._told: list[tuple[float, bool, bool]] = []  # time, whether a key frame, whether it has pixels of its own
        self._pixels: list[NDArray[np.uint8]] = []
        self._last: NDArray[np.uint8] | None = None
        self._began_s = 0.0

    def add(self, picture: Picture) -> None:
        """Takes a picture, and sends what there is if that is enough."""
        is_new = picture.pixels is not self._last
        if is_new and self._pixels and picture.pixels.shape != self._pixels[0].shape:
            self.send()
        if not self._told:
            self._began_s = time.monotonic()
        self._told.append((picture.time_s, picture.is_key_frame, is_new))
        if is_new:
            self._last = picture.pixels
            self._pixels.append(picture.pixels)
        held_bytes = len(self._pixels) * picture.pixels.nbytes
        if held_bytes >= PARCEL_BYTES or len(self._told) >= PARCEL_PICTURES or self._is_late():
            self.send()

    def _is_late(self) -> bool:
        return time.monotonic() - self._began_s > PARCEL_S

    def send(self) -> None:
        """Sends what there is."""
        if not self._told:
            return
        shape = (len(self._pixels), *self._pixels[0].shape) if self._pixels else ()
        _tell(self._owner, {"pictures": self._told, "shape": shape})
        if self._pixels:
            pixels = self._pixels[0] if len(self._pixels) == 1 else np.stack(self._pixels)
            self._owner.send_bytes(np.ascontiguousarray(pixels).reshape(-1).data)
        self._told, self._pixels = [], []


def _tell_pictures(owner: Owner, pictures: Iterator[Picture]) -> None:
    parcel = _Parcel(owner)
    try:
        for picture in pictures:
            parcel.add(picture)
    finally:
        parcel.send()  # also what came before an error


def _tell_sound(owner: Owner, pieces: Iterator[NDArray[np.int16]]) -> None:
    waiting: list[NDArray[np.int16]] = []
    samples = 0
    for piece in pieces:
        waiting.append(piece)
        samples += len(piece)
        if samples >= TOLD_SAMPLES:
            _tell_samples(owner, np.concatenate(waiting))
            waiting, samples = [], 0
    if waiting:
        _tell_samples(owner, np.concatenate(waiting))


def _tell_samples(owner: Owner, samples: NDArray[np.int16]) -> None:
    _tell(owner, {"samples": len(samples)})
    owner.send_bytes(samples.data)


def _tell(owner: Owner, message: dict[str, Any]) -> None:
    owner.send_bytes(json.dumps(message).encode())


def _bound(limits: DecodeLimits) -> None:
    """Sets the system's own limits, above what the process has used up to now."""
    # Not the address space: of that, threads and allocators reserve much more than they ever use.
    _set(resource.RLIMIT_DATA, _data_bytes() + limits.memory_bytes)
    used = resource.getrusage(resource.RUSAGE_SELF)
    # For a process whose owner is gone and that hangs where no other thread gets a turn.
    cores = len(os.sched_getaffinity(0))
    _set(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + cores * limits.time_s) + SPARE_CPU_S)


def _set(kind: int, value: int) -> None:
    _, most = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if most == resource.RLIM_INFINITY else min(value, most), most))


def _data_bytes() -> int:
    """What counts towards the limit by now: the process's private writable memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), 0)
