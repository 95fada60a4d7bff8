"""The command `reprise query` as a script: `python scripts/query.py --help`."""

from reprise.cli.query import query
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(query))
