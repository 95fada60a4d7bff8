"""The command `reprise matrix` as a script: `python scripts/matrix.py --help`."""

from reprise.cli.matrix import matrix
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(matrix))
