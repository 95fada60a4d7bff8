"""The command `reprise models` as a script: `python scripts/models.py --help`."""

from reprise.cli.models import models
from reprise.cli.running import leave, run_command

if __name__ == "__main__":
    leave(run_command(models))
