"""Pictures that someone waits for: drawn in processes of their own, so that no long job holds them up."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

from reprise.service.processes import Team
from reprise.service.refusals import RefusedError
from reprise.stores.videos import VideoRow

KEPT = 2000  # thumbnails, some 8 kB each
MOST_WAITING = 64


class Views:
    """A team's short tasks, from the event loop."""

    def __init__(self, team: Team) -> None:
        self._team = team
        self._waiting = 0
        self._thumbnails: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()

    async def run(self, task: str, *arguments: Any) -> Any:
        """As `Team.run`. Raises RefusedError if too many wait already."""
        if self._waiting >= MOST_WAITING:
            raise RefusedError(429, f"{MOST_WAITING} pictures are waiting; try again later", retry_after_s=1)
        self._waiting += 1
        try:
            return await asyncio.to_thread(self._team.run, task, *arguments)
        finally:
            self._waiting -= 1

    async def thumbnail(self, row: VideoRow, file: str, time_s: float) -> bytes:
        """The picture of a video at a time, as a JPEG file."""
        within_s = min(time_s, max(0.0, row.duration_s - 1))
        key = row.id, row.modified_ns, round(within_s * 10)
        if key not in self._thumbnails:
            self._thumbnails[key] = await self.run("thumbnail", file, round(within_s, 1))
            if len(self._thumbnails) > KEPT:
                self._thumbnails.popitem(last=False)
        self._thumbnails.move_to_end(key)
        return self._thumbnails[key]
