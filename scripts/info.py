"""The command `reprise info` as a script: `python scripts/info.py --help`."""

from reprise.cli.info import info
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(info))
