"""The command `reprise list` as a script: `python scripts/list.py --help`."""

from reprise.cli.list import list_videos
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(list_videos))
