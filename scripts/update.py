"""The command `reprise update` as a script: `python scripts/update.py --help`."""

from reprise.cli.running import leave, run_command
from reprise.cli.update import update

if __name__ == "__main__":
    leave(run_command(update))
