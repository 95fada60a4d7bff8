"""The command `reprise remove` as a script: `python scripts/remove.py --help`."""

import sys

from reprise.cli.remove import remove
from reprise.cli.running import run_command

if __name__ == "__main__":
    sys.exit(run_command(remove))
