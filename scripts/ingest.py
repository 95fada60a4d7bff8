"""The command `reprise ingest` as a script: `python scripts/ingest.py --help`."""

import sys

from reprise.cli.ingest import ingest
from reprise.cli.running import run_command

if __name__ == "__main__":
    sys.exit(run_command(ingest))
