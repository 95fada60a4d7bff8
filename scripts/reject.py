"""The command `reprise reject` as a script: `python scripts/reject.py --help`."""

from reprise.cli.reject import reject
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(reject))
