"""The command `reprise query` as a script: `python scripts/query.py --help`."""

import sys

from reprise.cli.query import query
from reprise.cli.running import run_command

if __name__ == "__main__":
    sys.exit(run_command(query))
