"""The command `reprise verify` as a script: `python scripts/verify.py --help`."""

import sys

from reprise.cli.running import run_command
from reprise.cli.verify import verify

if __name__ == "__main__":
    sys.exit(run_command(verify))
