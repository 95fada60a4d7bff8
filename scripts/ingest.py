"""The command `reprise ingest` as a script: `python scripts/ingest.py --help`."""

from reprise.cli.ingest import ingest
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(ingest))
