"""The command `reprise verify` as a script: `python scripts/verify.py --help`."""

from reprise.cli.running import leave, run_command
from reprise.cli.verify import verify

if __name__ == "__main__":
    leave(run_command(verify))
