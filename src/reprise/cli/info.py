"""`reprise info`: what the library, or one of its videos, is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
from rich.filesize import decimal

import reprise
from reprise.cli import options
from reprise.cli.printing import counted, print_json
from reprise.holdings import Holdings
from reprise.times import clock


@click.command(short_help="Tell what the library, or one of its videos, is.")
@click.argument("video", required=False, type=click.Path())
@options.library
@options.json_lines
def info(video: str | None, library: str, as_json: bool) -> int:
    """Tell what the library is made with, how much it holds and what it takes, or all about one VIDEO of it."""
    with reprise.open(library) as shelf:
        if video is None:
            held = shelf.holdings()
            facts = {**asdict(shelf.info()), **(_json(held) if as_json else _lines(held))}
        else:
            facts = shelf.find(video).to_json()
    if as_json:
        print_json(facts)
        return 0
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        click.echo(f"{name.replace('_', ' '):<{width}}{shown}")
    return 0


def _json(held: Holdings) -> dict[str, Any]:
    hour = held.bytes_per_hour
    return {
        "duration": round(held.duration_s, 3),
        "tags": dict(held.tags),
        "truncated": held.truncated,
        "notes": dict(held.notes),
        "milvus_bytes": held.milvus_bytes,
        "matrices_bytes": held.matrices_bytes,
        "bytes_per_hour": None if hour is None else round(hour),
    }


def _lines(held: Holdings) -> dict[str, Any]:
    hour = held.bytes_per_hour
    lines: dict[str, Any] = {"length": clock(held.duration_s)}
    if held.tags:
        lines["tags"] = [f"{tag} ({counted(videos, 'video')})" for tag, videos in held.tags]
    if held.truncated:
        lines["truncated"] = counted(held.truncated, "video")
    if held.notes:
        lines["notes"] = [f"{kind} ({number})" for kind, number in held.notes]
    on_server = held.milvus_bytes is None
    lines["frame vectors"] = "on the server, which does not tell" if on_server else decimal(held.milvus_bytes or 0)
    lines["matrices"] = f"{decimal(held.matrices_bytes)}{' on this machine' if on_server else ''}"
    if hour is not None:
        lines["per hour"] = f"{decimal(round(hour))} an hour of video"
    return lines
