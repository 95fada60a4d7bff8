"""The command `reprise search` as a script: `python scripts/search.py --help`."""

from reprise.cli.running import leave, run_command
from reprise.cli.search import search

if __name__ == "__main__":
    leave(run_command(search))
