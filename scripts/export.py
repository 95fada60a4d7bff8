"""The command `reprise export` as a script: `python scripts/export.py --help`."""

from reprise.cli.export import export
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(export))
