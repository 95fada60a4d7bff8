"""The command `reprise backup` as a script: `python scripts/backup.py --help`."""

from reprise.cli.backup import backup
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(backup))
