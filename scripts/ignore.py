"""The command `reprise ignore` as a script: `python scripts/ignore.py --help`."""

from reprise.cli.ignore import ignore
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(ignore))
