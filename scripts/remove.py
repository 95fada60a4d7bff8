"""The command `reprise remove` as a script: `python scripts/remove.py --help`."""

from reprise.cli.remove import remove
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(remove))
