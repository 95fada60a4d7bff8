"""The command `reprise import` as a script: `python scripts/import.py --help`."""

from reprise.cli.importing import import_videos
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(import_videos))
