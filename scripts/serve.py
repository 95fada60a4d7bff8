"""The command `reprise serve` as a script: `python scripts/serve.py --help`."""

from reprise.cli.running import leave, run_command
from reprise.cli.serve import serve

if __name__ == "__main__":
    leave(run_command(serve))
