"""Makes the demo's videos: python scripts/make_demo_videos.py OUT_DIR"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from reprise.demo.videos import make_demo_videos
from reprise.errors import ReprisError


@click.command()
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
def main(out_dir: Path) -> None:
    """Make the demo's library and queries in OUT_DIR, from photographs that scikit-image carries.

    OUT_DIR/planted.json says which seconds are copied from where. A complete set is left as it is.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        planted = make_demo_videos(out_dir)
    except (ReprisError, OSError) as error:
        click.echo(f"make_demo_videos: {error}", err=True)
        sys.exit(1)
    copies = sum(len(query.copies) for query in planted.values())
    click.echo(f"{out_dir}: {len(planted)} queries with {copies} copies planted")


if __name__ == "__main__":
    main()
