"""The command `reprise check` as a script: `python scripts/check.py --help`."""

from reprise.cli.check import check
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(check))
