"""The command `reprise dedupe` as a script: `python scripts/dedupe.py --help`."""

from reprise.cli.dedupe import dedupe
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(dedupe))
