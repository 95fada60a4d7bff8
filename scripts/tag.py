"""The command `reprise tag` as a script: `python scripts/tag.py --help`."""

from reprise.cli.running import leave, run_command
from reprise.cli.tag import tag

if __name__ == "__main__":
    leave(run_command(tag))
