"""`reprise serve`: the library over HTTP, with a web page."""

from __future__ import annotations

import re
from pathlib import Path

import click

from reprise.cli import options
from reprise.cli.running import complain
from reprise.decoding.limits import DecodeLimits
from reprise.errors import printable
from reprise.service.server import serve as run_service
from reprise.service.settings import ServiceSettings, state_folder
from reprise.settings import EmbedSettings, default_workers

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
USUAL = ServiceSettings("library", Path("state"))


class _Size(click.ParamType[int]):
    """Bytes, as 500MB or 2G."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", str(value).strip(), re.IGNORECASE)
        if found is None:
            self.fail(f"{value!r} is no size; give e.g. 500MB or 2GB", param, ctx)
        return int(float(found[1]) * UNITS[found[2].upper()])


@click.command(short_help="Serve the library over HTTP, with a web page.")
@options.library
@click.option("--host", default=USUAL.host, show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=USUAL.port, show_default=True, help="The port; 0 for any."
)
@click.option(
    "--token",
    envvar="REPRISE_TOKEN",
    metavar="WORD",
    default=None,
    help="What clients must know (Authorization: Bearer WORD).  [default: $REPRISE_TOKEN, else none]",
)
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A folder whose videos clients may name and play; repeatable.  [default: none]",
)
@click.option(
    "--state",
    metavar="DIR",
    default=None,
    type=click.Path(path_type=Path),
    help="Where uploads and waiting jobs are kept.  [default: LIB-service beside the library]",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    help=f"Jobs that are done at a time.  [default: one a core, here {default_workers()}]",
)
@click.option(
    "--queue", type=click.IntRange(min=1), default=USUAL.queue, show_default=True, help="Jobs that may wait."
)
@click.option("--max-upload", type=_Size(), default="2GB", show_default=True, help="The largest file that is taken.")
@click.option(
    "--max-duration",
    type=click.FloatRange(min=1),
    default=USUAL.max_duration_s,
    show_default=True,
    help="The longest video that is taken, in seconds.",
)
@click.option("--allow-urls", is_flag=True, help="Fetch videos from http, https and s3 addresses that clients name.")
@options.model(f"the library's, {EmbedSettings().model} for a new one")
@options.fps(f"the library's, {EmbedSettings().fps:g} for a new one")
@options.weights
@options.device
@options.limits
def serve(
    library: str,
    host: str,
    port: int,
    token: str | None,
    roots: tuple[Path, ...],
    state: Path | None,
    workers: int | None,
    queue: int,
    max_upload: int,
    max_duration: float,
    allow_urls: bool,
    model: str | None,
    fps: float | None,
    weights: str | None,
    device: str,
    limits: DecodeLimits,
) -> None:
    """Serve the library over HTTP, with a web page at /. It is made if there is none.

    Only this machine is served, unless --host says otherwise; then --token is needed. Ends on Ctrl-C or SIGTERM,
    when the running jobs are over; those that wait are done at the next start.
    """
    settings = ServiceSettings(
        library=library if "://" in library else str(Path(library).expanduser().resolve()),
        state=state_folder(library) if state is None else state,
        roots=roots,
        host=host,
        port=port,
        token=token,
        max_upload_bytes=max_upload,
        max_duration_s=max_duration,
        queue=queue,
        workers=workers or default_workers(),
        allow_urls=allow_urls,
        model=model,
        fps=fps,
        device=device,
        weights=weights,
        limits=limits,
    )
    run_service(settings, lambda address: complain(f"{printable(library)} is served at {address}"))
