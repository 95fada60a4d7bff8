"""The command `reprise restore` as a script: `python scripts/restore.py --help`."""

from reprise.cli.backup import restore
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(restore))
