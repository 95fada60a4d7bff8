"""The command `reprise compare` as a script: `python scripts/compare.py --help`."""

import sys

from reprise.cli.compare import compare
from reprise.cli.running import run_command

if __name__ == "__main__":
    sys.exit(run_command(compare))
