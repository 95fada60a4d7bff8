"""The command `reprise list` as a script: `python scripts/list.py --help`."""

import sys

from reprise.cli.list import list_videos
from reprise.cli.running import run_command

if __name__ == "__main__":
    sys.exit(run_command(list_videos))
