"""The command `reprise info` as a script: `python scripts/info.py --help`."""

import sys

from reprise.cli.info import info
from reprise.cli.running import run_command

if __name__ == "__main__":
    sys.exit(run_command(info))
