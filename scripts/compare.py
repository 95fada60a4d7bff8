"""The command `reprise compare` as a script: `python scripts/compare.py --help`."""

from reprise.cli.compare import compare
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(compare))
