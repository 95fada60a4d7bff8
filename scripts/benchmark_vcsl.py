"""The command `reprise benchmark vcsl` as a script: `python scripts/benchmark_vcsl.py --help`."""

from reprise.cli.running import leave, run_command
from reprise.cli.vcsl import vcsl

if __name__ == "__main__":
    leave(run_command(vcsl))
